/**
 * `connito weights set --wait` against a localnet whose blocks come fast: it ends in each way that there is, says what it waits for, and can be stopped and taken up again.
 */
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addStake, burnedRegister, connectChain, openKeypair, readNeurons, readWeightRow, registerNetwork, setHyperparameter, startCall, type Chain } from '@connito/chain';
import { startLocalnet, type Localnet } from '@connito/localnet';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createContext } from '../src/context.ts';
import { runCli, StopReason } from '../src/run-cli.ts';

// Machines that build and test at once are slow.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const root = mkdtempSync(join(tmpdir(), 'connito-cli-wait-'));
const keyFile = join(root, 'validator');
const alice = openKeypair('//Alice');
const validator = openKeypair('//validator').hotkey;
const TEMPO = 12;
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
  localnet = await startLocalnet({ seed: 'weights-wait', instantSeal: true, intervalMs: 150, commitRevealWeights: true });
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

describe('connito weights set --wait', () => {
  it('ends when the chain has revealed timelocked weights, and says until when it waits', async () => {
    const { code, stdout, stderr } = await connito(set('0:1,1:3', '--wait', '--handle', handle));
    expect([code, stdout, await row()]).toEqual([0, expect.stringMatching(/^set in block \d+\n$/), '0:21845 1:65535']);
    expect(stderr).toMatch(/^committed \(timelocked\) in block \d+\nblock \d+: waiting for epoch \d+, from about block \d+ on and the pulse of round \d+\n/);
    const [, block, from] = /block (\d+): waiting for epoch \d+, from about block (\d+)/.exec(stderr) ?? [];
    expect(Number(from) - Number(block)).toBeLessThanOrEqual(TEMPO);
    // Within the blocks that the round is later than the epoch's first.
    expect(Number(/set in block (\d+)/.exec(stdout)?.[1]) - Number(from)).toBeLessThanOrEqual(5);
    expect(existsSync(handle)).toBe(false);
  });

  it('stops at once on Ctrl-C, says how to go on, and goes on', async () => {
    const stopped = await connito(set('0:1,1:1', '--wait', '--handle', handle), /waiting for epoch/);
    expect([stopped.code, stopped.stdout, await row()]).toEqual([130, '', '0:21845 1:65535']);
    expect(stopped.stderr).toMatch(/stopped; the commit stands, and the chain reveals it by itself in epoch \d+, from about block \d+ on: the same command goes on from \S+handle\.json\n$/);
    expect(statSync(handle).mode & 0o777).toBe(0o600);
    const resumed = await connito(set('0:1,1:1', '--wait', '--handle', handle, '--json'));
    expect([resumed.code, JSON.parse(resumed.stdout)]).toEqual([0, expect.objectContaining({ attempts: 0, uid: UID })]);
    expect(resumed.stderr).toMatch(/^going on with the timelocked commit that \S+ holds\n/);
    expect([await row(), existsSync(handle)]).toEqual(['0:65535 1:65535', false]);
    const alone = await connito(set('0:1,1:2', '--wait'), /waiting for epoch/);
    expect([alone.code, alone.stderr]).toEqual([130, expect.stringMatching(/see it then by `connito weights show --netuid 1 --uid 1`\n$/)]);
  });

  it('reveals weights by hash in their epoch, also when it was stopped before, and never without their salt', async () => {
    await change('commitRevealWeightsVersion', 3);
    const unkept = await connito(set('0:3,1:1', '--wait'));
    expect([unkept.code, unkept.stderr]).toEqual([2, expect.stringMatching(/by hash.*--handle/)]);
    expect((await connito(set('0:3,1:1', '--dry-run'))).stdout).toMatch(/way +hashed/);
    const ended = await connito(set('0:3,1:1', '--wait', '--handle', handle));
    expect([ended.code, ended.stdout, await row()]).toEqual([0, expect.stringMatching(/^set in block/), '0:65535 1:21845']);
    expect(ended.stderr).toMatch(/^committed \(hashed\) in block \d+\nblock \d+: waiting for epoch \d+, from about block \d+ on\n/);
    const committed = await connito(set('0:1', '--handle', handle));
    expect([committed.code, committed.stdout]).toEqual([0, expect.stringMatching(/^committed \(hashed\) in block \d+; nobody but you can reveal it: repeat with --wait --handle/)]);
    const stopped = await connito(set('0:1', '--wait', '--handle', handle), /waiting for epoch/);
    expect([stopped.code, stopped.stderr]).toEqual([130, expect.stringMatching(/nobody but you can reveal it in epoch \d+, .*the same command goes on from \S+, and has to run then, or the weights are lost\n$/)]);
    const resumed = await connito(set('0:1', '--wait', '--handle', handle));
    expect([resumed.code, await row()]).toEqual([0, '0:65535']);
  });

  it('is done at once where weights are taken as they are', async () => {
    await change('commitRevealWeightsEnabled', false);
    const plain = await connito(set('0:1,1:1', '--wait'));
    expect([plain.code, plain.stdout, plain.stderr, await row()]).toEqual([0, expect.stringMatching(/^set in block \d+\n$/), '', '0:65535 1:65535']);
  });
});
