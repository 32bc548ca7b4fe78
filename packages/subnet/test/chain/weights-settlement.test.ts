/**
 * A validator's weights on a subnet with commit-reveal: kept, revealed, committed again and reported, beside its cycles and over its restarts.
 */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commitHashedWeights, connectChain, createCall, openKeypair, phaseWindow, planWeights, readWeightRow, sendCall, setHyperparameter, type Chain, type WeightsHandle } from '@connito/chain';
import { startLocalnet, type Localnet } from '@connito/localnet';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AgentReport } from '../../src/agent-event.ts';
import type { RoleContext } from '../../src/context.ts';
import type { ValidatorDesk } from '../../src/validator-desk.ts';
import { executeValidatorEffect } from '../../src/validator-effects.ts';
import { openWeightsSettlement, type WeightsSettlement } from '../../src/weights-settlement.ts';
import { exampleManifest } from '../example-manifest.ts';
import { createValidatorSubnet } from './validator-subnet.ts';

// Machines that build and test at once are slow.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const TEMPO = 12;
const alice = openKeypair('//Alice');
const owner = openKeypair('//owner');
const keypair = openKeypair('//validator');

let localnet: Localnet;
let chain: Chain;
let netuid: number;
let uid: number;
let stateDirectory: string;
let reports: AgentReport[];
let opened: WeightsSettlement[];
let stopping: AbortController;

const seal = (count = 1): Promise<unknown> => chain.request('localnet_seal', [count]);
const report = (event: AgentReport): void => void reports.push(event);
const rowOf = (): ReturnType<typeof readWeightRow> => readWeightRow(chain, { netuid, uid });
const weightsOf = (first: number, second: number): { uid: number; weight: number }[] => [{ uid: 0, weight: first }, { uid: 1, weight: second }];

interface Kept {
  readonly cycle: number;
  readonly handle: WeightsHandle;
  readonly recommitsLeft: number;
}
const kept = (): Kept[] => JSON.parse(readFileSync(join(stateDirectory, 'weights.json'), 'utf8')) as Kept[];
const keep = (...entries: Kept[]): void => writeFileSync(join(stateDirectory, 'weights.json'), JSON.stringify(entries));
/** What became of weights, with failures beside the cycles. */
const outcomes = (): unknown[] =>
  reports.flatMap((event): unknown[] => {
    if (event.kind === 'weights-settled') return [[event.cycle, event.outcome]];
    return event.kind === 'failed' ? [event] : [];
  });

beforeAll(async () => {
  localnet = await startLocalnet({ seed: 'weights-settlement', instantSeal: true, intervalMs: 600_000, commitRevealWeights: true });
  chain = await connectChain({ endpoint: localnet.endpoint });
  ({ netuid, uid } = await createValidatorSubnet(chain, { owner: owner.hotkey, validator: keypair.hotkey, sudo: alice, tempo: TEMPO }));
});
afterAll(async () => {
  await chain?.close();
  await localnet?.close();
});
beforeEach(() => {
  stateDirectory = mkdtempSync(join(tmpdir(), 'connito-settlement-'));
  reports = [];
  opened = [];
  stopping = new AbortController();
});
afterEach(async () => {
  for (const settlement of opened) await settlement.close();
  rmSync(stateDirectory, { recursive: true, force: true });
});

/** A validator in the score phase of cycle 0. */
async function contextNow(): Promise<RoleContext> {
  const schedule = { ...exampleManifest.schedule, t0Ms: 0 };
  const { timestampMs } = await chain.finalisedHead();
  const t0Ms = timestampMs - phaseWindow(schedule, 0, 'commit').endMs;
  const manifest = { ...exampleManifest, netuid, weights: { ...exampleManifest.weights, versionKey: 0 } };
  return { chain, keypair, manifest, report, stateDirectory, ownerHotkey: owner.hotkey, signal: stopping.signal, timetable: { schedule: { ...schedule, t0Ms } } } as unknown as RoleContext;
}

async function openSettlement(): Promise<WeightsSettlement> {
  const settlement = await openWeightsSettlement(await contextNow());
  opened.push(settlement);
  return settlement;
}

/** Makes blocks until nothing is under way any more, and no faster than it is followed. */
async function sealUntilSettled(): Promise<void> {
  for (let n = 0; kept().length > 0; n++) {
    if (n === 300) throw new Error(`nothing settled: ${JSON.stringify(reports)}`);
    await seal();
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

describe('weights of a validator', () => {
  it('are committed in the cycle, and set when the chain has revealed them, over a restart', async () => {
    const context = await contextNow();
    const settlement = await openSettlement();
    const desk = { context, settlement } as unknown as ValidatorDesk;
    const effect = { kind: 'set-weights', cycle: 0, history: [{ cycle: 0, scores: [{ hotkey: keypair.hotkey, score: 0.5 }] }] } as const;
    expect(await executeValidatorEffect(desk, effect)).toEqual({ kind: 'weights-set', cycle: 0 });
    expect(reports).toEqual([{ kind: 'weights-set', cycle: 0, way: 'timelocked', weights: expect.any(Array) }]);
    expect(await rowOf()).toEqual({ uids: [], values: [] });
    const [entry] = kept();
    expect(entry).toMatchObject({ cycle: 0, handle: { way: 'timelocked', netuid, uid } });
    expect(statSync(join(stateDirectory, 'weights.json')).mode & 0o777).toBe(0o600);
    await settlement.close();
    // The effect is repeated where a crash lost its event: the commit that is under way is enough.
    const next = await openSettlement();
    await executeValidatorEffect({ ...desk, settlement: next }, effect);
    expect(kept()).toEqual([entry]);
    await sealUntilSettled();
    expect(outcomes()).toEqual([[0, 'revealed-equal']]);
    expect(await rowOf()).toEqual({ uids: entry?.handle.uids, values: entry?.handle.values });
  });

  it('by hash are revealed in their epoch by the process that has the handle, which waits for that at the end', async () => {
    const { handle } = await commitHashedWeights(chain, { netuid, weights: weightsOf(2, 8), signer: keypair });
    keep({ cycle: 3, handle, recommitsLeft: 0 });
    const settlement = await openSettlement();
    let isRevealed = false;
    const end = settlement.revealed().then(() => (isRevealed = true));
    await seal();
    expect(isRevealed).toBe(false);
    await sealUntilSettled();
    await end;
    expect(outcomes()).toEqual([[3, 'revealed-equal']]);
    expect(await rowOf()).toEqual({ uids: [0, 1], values: [16_384, 65_535] });
  });

  it('that came to nothing are committed again, but not behind those of a later cycle', async () => {
    const plan = await planWeights(chain, { netuid, weights: weightsOf(1, 5), account: keypair.hotkey });
    if (plan.way !== 'timelocked') throw new Error(`planned ${plan.way}`);
    // What nobody can open, in the place of the weights.
    const lost = { ...plan.figures.handle, ciphertext: '01'.repeat(300), values: [21_845, 65_535] };
    await sendCall(chain, createCall(chain, 'SubtensorModule', 'commit_timelocked_weights', [netuid, `0x${lost.ciphertext}`, lost.round, 4]), { signer: keypair });
    keep({ cycle: 1, handle: lost, recommitsLeft: 0 }, { cycle: 2, handle: lost, recommitsLeft: 2 });
    await openSettlement();
    await sealUntilSettled();
    expect(outcomes().toSorted()).toEqual([[1, 'undecryptable'], [2, 'revealed-equal'], [2, 'undecryptable']]);
    expect(await rowOf()).toEqual({ uids: [0, 1], values: [21_845, 65_535] });
  });

  it('of a later cycle take the place of earlier ones', async () => {
    const settlement = await openSettlement();
    await settlement.set(4, weightsOf(1, 2));
    expect(kept().map(({ cycle, recommitsLeft }) => [cycle, recommitsLeft])).toEqual([[4, 2]]);
    await settlement.set(5, weightsOf(1, 4));
    expect(kept().map(({ cycle, recommitsLeft }) => [cycle, recommitsLeft])).toEqual([[4, 0], [5, 2]]);
    await sealUntilSettled();
    expect(await rowOf()).toEqual({ uids: [0, 1], values: [16_384, 65_535] });
    expect(outcomes()).toContainEqual([5, 'revealed-equal']);
  });

  it('that the chain refuses are not under way', async () => {
    const settlement = await openSettlement();
    await expect(settlement.set(0, [{ uid: 900, weight: 1 }])).rejects.toMatchObject({ code: 'refused' });
    await settlement.revealed();
    expect(outcomes()).toEqual([]);
  });

  it('stay where they are when the validator is stopped', async () => {
    const { handle } = await commitHashedWeights(chain, { netuid, weights: weightsOf(1, 1), signer: keypair });
    keep({ cycle: 0, handle, recommitsLeft: 0 });
    const settlement = await openSettlement();
    const end = settlement.revealed();
    stopping.abort(new Error('stopped'));
    await expect(end).rejects.toThrow('stopped');
    expect([kept().length, outcomes()]).toEqual([1, []]);
  });

  it.each(['', '{', '{}', '[{}]', '[{"cycle":-1,"recommitsLeft":0,"handle":{}}]', '[{"cycle":0,"recommitsLeft":0,"handle":{"version":1}}]'])('are not guessed from a file that somebody else wrote: %s', async (text) => {
    writeFileSync(join(stateDirectory, 'weights.json'), text);
    await expect(contextNow().then(openWeightsSettlement)).rejects.toMatchObject({ code: 'damaged-state' });
  });

  it('are set at once where commit-reveal is off', async () => {
    await setHyperparameter(chain, { netuid, name: 'commitRevealWeightsEnabled', value: false, signer: alice, sudo: true });
    const settlement = await openSettlement();
    expect(await settlement.set(6, weightsOf(1, 1))).toBe('plain');
    expect([kept(), outcomes()]).toEqual([[], [[6, 'set']]]);
    expect(await rowOf()).toEqual({ uids: [0, 1], values: [65_535, 65_535] });
  });
});
