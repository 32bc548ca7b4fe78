/**
 * Weights in all ways of `@connito/chain` against a running `@connito/localnet`: committed, revealed by the chain or by hand, lost and committed again.
 */
import { encodeWeightsPayload, encryptTimelock, toHex } from '@connito/commit-reveal';
import {
  blocksUntilEpoch,
  commitHashedWeights,
  commitTimelockedWeights,
  connectChain,
  createCall,
  followHashedWeights,
  followTimelockedWeights,
  isChainError,
  openKeypair,
  parseWeightsHandle,
  planReveal,
  planWeights,
  readBeacon,
  readEpochState,
  readRevealProgress,
  readWeightRow,
  revealWeights,
  sendCall,
  setHyperparameter,
  setPlainWeights,
  settleWeights,
  setWeights,
  type Chain,
  type HashedHandle,
  type SettleProgress,
  type TimelockedHandle,
  type WeightsHandle,
} from '@connito/chain';
import { startLocalnet, type Localnet } from '@connito/localnet';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createValidatorSubnet } from './validator-subnet.ts';

// Machines that build and test at once are slow.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const alice = openKeypair('//Alice');
const owner = openKeypair('//owner');
const validator = openKeypair('//validator');
const TEMPO = 12;

const weightsOf = (first: number, second: number): { uid: number; weight: number }[] => [
  { uid: 0, weight: first },
  { uid: 1, weight: second },
];
const again = <H extends WeightsHandle>(handle: H): H => parseWeightsHandle(JSON.parse(JSON.stringify(handle))) as H;
const reasonOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'none',
    (error: unknown) => (isChainError(error) ? (error.context.reason ?? error.code) : Promise.reject(error as Error)),
  );

describe.each(['stateful', 'modulo'] as const)('weights where epochs are %s', (epochModel) => {
  let localnet: Localnet;
  let chain: Chain;
  let netuid: number;
  let uid: number;

  const seal = (count = 1): Promise<unknown> => chain.request('localnet_seal', [count]);

  /** Makes blocks until something is done. */
  async function sealUntil<T>(work: Promise<T>): Promise<T> {
    const progress = { isDone: false };
    const end = work.finally(() => {
      progress.isDone = true;
    });
    end.catch(() => {});
    while (!progress.isDone) {
      await seal();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return end;
  }

  /** Follows a commit by hash; blocks are made until it can be revealed, and hardly further. */
  async function followAndSeal(handle: HashedHandle): Promise<Awaited<ReturnType<typeof followHashedWeights>>> {
    const work = followHashedWeights(chain, handle, { signer: validator });
    while ((await planReveal(chain, handle)).refusal?.reason === 'RevealTooEarly') await seal();
    // The node's pool judges by the block that is there, not by the next one.
    await seal();
    return work;
  }

  beforeAll(async () => {
    localnet = await startLocalnet({ seed: `weights-${epochModel}`, instantSeal: true, intervalMs: 600_000, epochModel });
    chain = await connectChain({ endpoint: localnet.endpoint });
    ({ netuid, uid } = await createValidatorSubnet(chain, { owner: owner.hotkey, validator: validator.hotkey, sudo: alice, tempo: TEMPO }));
  });
  afterAll(async () => {
    await chain?.close();
    await localnet?.close();
  });

  it('are timelocked where the subnet has commit-reveal, and set once the chain has revealed them', async () => {
    expect(await reasonOf(setPlainWeights(chain, { netuid, weights: weightsOf(1, 2), signer: validator }))).toBe('CommitRevealEnabled');
    const sent = await setWeights(chain, { netuid, weights: weightsOf(1, 2), signer: validator });
    expect(sent.way).toBe('timelocked');
    const { handle } = sent as { handle: TimelockedHandle };
    expect(await readWeightRow(chain, { netuid, uid })).toEqual({ uids: [], values: [] });
    const result = await sealUntil(followTimelockedWeights(chain, again(handle)));
    expect(result).toMatchObject({ outcome: 'revealed-equal', row: { uids: [0, 1], values: [32_768, 65_535] } });
    // Whoever comes later finds the same, from the chain's history.
    await seal(5);
    expect(await followTimelockedWeights(chain, again(handle))).toEqual(result);
    expect(result.blockNumber).toBeGreaterThanOrEqual((sent as { expected: { blockNumber: number } }).expected.blockNumber);
  });

  it('tell what they wait for, after every block, and can be given up waiting for', async () => {
    // At the beginning of an epoch: with its last block ahead, the commit could be of the next one.
    await seal(blocksUntilEpoch(await readEpochState(chain, { netuid })));
    const stop = new AbortController();
    const seen: SettleProgress[] = [];
    const options = { netuid, weights: weightsOf(2, 3), signer: validator };
    const settling = settleWeights(chain, { ...options, signal: stop.signal, onProgress: (progress) => seen.push(progress) && progress.kind === 'waiting' && stop.abort(new Error('enough')) });
    settling.catch(() => {});
    // No blocks meanwhile: the round would be over before the commit comes.
    await vi.waitUntil(() => seen.length > 0, { timeout: 60_000 });
    await expect(sealUntil(settling)).rejects.toThrow('enough');
    const [committed, waiting] = seen as [Extract<SettleProgress, { kind: 'committed' }>, Extract<SettleProgress, { kind: 'waiting' }>];
    expect(committed).toMatchObject({ kind: 'committed', attempt: 1, handle: { way: 'timelocked' } });
    expect(waiting).toMatchObject({ kind: 'waiting', way: 'timelocked', handle: committed.handle, beacon: { round: (committed.handle as TimelockedHandle).round } });
    expect(waiting.revealEpoch).toBeGreaterThan(waiting.currentEpoch);
    // The block that was said is the first of the epoch that was said.
    const revealBlock = waiting.revealBlock as number;
    await seal(revealBlock - (await chain.finalisedHead()).number);
    const before = await readRevealProgress(chain, committed.handle, { at: revealBlock - 2 });
    expect([before.revealBlock, before.currentEpoch]).toEqual([revealBlock, (waiting.revealEpoch as number) - 1]);
    expect(await readRevealProgress(chain, committed.handle, { at: revealBlock - 1 })).toMatchObject({ currentEpoch: waiting.revealEpoch });
    expect(await readRevealProgress(chain, committed.handle, { at: committed.blockNumber - 1 })).toMatchObject({ revealEpoch: undefined, revealBlock: undefined });
    expect((await sealUntil(settleWeights(chain, { ...options, handle: committed.handle }))).attempts).toBe(0);
    await expect(settleWeights(chain, { ...options, signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow('before');
    const hashed = await commitHashedWeights(chain, options);
    expect(await readRevealProgress(chain, hashed.handle, { at: hashed.blockNumber })).toMatchObject({ way: 'hashed', beacon: undefined, revealBlock: expect.any(Number) });
    await expect(followHashedWeights(chain, hashed.handle, { signer: validator, signal: AbortSignal.timeout(50) })).rejects.toThrow('timeout');
    expect((await followAndSeal(hashed.handle)).outcome).toBe('revealed-equal');
  });

  it('are replaced by a later commit of the same epoch', async () => {
    const first = await commitTimelockedWeights(chain, { netuid, weights: weightsOf(3, 1), signer: validator });
    const second = await commitTimelockedWeights(chain, { netuid, weights: weightsOf(1, 1), signer: validator });
    const [a, b] = await sealUntil(Promise.all([followTimelockedWeights(chain, first.handle), followTimelockedWeights(chain, second.handle)]));
    // Where an epoch lay between them, both were set, one after the other.
    expect([a.outcome, b.outcome]).toEqual([first.expected.commitEpoch === second.expected.commitEpoch ? 'replaced' : 'revealed-equal', 'revealed-equal']);
    expect(b.row).toEqual({ uids: [0, 1], values: [65_535, 65_535] });
  });

  /** A commit as somebody else would make it. Locked to the right round, or to a far one. */
  async function commitBytes(sealed: (round: number) => Uint8Array, { values, isFar = false }: { readonly values: readonly number[]; readonly isFar?: boolean }): Promise<TimelockedHandle> {
    const plan = (await planWeights(chain, { netuid, weights: weightsOf(1, 1), account: validator.hotkey })) as unknown as { figures: { handle: TimelockedHandle } };
    const round = isFar ? 2 ** 40 : plan.figures.handle.round;
    const ciphertext = sealed(round);
    await sendCall(chain, createCall(chain, 'SubtensorModule', 'commit_timelocked_weights', [netuid, `0x${toHex(ciphertext)}`, round, 4]), { signer: validator });
    return { ...plan.figures.handle, ciphertext: toHex(ciphertext), round, values };
  }

  // Waits out 128 blocks and an epoch without a pulse: six seconds each time.
  it.runIf(process.env['CONNITO_SLOW'])('that the chain cannot open, or that were sealed by another, come to nothing', async () => {
    const { publicKey } = await readBeacon(chain);
    const payload = encodeWeightsPayload({ hotkey: owner.publicKey, uids: [0, 1], values: [7, 65_535], versionKey: 0n });
    const sealed = (round: number): Uint8Array => encryptTimelock({ publicKey, round, plaintext: payload });
    const foreign = await commitBytes(sealed, { values: [7, 65_535] });
    expect(await sealUntil(followTimelockedWeights(chain, foreign))).toMatchObject({ outcome: 'undecryptable', row: { values: [65_535, 65_535] } });
    const late = await commitBytes(sealed, { values: [7, 65_535], isFar: true });
    expect((await sealUntil(followTimelockedWeights(chain, late))).outcome).toBe('expired');
    // Was never sent: known once its 128 blocks are over.
    const never = { ...late, ciphertext: '00ff' };
    await seal(130);
    expect((await followTimelockedWeights(chain, never)).outcome).toBe('never-included');
    await expect(followTimelockedWeights(chain, { ...late, genesis: '00'.repeat(32) })).rejects.toMatchObject({ code: 'wrong-chain' });
  });

  it('are committed again when a commit came to nothing', async () => {
    const garbage = await commitBytes(() => new Uint8Array(300).fill(1), { values: [13_107, 65_535] });
    const handles: WeightsHandle[] = [];
    const settled = await sealUntil(settleWeights(chain, { netuid, weights: weightsOf(1, 5), signer: validator, handle: garbage, onHandle: (handle) => void handles.push(handle) }));
    expect(settled).toMatchObject({ uid, attempts: 1, row: { uids: [0, 1], values: [13_107, 65_535] } });
    expect(handles.map(({ way }) => way)).toEqual(['timelocked']);
    expect(await readWeightRow(chain, { netuid, uid, at: settled.blockHash })).toEqual(settled.row);
    // The handle of a commit that was good is enough.
    expect((await settleWeights(chain, { netuid, weights: weightsOf(1, 5), signer: validator, handle: handles[0] as WeightsHandle })).attempts).toBe(0);
    await expect(sealUntil(settleWeights(chain, { netuid, weights: weightsOf(1, 5), signer: validator, handle: garbage, attempts: 0 }))).rejects.toMatchObject({ code: 'read-back' });
  });

  it('by hash are revealed by whoever kept the handle, in their epoch only', async () => {
    const { handle } = await commitHashedWeights(chain, { netuid, weights: weightsOf(2, 8), signer: validator });
    expect(await reasonOf(revealWeights(chain, handle, { signer: validator }))).toBe('RevealTooEarly');
    expect(await reasonOf(revealWeights(chain, handle, { signer: owner }))).toBe('bad-value');
    const result = await followAndSeal(again(handle));
    expect(result).toMatchObject({ outcome: 'revealed-equal', row: { uids: [0, 1], values: [16_384, 65_535] } });
    expect(await reasonOf(revealWeights(chain, handle, { signer: validator }))).toBe('NoWeightsCommitFound');
    // A second process that comes later.
    expect(result).toMatchObject({ inclusion: { extrinsicIndex: expect.any(Number), extrinsicHash: expect.stringMatching(/^0x[\da-f]{64}$/) } });
    expect(await followHashedWeights(chain, handle, { signer: validator })).toMatchObject({ outcome: 'revealed-equal', row: { uids: [0, 1] }, inclusion: undefined });
  });

  it('by hash expire, and one that is revealed takes the earlier ones with it', async () => {
    const lost = await commitHashedWeights(chain, { netuid, weights: weightsOf(1, 9), signer: validator });
    while ((await planReveal(chain, lost.handle)).refusal?.reason !== 'ExpiredWeightCommit') await seal();
    expect((await followHashedWeights(chain, lost.handle, { signer: validator })).outcome).toBe('expired');
    const epochOf = async (handle: HashedHandle): Promise<number | undefined> => (await planReveal(chain, handle)).figures.commitEpoch;
    let pair: [HashedHandle, HashedHandle] | undefined;
    while (pair === undefined) {
      const [a, b] = [await commitHashedWeights(chain, { netuid, weights: weightsOf(5, 4), signer: validator }), await commitHashedWeights(chain, { netuid, weights: weightsOf(4, 4), signer: validator })];
      if ((await epochOf(a.handle)) === (await epochOf(b.handle))) pair = [a.handle, b.handle];
    }
    await followAndSeal(pair[1]);
    expect(await reasonOf(revealWeights(chain, pair[0], { signer: validator }))).toBe('NoWeightsCommitFound');
  });

  it('are set as they are where commit-reveal is off', async () => {
    await setHyperparameter(chain, { netuid, name: 'commitRevealWeightsEnabled', value: false, signer: alice, sudo: true });
    const sent = await setWeights(chain, { netuid, weights: weightsOf(1, 0.5), signer: validator });
    expect(sent).toMatchObject({ way: 'plain', uid, row: { uids: [0, 1], values: [65_535, 32_768] } });
    expect((await settleWeights(chain, { netuid, weights: weightsOf(1, 1), signer: validator })).attempts).toBe(1);
    expect(await reasonOf(commitTimelockedWeights(chain, { netuid, weights: weightsOf(1, 1), signer: validator }))).toBe('CommitRevealDisabled');
    expect(await reasonOf(setWeights(chain, { netuid, mechanism: 3, weights: weightsOf(1, 1), signer: validator }))).toBe('MechanismDoesNotExist');
  });
});
