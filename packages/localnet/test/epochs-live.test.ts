/** Epochs of a running chain, read and driven over RPC: weights that the chain opens itself, two mechanisms, and bonds on a neuron that was replaced; all stored figures equal the pure function of the block before. */
import { addStake, burnedRegister, commitTimelockedWeights, computeYumaFast, connectChain, openKeypair, readYumaInput, setHyperparameter, type Chain, type Keypair } from '@connito/chain';
import { combineMechanisms, computeYuma, splitEmission, type YumaInput, type YumaResult, type YumaRow } from '@connito/chain/yuma';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { makeSubnet, openWorld, read, TAO, type World } from './support.ts';

// Machines that build and test at once are slow.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const SPLIT = [16_384, 49_151];
const TEMPO = 20;
const alice = openKeypair('//Alice');
const validators = ['//first', '//second'].map((uri) => openKeypair(uri));
const miners = ['//red', '//green'].map((uri) => openKeypair(uri));
/** Uids behind the owner's 0 and the validators' 1 and 2. */
const [RED, GREEN] = [3, 4];

let world: World;
let chain: Chain;
let netuid: number;

async function set(values: Readonly<Record<string, unknown>>): Promise<void> {
  for (const [name, value] of Object.entries(values)) await setHyperparameter(chain, { netuid, name, value, signer: alice, sudo: true } as Parameters<typeof setHyperparameter>[1]);
}

beforeAll(async () => {
  world = await openWorld({ seed: 'epochs-live', beaconPeriodMs: 12_000 });
  chain = await connectChain({ endpoint: world.net.endpoint });
  netuid = await makeSubnet(world.api);
  for (const { hotkey } of [...validators, ...miners]) await burnedRegister(chain, { netuid, hotkey, signer: alice });
  for (const [index, { hotkey }] of validators.entries()) await addStake(chain, { netuid, hotkey, amountRao: BigInt(100 + 50 * index) * TAO, tolerance: 'none', signer: alice });
  await set({ adminFreezeWindow: 0, maxAllowedUids: 64, mechanismCount: 2, mechanismEmissionSplit: SPLIT, tempo: TEMPO, commitRevealWeightsEnabled: true });
});

afterAll(async () => {
  await chain.close();
  await world.close();
});

const hashOf = (number: number): Promise<string> => chain.request<string>('chain_getBlockHash', [number]);
const stored = <T>(item: string, keys: readonly unknown[], at: string): Promise<T> => read(world.api, 'subtensorModule', item, keys, at) as Promise<T>;

interface PassedEpoch {
  /** Of each mechanism. */
  readonly inputs: readonly YumaInput[];
  readonly results: readonly YumaResult[];
}

/** Makes the blocks up to the next epoch and compares what it stored with what follows from the block before. */
async function passEpoch(): Promise<PassedEpoch> {
  const { block } = await readYumaInput(chain, { netuid });
  world.net.sealBlocks(block - world.net.blockNumber());
  const [earlier, before, at] = (await Promise.all([block - 2, block - 1, block].map(hashOf))) as [string, string, string];
  const [one, two] = await Promise.all([earlier, before].map((hash) => readYumaInput(chain, { netuid, at: hash }))) as [YumaInput, YumaInput];
  // Without stake on root each block adds as much; that of the epoch, too.
  const parts = splitEmission({ emissionRao: 2n * two.emissionRao - one.emissionRao, mechanismCount: 2, split: SPLIT });
  const inputs = await Promise.all(parts.map((emissionRao, mechanism) => readYumaInput(chain, { netuid, mechanism, at: before, block, emissionRao })));
  const results = inputs.map(computeYuma);
  expect(inputs.map(computeYumaFast)).toEqual(results);
  await checkSubnet(results, parts, at);
  for (const [mechanism, { incentive, bonds }] of results.entries()) {
    const index = mechanism * 4096 + netuid;
    expect(await stored('incentive', [index], at)).toEqual(incentive);
    expect(await Promise.all(bonds.map((_, uid) => stored<YumaRow>('bonds', [index, uid], at)))).toEqual(bonds);
  }
  return { inputs, results };
}

async function checkSubnet(results: readonly YumaResult[], parts: readonly bigint[], at: string): Promise<void> {
  const { emissionRao, serverEmissionRao: _, validatorEmissionRao: __, ...figures } = combineMechanisms(results, parts);
  for (const [item, values] of Object.entries(figures)) expect({ [item]: await stored(item, [netuid], at) }).toEqual({ [item]: values });
  expect((await stored<number[]>('emission', [netuid], at)).map(BigInt)).toEqual(emissionRao);
}

/** Both validators, in mechanism 0 for one miner and in mechanism 1 for the other. */
async function commitAll(first: number, second: number): Promise<void> {
  for (const [mechanism, weights] of [[0, [3, 1]], [1, [1, 6]]] as const) {
    for (const [index, signer] of validators.entries()) {
      await commitTimelockedWeights(chain, { netuid, mechanism, weights: [{ uid: first, weight: weights[0] + index }, { uid: second, weight: weights[1] }], signer: signer as Keypair });
    }
  }
}

const bondOn = (rows: readonly YumaRow[], from: number, to: number): number => new Map(rows[from]).get(to) ?? 0;

describe('epochs of the running chain', () => {
  it('leave commits sealed until their epoch, then pay what the chain opened, each mechanism by its own weights', async () => {
    await passEpoch();
    await commitAll(RED, GREEN);
    const waiting = await passEpoch();
    for (const { pendingCommitBlocks = [], weights } of waiting.inputs) {
      expect(pendingCommitBlocks.map((block) => block !== undefined)).toEqual([false, true, true, false, false]);
      expect(weights.flat()).toEqual([]);
    }
    expect(waiting.results.map(({ incentive }) => Math.max(...incentive))).toEqual([0, 0]);
    const open = await passEpoch();
    for (const { pendingCommitBlocks = [] } of open.inputs) expect(pendingCommitBlocks).toEqual([undefined, undefined, undefined, undefined, undefined]);
    const [one, two] = open.results as [YumaResult, YumaResult];
    expect((one.incentive[RED] as number) > (one.incentive[GREEN] as number) && (two.incentive[RED] as number) < (two.incentive[GREEN] as number)).toBe(true);
  });

  it('drop bonds on a neuron that took another’s uid since the last epoch, in both mechanisms, and weights on it', async () => {
    await set({ immunityPeriod: 0, minNonImmuneUids: 0, minAllowedUids: 4, maxAllowedUids: 5 });
    const { uid } = await burnedRegister(chain, { netuid, hotkey: openKeypair('//blue').hotkey, signer: alice });
    expect(uid).toBe(RED);
    const { inputs, results } = await passEpoch();
    inputs.forEach((input, mechanism) => {
      const { bonds, incentive } = results[mechanism] as YumaResult;
      // Had the neuron been there before, they would have been kept.
      const kept = computeYuma({ ...input, blockAtRegistration: input.blockAtRegistration.map(() => 1) }).bonds;
      for (const from of [1, 2]) {
        expect(bondOn(input.bonds, from, uid)).toBeGreaterThan(0);
        expect(bondOn(kept, from, uid)).toBeGreaterThan(0);
        expect(bondOn(bonds, from, uid)).toBe(0);
        expect(bondOn(bonds, from, GREEN)).toBeGreaterThan(0);
      }
      expect(incentive[uid]).toBe(0);
    });
  });

  it('count weights on it that were committed afterwards', async () => {
    await commitAll(GREEN, RED);
    const waiting = await passEpoch();
    const open = await passEpoch();
    for (const mechanism of [0, 1]) {
      expect(waiting.results[mechanism]?.incentive[RED]).toBe(0);
      expect(open.results[mechanism]?.incentive[RED]).toBeGreaterThan(0);
      for (const from of [1, 2]) expect(bondOn(open.results[mechanism]?.bonds ?? [], from, RED)).toBeGreaterThan(0);
    }
  });
});
