/**
 * The input of Yuma Consensus read from a running `@connito/localnet`.
 */
import { addStake, burnedRegister, computeYuma, computeYumaFast, connectChain, openKeypair, readNeurons, readYumaInput, registerNetwork, setHyperparameter, setWeights, startCall, type Chain, type Keypair } from '@connito/chain';
import { startLocalnet, type Localnet } from '@connito/localnet';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';

// Machines that build and test at once are slow.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const signer = openKeypair('//Alice');
const owner = openKeypair('//owner');
const validators = [openKeypair('//first'), openKeypair('//second')];
const miners = [openKeypair('//red'), openKeypair('//green')];

let localnet: Localnet;
let chain: Chain;
let netuid: number;

beforeAll(async () => {
  localnet = await startLocalnet({ seed: 'yuma-live', instantSeal: true, intervalMs: 60_000 });
  chain = await connectChain({ endpoint: localnet.endpoint });
  ({ netuid } = await registerNetwork(chain, { hotkey: owner.hotkey, signer }));
  await setHyperparameter(chain, { netuid, name: 'commitRevealWeightsEnabled', value: false, signer, sudo: true });
  await setHyperparameter(chain, { netuid, name: 'weightsSetRateLimit', value: 0, signer, sudo: true });
  await setHyperparameter(chain, { netuid, name: 'tempo', value: 20, signer, sudo: true });
  await startCall(chain, { netuid, signer });
  for (const { hotkey } of [...validators, ...miners]) await burnedRegister(chain, { netuid, hotkey, signer });
  for (const [index, { hotkey }] of validators.entries()) await addStake(chain, { netuid, hotkey, amountRao: BigInt(100 + 50 * index) * 1_000_000_000n, tolerance: 'none', signer });
});

afterAll(async () => {
  await chain?.close();
  await localnet?.close();
});

/** The input at the block before the next epoch, and what that epoch stored. */
async function passEpoch(): Promise<{ readonly input: Awaited<ReturnType<typeof readYumaInput>>; readonly stored: Awaited<ReturnType<typeof readNeurons>> }> {
  const { block } = await readYumaInput(chain, { netuid });
  await sealTo(block);
  const [before, after] = await Promise.all([block - 1, block].map((number) => chain.request<string>('chain_getBlockHash', [number])));
  const input = await readYumaInput(chain, { netuid, at: before as string });
  expect(input.block).toBe(block);
  return { input, stored: await readNeurons(chain, { netuid, at: after as string }) };
}

async function sealTo(block: number): Promise<void> {
  const { number } = await chain.finalisedHead();
  await chain.request('localnet_seal', [block - number]);
}

it('reads what the epoch sees: the forecast of the block before is what the epoch stores', async () => {
  await passEpoch();
  await setWeights(chain, { netuid, weights: [{ uid: 3, weight: 1 }, { uid: 4, weight: 2 }], signer: validators[0] as Keypair });
  await setWeights(chain, { netuid, weights: [{ uid: 3, weight: 1 }, { uid: 4, weight: 1 }], signer: validators[1] as Keypair });
  const { input, stored } = await passEpoch();
  const result = computeYuma(input);
  expect(result.incentive.filter((share) => share > 0)).toHaveLength(2);
  expect(computeYumaFast(input)).toEqual(result);
  expect(stored.map(({ isActive }) => isActive)).toEqual(result.active);
  expect(stored.map(({ validatorPermit }) => validatorPermit)).toEqual(result.validatorPermit);
  expect(stored.map(({ stakeWeight }) => stakeWeight)).toEqual(result.stakeWeight);
  expect(stored.map(({ consensus }) => consensus)).toEqual(result.consensus);
  expect(stored.map(({ incentive }) => incentive)).toEqual(result.incentive);
});
