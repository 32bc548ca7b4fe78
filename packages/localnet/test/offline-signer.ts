/** Signs transactions by @polkadot/types without a connection. */
import { expandMetadata, Metadata, TypeRegistry } from '@polkadot/types';
import type { GenericExtrinsic } from '@polkadot/types';
import { encodeMetadata } from '../src/metadata.ts';
import { runtimeVersion } from '../src/version.ts';
import type { BareNode } from './bare-node.ts';
import { pairOf } from './support.ts';

const registry = new TypeRegistry();
const metadata = new Metadata(registry, encodeMetadata(14));
registry.setMetadata(metadata);
const { tx } = expandMetadata(registry, metadata);

/** Who signs, and how. */
export interface OfflineOptions {
  readonly from?: string;
  readonly nonce?: number;
  readonly tip?: number;
}

/** A signed, immortal remark as hex. */
export function signedRemark({ node }: BareNode, { from = '//Alice', nonce = 0, tip = 0 }: OfflineOptions = {}): string {
  const call = tx['system']?.['remarkWithEvent']?.('0x');
  const genesisHash = `0x${node.chain.genesisHash}`;
  const version = { specVersion: registry.createType('u32', runtimeVersion.spec_version), transactionVersion: registry.createType('u32', runtimeVersion.transaction_version) };
  const extrinsic = registry.createType<GenericExtrinsic>('Extrinsic', call, { version: 4 });
  return extrinsic.sign(pairOf(from), { blockHash: genesisHash, genesisHash, nonce, tip, runtimeVersion: version as never, mode: 0 } as never).toHex();
}
