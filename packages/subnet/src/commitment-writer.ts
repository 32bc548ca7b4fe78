/**
 * Writes this role's one on-chain record, unless it already stands there.
 *
 * @module
 */
import { readCommitments, setCommitment } from '@connito/chain';
import { equalBytes } from '@connito/commit-reveal';
import type { RoleContext } from './context.ts';

/** The block that has the record. */
export async function ensureCommitted({ chain, manifest, keypair }: Pick<RoleContext, 'chain' | 'manifest' | 'keypair'>, fields: readonly Uint8Array[]): Promise<number> {
  const { netuid } = manifest;
  const { hash } = await chain.finalisedHead();
  const standing = (await readCommitments(chain, { netuid, at: hash })).get(keypair.hotkey);
  if (standing && sameFields(standing.fields, fields)) return standing.blockNumber;
  const { blockNumber } = await setCommitment(chain, { netuid, fields, signer: keypair });
  return blockNumber;
}

function sameFields(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.length === b.length && a.every((field, index) => equalBytes(field, b[index] ?? new Uint8Array()));
}
