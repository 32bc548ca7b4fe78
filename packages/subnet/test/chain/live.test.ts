/**
 * `@connito/chain` against a running `@connito/localnet`. Here, because chain may not depend on localnet, nor subnet's own code on it.
 */
import { decodeRecord, encodeRecord, verifyPulse } from '@connito/commit-reveal';
import {
  addStake,
  burnedRegister,
  connectChain,
  findSnapshot,
  isChainError,
  openKeypair,
  readBalance,
  readBeacon,
  readBlock,
  readCommitments,
  readHyperparameters,
  readLastRound,
  readNeurons,
  readPulse,
  readSnapshot,
  readSubnetOwner,
  readUid,
  readWeights,
  registerNetwork,
  releaseUntil,
  setCommitment,
  setHyperparameter,
  setPlainWeights,
  setWeights,
  startCall,
  watchBlocks,
  type Chain,
} from '@connito/chain';
import { startLocalnet, type Localnet } from '@connito/localnet';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

// Machines that build and test at once are slow.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const TAO = 1_000_000_000n;
const alice = openKeypair('//Alice');
const owner = openKeypair('//owner');
const miner = openKeypair('//miner');
const validator = openKeypair('//validator');

async function failureOf(work: Promise<unknown>): Promise<Record<string, unknown>> {
  try {
    await work;
  } catch (error) {
    if (isChainError(error)) return { code: error.code, ...error.context };
    throw error;
  }
  return { code: 'none' };
}

describe('a subnet on a localnet', () => {
  let localnet: Localnet;
  let chain: Chain;
  let netuid: number;

  beforeAll(async () => {
    localnet = await startLocalnet({ seed: 'chain-live', instantSeal: true, intervalMs: 60_000 });
    chain = await connectChain({ endpoint: localnet.endpoint });
  });
  afterAll(async () => {
    await chain?.close();
    await localnet?.close();
  });

  it('is made, joined and staked in', async () => {
    const balance = await readBalance(chain, { account: alice.hotkey });
    ({ netuid } = await registerNetwork(chain, { hotkey: owner.hotkey, signer: alice }));
    expect(await readSubnetOwner(chain, { netuid })).toEqual({ hotkey: owner.hotkey, coldkey: alice.hotkey });
    await setHyperparameter(chain, { netuid, name: 'commitRevealWeightsEnabled', value: false, signer: alice, sudo: true });
    await setHyperparameter(chain, { netuid, name: 'weightsSetRateLimit', value: 0, signer: alice, sudo: true });
    await setHyperparameter(chain, { netuid, name: 'tempo', value: 2, signer: alice, sudo: true });
    expect(await readHyperparameters(chain, { netuid, names: ['tempo', 'commitRevealWeightsEnabled'] })).toEqual({ tempo: 2n, commitRevealWeightsEnabled: false });
    expect(await failureOf(addStake(chain, { netuid, hotkey: owner.hotkey, amountRao: TAO, signer: alice }))).toMatchObject({ code: 'refused', reason: 'SubtokenDisabled' });
    await startCall(chain, { netuid, signer: alice });
    expect((await burnedRegister(chain, { netuid, hotkey: miner.hotkey, signer: alice })).uid).toBe(1);
    expect((await burnedRegister(chain, { netuid, hotkey: validator.hotkey, signer: alice })).uid).toBe(2);
    expect(await failureOf(burnedRegister(chain, { netuid, hotkey: miner.hotkey, signer: alice }))).toMatchObject({ code: 'refused', reason: 'HotKeyAlreadyRegisteredInSubNet' });
    await addStake(chain, { netuid, hotkey: validator.hotkey, amountRao: 100n * TAO, tolerance: 'none', signer: alice });
    const neurons = await readNeurons(chain, { netuid });
    expect(neurons.map(({ hotkey }) => hotkey)).toEqual([owner.hotkey, miner.hotkey, validator.hotkey]);
    expect(neurons[2]?.stakeRao).toBeGreaterThan(0n);
    expect(neurons[1]?.coldkey).toBe(alice.hotkey);
    expect(await readUid(chain, { netuid, hotkey: validator.hotkey })).toBe(2);
    expect(await readBalance(chain, { account: alice.hotkey })).toBeLessThan(balance - 100n * TAO);
  });

  it('refuses a setter without sudo by name', async () => {
    expect(await failureOf(setHyperparameter(chain, { netuid, name: 'kappa', value: 5, signer: alice }))).toMatchObject({ code: 'refused', reason: 'BadOrigin' });
  });

  it('keeps commitments, as of any block', async () => {
    const record = { kind: 'update', cycle: 3, commitment: new Uint8Array(32).fill(1), locator: 'abc', artifactSha256: new Uint8Array(32).fill(2), sizeBytes: 77 } as const;
    const { blockNumber, blockHash } = await setCommitment(chain, { netuid, fields: encodeRecord(record), signer: miner });
    await setCommitment(chain, { netuid, fields: [Uint8Array.of(9)], signer: miner });
    const before = (await readCommitments(chain, { netuid, at: blockHash })).get(miner.hotkey);
    expect(before?.blockNumber).toBe(blockNumber);
    expect(decodeRecord(before?.fields ?? [])).toEqual(record);
    expect((await readCommitments(chain, { netuid })).get(miner.hotkey)?.fields).toEqual([Uint8Array.of(9)]);
    expect(await failureOf(setCommitment(chain, { netuid, fields: [Uint8Array.of(1)], signer: openKeypair('//stranger') }))).toMatchObject({ code: 'refused', reason: 'AccountNotAllowedCommit' });
  });

  it('takes weights from who has a permit, and holds the row that was sent', async () => {
    const weights = [
      { uid: 1, weight: 1 },
      { uid: 0, weight: 0.25 },
    ];
    expect(await failureOf(setWeights(chain, { netuid, weights, signer: miner }))).toMatchObject({ code: 'refused', reason: 'NeuronNoValidatorPermit' });
    for (let n = 0; n < 6 && !(await readNeurons(chain, { netuid }))[2]?.validatorPermit; n++) await chain.request('localnet_seal', [1]);
    const { row, uid, blockHash } = await setPlainWeights(chain, { netuid, weights, signer: validator });
    expect([uid, row]).toEqual([2, { uids: [0, 1], values: [16384, 65535] }]);
    expect(await readWeights(chain, { netuid, at: blockHash })).toEqual(new Map([[2, row]]));
    await chain.request('localnet_seal', [8]);
    const neurons = await readNeurons(chain, { netuid });
    expect(neurons[1]?.incentive).toBeGreaterThan(neurons[2]?.incentive ?? 0);
  });

  it('has every block in order for who watches', async () => {
    const numbers: number[] = [];
    const stop = await watchBlocks(chain, ({ number }) => void numbers.push(number));
    await chain.request('localnet_seal', [30]);
    const head = await chain.finalisedHead();
    while (numbers.at(-1) !== head.number) await new Promise((resolve) => setTimeout(resolve, 10));
    await stop();
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, index) => head.number - numbers.length + 1 + index));
  });

  it('has snapshots at every edge of a block', async () => {
    const head = await chain.finalisedHead();
    const middle = await readBlock(chain, head.number - 7);
    expect((await findSnapshot(chain, { beforeMs: middle.timestampMs })).blockNumber).toBe(middle.number - 1);
    expect((await findSnapshot(chain, { beforeMs: middle.timestampMs + 1 })).blockNumber).toBe(middle.number);
    expect(await failureOf(findSnapshot(chain, { beforeMs: head.timestampMs + 1 }))).toMatchObject({ code: 'not-yet' });
    const snapshot = await readSnapshot(chain, { netuid, beforeMs: middle.timestampMs });
    expect([snapshot.neurons.length, [...snapshot.commitments.keys()]]).toEqual([3, [miner.hotkey]]);
  });

  it('has pulses that verify under its own key', async () => {
    const beacon = await readBeacon(chain);
    const round = await readLastRound(chain);
    expect(round).toBeGreaterThan(0);
    const pulse = await readPulse(chain, { round });
    expect(pulse?.round).toBe(round);
    expect(pulse !== undefined && verifyPulse(beacon, pulse)).toBe(true);
    expect(await readPulse(chain, { round: round + 100_000 })).toBeUndefined();
  });

  it('sends twenty calls of one key at once, each once', async () => {
    const before = await chain.request<number>('system_accountNextIndex', [alice.hotkey]);
    const works = Array.from({ length: 20 }, (_, index) => addStake(chain, { netuid, hotkey: validator.hotkey, amountRao: TAO + BigInt(index), tolerance: 'none', signer: alice }));
    const inclusions = await Promise.all(works);
    expect(new Set(inclusions.map(({ extrinsicHash }) => extrinsicHash)).size).toBe(20);
    expect(await chain.request('system_accountNextIndex', [alice.hotkey])).toBe(before + 20);
  });
});

describe('virtual time', () => {
  it('waits for every participant, and goes on when all have let go', async () => {
    const localnet = await startLocalnet({ seed: 'chain-time', waitFor: 2 });
    const chain = await connectChain({ endpoint: localnet.endpoint });
    try {
      const start = await chain.finalisedHead();
      const target = start.timestampMs + 120_000;
      await releaseUntil(chain, { participant: miner.hotkey, timeMs: target });
      expect((await chain.finalisedHead()).number).toBe(start.number);
      const stamps: number[] = [];
      const stop = await watchBlocks(chain, ({ timestampMs }) => void stamps.push(timestampMs));
      await releaseUntil(chain, { participant: validator.hotkey, timeMs: target + 60_000 });
      while (!stamps.some((stamp) => stamp >= target)) await new Promise((resolve) => setTimeout(resolve, 10));
      await stop();
      expect(stamps.at(-1)).toBeLessThan(target + 12_000);
      expect((await findSnapshot(chain, { beforeMs: target })).timestampMs).toBeLessThan(target);
    } finally {
      await chain.close();
      await localnet.close();
    }
  });
});
