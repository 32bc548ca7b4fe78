/**
 * `connito weights set --wait` against a localnet whose blocks come fast: it ends in each way that there is, says what it waits for, and can be stopped and taken up again.
 */
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addStake, burnedRegister, connectChain, openKeypair, readNeurons, readWeightRow, registerNetwork, setHyperparameter, startCall, type Chain, type WeightsHandle } from '@connito/chain';
import { startLocalnet, type Localnet } from '@connito/localnet';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createContext } from '../src/context.ts';
import { runCli, StopReason } from '../src/run-cli.ts';
import { createSettleNarrator } from '../src/settle-narrator.ts';

// Machines that build and test at once are slow.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const root = mkdtempSync(join(tmpdir(), 'connito-cli-wait-'));
const keyFile = join(root, 'validator');
const alice = openKeypair('//Alice');
const validator = openKeypair('//validator').hotkey;
const TEMPO = 15;
const UID = 1;

let localnet: Localnet;
let chain: Chain;

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line; `until` stops it as Ctrl-C does once stderr has it. */
async function connito(args: readonly string[], until?: RegExp): Promise<Outcome> {
  const [out, err] = [[] as string[], [] as string[]];
  const stop = new AbortController();
  const write = (text: string): void => {
    err.push(text);
    if (until?.test(err.join(''))) stop.abort(new StopReason('stopped by SIGINT', 130));
  };
  const context = createContext({ stdout: { write: (text) => out.push(text) }, stderr: { write }, env: { BT_SUBTENSOR_CHAIN_ENDPOINT: localnet.endpoint }, signal: stop.signal });
  const code = await runCli([...args, '--key-file', keyFile], context);
  return { code, stdout: out.join(''), stderr: err.join('') };
}

const handle = join(root, 'kept', 'handle.json');
const set = (weights: string, ...more: string[]): string[] => ['weights', 'set', '--netuid', '1', '--weights', weights, ...more];
const row = async (): Promise<string> => {
  const { uids, values } = await readWeightRow(chain, { netuid: 1, uid: UID });
  return uids.map((uid, index) => `${uid}:${values[index]}`).join(' ');
};
const change = (name: 'commitRevealWeightsEnabled' | 'commitRevealWeightsVersion', value: boolean | number): Promise<unknown> => setHyperparameter(chain, { netuid: 1, name, value: value as never, signer: alice, sudo: true });

beforeAll(async () => {
  writeFileSync(keyFile, '//validator', { mode: 0o600 });
  localnet = await startLocalnet({ seed: 'weights-wait', instantSeal: true, intervalMs: 100, commitRevealWeights: true });
  chain = await connectChain({ endpoint: localnet.endpoint });
  await registerNetwork(chain, { hotkey: openKeypair('//owner').hotkey, signer: alice });
  for (const [name, value] of [['weightsSetRateLimit', 0], ['adminFreezeWindow', 0], ['tempo', TEMPO]] as const) await setHyperparameter(chain, { netuid: 1, name, value, signer: alice, sudo: true });
  await startCall(chain, { netuid: 1, signer: alice });
  await burnedRegister(chain, { netuid: 1, hotkey: validator, signer: alice });
  await addStake(chain, { netuid: 1, hotkey: validator, amountRao: 100_000_000_000n, tolerance: 'none', signer: alice });
  while ((await readNeurons(chain, { netuid: 1 }))[UID]?.validatorPermit !== true) await new Promise((resolve) => setTimeout(resolve, 100));
});
afterAll(async () => {
  await chain?.close();
  await localnet?.close();
  rmSync(root, { recursive: true });
});

describe('what is said', () => {
  it('is the block and the epoch that are waited for, once for as long as they are the same, and how to go on', () => {
    const lines: string[] = [];
    let nowMs = 0;
    const narrator = createSettleNarrator({ netuid: 1 }, { stderr: { write: (text) => lines.push(text) } }, () => nowMs);
    const held = { way: 'timelocked', uid: 4, round: 30 } as WeightsHandle;
    const tell = (blockNumber: number, revealBlock: number | undefined, lastRound: number): void => narrator.tell({ kind: 'waiting', handle: held, way: 'timelocked', blockNumber, currentEpoch: 6, revealEpoch: 7, revealBlock, beacon: { round: 30, lastRound } });
    expect(narrator.stopped()).toContain('not known yet');
    narrator.tell({ kind: 'committed', attempt: 2, handle: held, blockNumber: 9 });
    tell(10, 40, 3);
    nowMs = 12_000;
    tell(11, 40, 7);
    nowMs = 36_000;
    tell(13, 40, 15);
    tell(14, 41, 15);
    expect(narrator.stopped()).toBe('stopped; the commit stands, and the chain reveals it by itself in epoch 7, from about block 41 on: see it then by `connito weights show --netuid 1 --uid 4`');
    tell(41, undefined, 29);
    tell(42, undefined, 30);
    narrator.tell({ kind: 'came-to-nothing', handle: held, outcome: 'expired' });
    expect(lines.join('')).toBe(
      [
        'committed (timelocked) in block 9, attempt 2',
        'block 10: waiting for epoch 7, from about block 40 on and the pulse of round 30',
        'block 13: waiting for epoch 7, from about block 40 on and the pulse of round 30, in about 5 min at this pace',
        'block 14: waiting for epoch 7, from about block 41 on and the pulse of round 30, in about 4 min at this pace',
        'block 41: epoch 7 has begun: waiting for the pulse of round 30, the chain has 29',
        'block 42: epoch 7 has begun; the pulse of round 30 is there',
        'the commit came to nothing: expired',
        '',
      ].join('\n'),
    );
  });
});

describe('connito weights set --wait', () => {
  it('ends when the chain has revealed timelocked weights, and says until when it waits', async () => {
    const { code, stdout, stderr } = await connito(set('0:1,1:3', '--wait', '--handle', handle));
    expect([code, stdout, await row()]).toEqual([0, expect.stringMatching(/^set in block \d+\n$/), '0:21845 1:65535']);
    // Where the machine is slow the epoch has begun before it is spoken of, or its round is over and the next is taken.
    expect(stderr).toMatch(/^committed \(timelocked\) in block \d+(, attempt \d)?\nblock \d+: (waiting for epoch \d+, from about block \d+ on|epoch \d+ has begun).*the pulse of round \d+/);
    expect(existsSync(handle)).toBe(false);
  });

  it('stops at once on Ctrl-C, says how to go on, and goes on', async () => {
    const stopped = await connito(set('0:1,1:1', '--wait', '--handle', handle), /committed/);
    expect([stopped.code, stopped.stdout, await row()]).toEqual([130, '', '0:21845 1:65535']);
    expect(stopped.stderr).toMatch(/stopped; the commit stands, and the chain reveals it by itself in .+: the same command goes on from \S+handle\.json\n$/);
    expect(statSync(handle).mode & 0o777).toBe(0o600);
    const resumed = await connito(set('0:1,1:1', '--wait', '--handle', handle, '--json'));
    expect([resumed.code, JSON.parse(resumed.stdout)]).toEqual([0, expect.objectContaining({ attempts: 0, uid: UID })]);
    expect(resumed.stderr).toMatch(/^going on with the timelocked commit that \S+ holds\n/);
    expect([await row(), existsSync(handle)]).toEqual(['0:65535 1:65535', false]);
  });

  it('reveals weights by hash in their epoch, also when it was stopped before, and never without their salt', async () => {
    await change('commitRevealWeightsVersion', 3);
    const unkept = await connito(set('0:3,1:1', '--wait'));
    expect([unkept.code, unkept.stderr]).toEqual([2, expect.stringMatching(/by hash.*--handle/)]);
    expect((await connito(set('0:3,1:1', '--dry-run'))).stdout).toMatch(/way +hashed/);
    const ended = await connito(set('0:3,1:1', '--wait', '--handle', handle));
    expect([ended.code, ended.stdout, await row()]).toEqual([0, expect.stringMatching(/^set in block/), '0:65535 1:21845']);
    expect(ended.stderr).toMatch(/^committed \(hashed\) in block \d+\nblock \d+: (waiting for epoch \d+, from about block \d+ on|epoch \d+ has begun: revealing)/);
    const committed = await connito(set('0:1', '--handle', handle));
    expect([committed.code, committed.stdout]).toEqual([0, expect.stringMatching(/^committed \(hashed\) in block \d+; nobody but you can reveal it: repeat with --wait --handle/)]);
    const stopped = await connito(set('0:1', '--wait', '--handle', handle), /going on/);
    expect([stopped.code, stopped.stderr]).toEqual([130, expect.stringMatching(/nobody but you can reveal it in .+: the same command goes on from \S+, and has to run then, or the weights are lost\n$/)]);
    const resumed = await connito(set('0:1', '--wait', '--handle', handle));
    expect([resumed.code, await row()]).toEqual([0, '0:65535']);
  });

  it('is done at once where weights are taken as they are', async () => {
    await change('commitRevealWeightsEnabled', false);
    const plain = await connito(set('0:1,1:1', '--wait'));
    expect([plain.code, plain.stdout, plain.stderr, await row()]).toEqual([0, expect.stringMatching(/^set in block \d+\n$/), '', '0:65535 1:65535']);
  });
});
