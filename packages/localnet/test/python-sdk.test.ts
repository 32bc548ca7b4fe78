/**
 * The unmodified Python SDKs as clients. They run where `PYTHON_BITTENSOR_10` or `PYTHON_BITTENSOR_11` names a Python with the packages of
 * `test/python/requirements-*.txt`, in `npm run test:slow`.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorld, pairOf, read, type World } from './support.ts';

interface Step {
  readonly value?: unknown;
  readonly error?: string;
}
type Steps = Readonly<Record<string, Step>>;

const slow = process.env['CONNITO_SLOW'] !== undefined;
const pythons = { 10: process.env['PYTHON_BITTENSOR_10'], 11: process.env['PYTHON_BITTENSOR_11'] } as const;
for (const [version, python] of Object.entries(pythons)) {
  if (slow && python === undefined) console.warn(`SKIPPED: the Python SDK ${version}; set PYTHON_BITTENSOR_${version} to a Python with test/python/requirements-${version}.txt.`);
}

/** The steps of a script, and the chain that it leaves. */
async function runScript(python: string, script: string, world: World): Promise<Steps> {
  const path = fileURLToPath(new URL(`python/${script}`, import.meta.url));
  const { stdout } = await promisify(execFile)(python, [path, world.net.endpoint], { maxBuffer: 2 ** 24, timeout: 600_000 });
  return JSON.parse(stdout.trim().split('\n').at(-1) as string) as Steps;
}

const owner = pairOf('//Alice');
const ownerHotkey = pairOf('//Alice//hotkey');
const coldkey = pairOf('//Bob');
const hotkey = pairOf('//Bob//hotkey');

const transactions = ['register subnet', 'start call', 'burned register', 'add stake', 'serve axon', 'transfer', 'set weights, timelocked', 'disable commit-reveal', 'set weights'];

function valuesOf(steps: Steps): Record<string, unknown> {
  return Object.fromEntries(Object.entries(steps).map(([name, { value }]) => [name, value]));
}

function failuresOf(steps: Steps): string[] {
  return Object.entries(steps).flatMap(([name, { error }]) => (error === undefined ? [] : [`${name}: ${error}`]));
}

describe.runIf(slow && pythons[10] !== undefined)('the Python SDK 10.2.0', () => {
  let world: World;
  let steps: Steps;
  let values: Record<string, unknown>;
  beforeAll(async () => {
    world = await openWorld();
    steps = await runScript(pythons[10] as string, 'sdk10.py', world);
    values = valuesOf(steps);
  });
  afterAll(() => world.close());

  it('fails at no step, and signs transactions that succeed', () => {
    expect(failuresOf(steps)).toEqual([]);
    for (const name of [...transactions, 'set commitment', 'unstake']) expect([name, values[name]]).toEqual([name, true]);
    expect(values['set weights too soon']).toBe(false);
  });

  it('reads the metagraph, neurons and weights that @polkadot/api reads', async () => {
    expect(values['weights']).toEqual([[1, [[0, 16_384], [1, 65_535]]]]);
    expect(await read(world.api, 'subtensorModule', 'weights', [1, 1])).toEqual([[0, 16_384], [1, 65_535]]);
    expect(values['metagraph']).toMatchObject({ n: 2, hotkeys: [ownerHotkey.address, hotkey.address], axons: ['0.0.0.0:0', '10.0.0.7:8091'], permits: [true, true] });
    expect(values['neurons']).toEqual([
      [0, ownerHotkey.address, owner.address, 0, []],
      [1, hotkey.address, coldkey.address, 8091, [[0, 16_384], [1, 65_535]]],
    ]);
    expect(values['neurons lite']).toEqual([[0, ownerHotkey.address], [1, hotkey.address]]);
    expect(values['at an old block']).toBe(1);
  });

  it('reads subnets, balances, stake and commitments', async () => {
    expect(values['subnet']).toEqual([1, owner.address, 360]);
    expect(values['metagraph info']).toEqual([1, 2, 360, [ownerHotkey.address, hotkey.address]]);
    expect(values['hyperparameters']).toMatchObject({ tempo: 360, kappa: 32_767, commit_reveal_weights_enabled: false, weights_rate_limit: 100, yuma_version: 3 });
    expect(values['balance']).toBe(3_000_000_000);
    expect(values['stake info']).toEqual([[hotkey.address, 1, values['stake']]]);
    expect(values['commitment']).toBe('hello subnet');
    expect(values['all commitments']).toEqual({ [hotkey.address]: 'hello subnet' });
    expect(values).toMatchObject({ uid: 1, 'owner of hotkey': coldkey.address, 'netuids for hotkey': [1], 'fast blocks': false, crowdloans: [] });
  });

  it('reads delegates, who nominates them, and what is delegated', () => {
    const nominator = pairOf('//Charlie').address;
    const stakes = values['delegated stake'] as [number, number];
    const delegate = {
      hotkey: hotkey.address,
      owner: coldkey.address,
      take: 11_796,
      permits: [1],
      registrations: [1],
      nominators: { [coldkey.address]: { 1: stakes[0] }, [nominator]: { 1: stakes[1] } },
      total: { 1: stakes[0] + stakes[1] },
    };
    expect([values['nominate'], stakes.every((stake) => stake > 0)]).toEqual([true, true]);
    expect(values['delegate']).toEqual(delegate);
    expect([values['delegates before'], values['delegates']]).toEqual([[], [delegate]]);
    expect(values['delegated']).toEqual([[hotkey.address, coldkey.address, 1, stakes[1]]]);
    expect([values['no delegate'], values['delegate take']]).toEqual([null, 11_796]);
  });

  it('seals weights in a timelocked commit', () => {
    expect(values['commit-reveal enabled']).toBe(true);
    expect(values['timelocked commits']).toEqual([[hotkey.address, 369, expect.any(Number)]]);
  });
});

describe.runIf(slow && pythons[10] !== undefined)("the README's example in Python", () => {
  it('runs as it is written, but for the port', { timeout: 120_000 }, async () => {
    const world = await openWorld();
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
    const example = /```python\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
    const directory = mkdtempSync(join(tmpdir(), 'connito-readme-'));
    const { stdout } = await promisify(execFile)(pythons[10] as string, ['-c', example.replace('ws://127.0.0.1:9944', world.net.endpoint)], { cwd: directory, env: { ...process.env, HOME: directory } });
    expect(stdout.trim().split('\n').at(-1)).toBe(`['${ownerHotkey.address}']`);
    rmSync(directory, { recursive: true, force: true });
    await world.close();
  });
});

describe.runIf(slow && pythons[11] !== undefined)('the Python SDK 11.3.0', () => {
  let world: World;
  let steps: Steps;
  let values: Record<string, unknown>;
  beforeAll(async () => {
    world = await openWorld();
    steps = await runScript(pythons[11] as string, 'sdk11.py', world);
    values = valuesOf(steps);
  });
  afterAll(() => world.close());

  it('fails at no step, and signs transactions that succeed', () => {
    expect(failuresOf(steps)).toEqual([]);
    for (const name of [...transactions, 'remove stake']) expect([name, values[name]]).toEqual([name, true]);
  });

  it('reads what @polkadot/api reads', () => {
    expect(values['weights']).toEqual({ 1: { 0: expect.any(Number), 1: expect.any(Number) } });
    expect(values['metagraph']).toEqual({ netuid: 1, tempo: 360, num_uids: 2, owner_coldkey: owner.address });
    expect(values['neurons']).toEqual([
      [0, ownerHotkey.address, owner.address],
      [1, hotkey.address, coldkey.address],
    ]);
    expect(values['subnet_hyperparameters']).toMatchObject({ tempo: 360, kappa: 32_767, commit_reveal_weights_enabled: false });
    expect(values).toMatchObject({ uid: 1, balance: 'τ3.000000000', block_time: 12 });
  });
});
