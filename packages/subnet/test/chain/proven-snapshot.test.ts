import { startLocalnet, type Localnet } from '@connito/localnet';
import {
  addStake,
  burnedRegister,
  connectChain,
  isChainError,
  openKeypair,
  readMetadata,
  readProvenSnapshot,
  readSnapshot,
  registerNetwork,
  setCommitment,
  startCall,
  verifySnapshot,
  type Chain,
  type ProvenSnapshot,
} from '@connito/chain';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const [ALICE, BOB, DAVE] = ['//Alice', '//Bob', '//Dave'].map((uri) => openKeypair(uri)) as [ReturnType<typeof openKeypair>, ReturnType<typeof openKeypair>, ReturnType<typeof openKeypair>];
let localnet: Localnet;
let chain: Chain;
let netuid: number;
let beforeMs: number;
let proven: ProvenSnapshot;
let metadata: Uint8Array;

beforeAll(async () => {
  localnet = await startLocalnet({ seed: 'proven', port: 0, beaconPeriodMs: 86_400_000 });
  chain = await connectChain({ endpoint: localnet.endpoint });
  ({ netuid } = await registerNetwork(chain, { hotkey: BOB.hotkey, signer: ALICE }));
  await startCall(chain, { netuid, signer: ALICE });
  await burnedRegister(chain, { netuid, hotkey: DAVE.hotkey, signer: ALICE });
  await addStake(chain, { netuid, hotkey: BOB.hotkey, amountRao: 5_000_000_000n, tolerance: 'none', signer: ALICE });
  await setCommitment(chain, { netuid, fields: [Uint8Array.of(1, 2, 3), new Uint8Array(100).fill(9)], signer: DAVE });
  beforeMs = (await chain.finalisedHead()).timestampMs + 1;
  await setCommitment(chain, { netuid, fields: [Uint8Array.of(4)], signer: DAVE });
  proven = await readProvenSnapshot(chain, { netuid, beforeMs });
  metadata = await readMetadata(chain, { at: proven.snapshot.block.blockHash });
});
afterAll(async () => {
  await chain.close();
  await localnet.close();
});

async function reasonOf(bytes: Uint8Array, change: Partial<Parameters<typeof verifySnapshot>[1]> = {}): Promise<unknown> {
  try {
    await verifySnapshot(bytes, { blockHash: proven.snapshot.block.blockHash, netuid, metadata, ...change });
  } catch (error) {
    if (isChainError(error)) return error.context.reason ?? error.code;
    throw error;
  }
  return 'none';
}

/** Metadata in which the values of a map have another type: its entry is a name, two bytes, a list of hashers, then the types of keys and value as compact numbers. */
function retyped(bytes: Uint8Array, item: string, type: number): Uint8Array {
  const copy = Buffer.from(bytes);
  const hashers = copy.indexOf(Buffer.concat([Buffer.from([item.length * 4]), Buffer.from(item), Buffer.from([1, 1])])) + item.length + 3;
  const keys = hashers + 1 + (copy[hashers] as number) / 4;
  const value = keys + ((copy[keys] as number) & 3 ? 2 : 1);
  if (((copy[value] as number) & 3) === 0) copy[value] = type << 2;
  else copy.writeUInt16LE((type << 2) | 1, value);
  return copy;
}

describe('a proven snapshot', () => {
  it('holds what is read without a proof, and is verified without a connection', async () => {
    const plain = await readSnapshot(chain, { netuid, beforeMs });
    expect(proven.snapshot).toEqual(plain);
    expect(plain.commitments.get(DAVE.hotkey)?.fields[0]).toEqual(Uint8Array.of(1, 2, 3));
    expect(plain.neurons.length).toBe(2);
    expect(await verifySnapshot(proven.bytes, { blockHash: plain.block.blockHash, netuid, metadata })).toEqual(plain);
  });

  it('is of one block and one subnet', async () => {
    expect(await reasonOf(proven.bytes)).toBe('none');
    expect(await reasonOf(proven.bytes, { blockHash: `0x${'1'.repeat(64)}` })).toBe('other-block');
    expect(await reasonOf(proven.bytes, { netuid: netuid + 1 })).toBe('other-subnet');
    expect(await reasonOf(proven.bytes, { metadata: new Uint8Array(9) })).toBe('bad-value');
    const other = proven.bytes.slice();
    other[19] = (other[19] as number) ^ 2; // the netuid in the bytes themselves
    expect(await reasonOf(other, { netuid: netuid ^ 2 })).toMatch(/missing-node|unused-node/);
  });

  it('is not read with the metadata of another runtime', async () => {
    expect(await reasonOf(proven.bytes, { metadata: retyped(metadata, 'Keys', 0) })).toBe('none'); // AccountId32 as it is
    expect(await reasonOf(proven.bytes, { metadata: retyped(metadata, 'SubnetworkN', 0) })).toBe('other-runtime');
    expect(await reasonOf(proven.bytes, { blockHash: proven.snapshot.block.blockHash.toUpperCase().replace('0X', '0x') })).toBe('none');
  });

  it('does not survive a change of any byte', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(proven.bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const bytes = proven.bytes.map((byte, index) => (index === at ? byte ^ change : byte));
        expect(await reasonOf(bytes)).toMatch(/^(malformed|other-block|other-subnet|too-large|too-many-nodes|malformed-node|missing-node|unused-node|duplicate-node)$/);
      }),
      { numRuns: 60 },
    );
  });

  it('is refused where it ends too soon or goes on', async () => {
    for (const length of [0, 10, 21, 25, 200, proven.bytes.length - 1]) expect(await reasonOf(proven.bytes.slice(0, length))).toBe('malformed');
    expect(await reasonOf(Uint8Array.of(...proven.bytes, 0))).toBe('malformed');
  });
});
