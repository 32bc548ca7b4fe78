/**
 * The unmodified btcli (bittensor-cli 9.20.1 with SDK 10.2.0) against a chain with a block per transaction, each command judged by what it prints or by what the
 * chain holds after it. In `npm run test:slow`, where `PYTHON_BITTENSOR_10` names a Python with the packages of `test/python/requirements-10.txt`.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorld, pairOf, read, type World } from './support.ts';

const python = process.env['PYTHON_BITTENSOR_10'];
const slow = process.env['CONNITO_SLOW'] !== undefined;
if (slow && python === undefined) console.warn('SKIPPED: btcli; set PYTHON_BITTENSOR_10 to a Python with test/python/requirements-10.txt.');

const GUEST = '5C62Ck4UrFPiBtoCmeSrgF7x9yv9mn38446dhCpsi2mLHiFT';
const IDENTITY = ['--subnet-name', 'alpha', '--repo', 'https://github.com/e/e', '--contact', 'a@e.com', '--url', 'https://e.com', '--discord', 'd', '--description', 'text', '--logo-url', 'https://e.com/l.png', '--additional-info', 'x'];
const run = promisify(execFile);

/** Python's modules take seconds to load, and a command is a process. */
describe.runIf(slow && python !== undefined)('btcli 9.20.1', { timeout: 120_000 }, () => {
  let world: World;
  let directory: string;
  const [coldkey, hotkey, ownerHotkey] = [pairOfLater('//Bob'), pairOfLater('//Bob//hotkey'), pairOfLater('//Alice//hotkey')];
  beforeAll(async () => {
    world = await openWorld();
    directory = mkdtempSync(join(tmpdir(), 'connito-btcli-'));
    await run(python as string, [fileURLToPath(new URL('python/wallets.py', import.meta.url)), join(directory, 'wallets')]);
  }, 120_000);
  afterAll(async () => {
    await world.close();
    rmSync(directory, { recursive: true, force: true });
  });

  /** What a command prints; one that fails prints it too. */
  async function btcli(command: string, ...args: readonly string[]): Promise<string> {
    // A home of its own keeps the user's configuration out; wide columns keep JSON in one piece.
    const env = { ...process.env, HOME: directory, COLUMNS: '10000', TERM: 'dumb' };
    const program = join(dirname(python as string), 'btcli');
    const { stdout, stderr } = await run(program, [...command.split(' '), ...args, '--network', world.net.endpoint], { env, maxBuffer: 2 ** 24 }).catch((error: unknown) => error as { stdout: string; stderr: string });
    return `${stdout}${stderr}`;
  }
  async function json(command: string, ...args: readonly string[]): Promise<unknown> {
    const text = await btcli(command, ...args, '--json-output');
    const start = text.search(/^[[{]/m);
    if (start === -1) throw new Error(`btcli ${command} printed no JSON: ${text.slice(-2000)}`);
    return JSON.parse(text.slice(start));
  }
  const as = (name: 'owner' | 'validator'): string[] => ['--wallet-path', join(directory, 'wallets'), '--wallet-name', name, '--hotkey', 'default'];
  const subnet = ['--netuid', '1'];
  const staking = ['--include-hotkeys', hotkey().address, '-y', '--no-mev-protection', '--unsafe'];
  const stake = async (): Promise<number> => Number(await read(world.api, 'subtensorModule', 'totalHotkeyAlpha', [hotkey().address, 1]));

  it('subnets burn-cost, create, start', async () => {
    expect(await json('subnets burn-cost')).toMatchObject({ burn_cost: { tao: 1000 } });
    expect(await json('subnets create', ...as('owner'), ...IDENTITY, '-y', '--no-mev-protection')).toMatchObject({ success: true, netuid: 1 });
    expect(await read(world.api, 'subtensorModule', 'subnetOwnerHotkey', [1])).toBe(ownerHotkey().address);
    expect(await btcli('subnets start', ...subnet, ...as('owner'), '-y')).toContain('Successfully started');
    expect(await read(world.api, 'subtensorModule', 'firstEmissionBlockNumber', [1])).not.toBeNull();
  });

  it('subnets register', async () => {
    expect(await json('subnets register', ...subnet, ...as('validator'), '-y')).toMatchObject({ success: true, msg: expect.stringContaining('UID 1') as string });
    expect(await read(world.api, 'subtensorModule', 'keys', [1, 1])).toBe(hotkey().address);
  });

  it('subnets list, show, metagraph, hyperparameters, get-identity', async () => {
    expect(await json('subnets list')).toMatchObject({ total_netuids: 2, subnets: { 1: { netuid: 1, subnet_name: 'alpha' } } });
    expect(await json('subnets show', ...subnet, '-y')).toMatchObject({ netuid: 1, tempo: { tempo: 360 }, uids: [{ uid: 0, hotkey: ownerHotkey().address }, { uid: 1, hotkey: hotkey().address }] });
    expect(await btcli('subnets metagraph', ...subnet)).toMatch(/Tempo: \d+\/360/);
    const hyperparameters = expect.arrayContaining([expect.objectContaining({ hyperparameter: 'tempo', value: 360 }), expect.objectContaining({ hyperparameter: 'kappa', value: 32_767 })]) as unknown;
    expect(await json('subnets hyperparameters', ...subnet)).toEqual(hyperparameters);
    expect(await json('sudo get', ...subnet)).toEqual(hyperparameters);
    expect(await json('subnets get-identity', ...subnet)).toMatchObject({ subnet_name: 'alpha', github_repo: 'https://github.com/e/e' });
  });

  it('stake add, list, remove', async () => {
    await json('stake add', '--amount', '100', ...subnet, ...as('validator'), ...staking);
    const staked = await stake();
    expect(staked).toBeGreaterThan(80e9);
    expect(await json('stake list', ...as('validator').slice(0, 4), '-y')).toMatchObject({ coldkey_address: coldkey().address, stake_info: { [hotkey().address]: [{ netuid: 1, stake_value: staked / 1e9 }] } });
    expect(await json('stake remove', '--amount', '10', ...subnet, ...as('validator'), ...staking)).toMatchObject([{ success: true }]);
    expect(await stake()).toBe(staked - 10e9);
  });

  it('wallet balance, overview, transfer', async () => {
    expect(await json('wallet transfer', '--amount', '3', '--dest', GUEST, ...as('owner').slice(0, 4), '-y')).toMatchObject({ success: true });
    expect(await read(world.api, 'system', 'account', [GUEST])).toMatchObject({ data: { free: 3_000_000_000 } });
    expect(await json('wallet balance', ...as('validator').slice(0, 4))).toMatchObject({ balances: { validator: { coldkey: coldkey().address } } });
    expect(await json('wallet overview', ...as('validator').slice(0, 4))).toMatchObject({ subnets: [{ netuid: 1, neurons: [{ uid: 1, hotkey: 'default' }] }] });
  });

  it('sudo set', async () => {
    expect(await json('sudo set', ...subnet, '--param', 'min_allowed_weights', '--value', '2', ...as('owner'), '-y')).toMatchObject({ success: true });
    expect(await read(world.api, 'subtensorModule', 'minAllowedWeights', [1])).toBe(2);
  });

  it('does not commit weights on any chain: it asks for a storage item that no runtime has', async () => {
    const text = await btcli('weights commit', ...subnet, '--uids', '0,1', '--weights', '0.25,1', '--salt', '1,2,3', ...as('validator'), '-y');
    expect(text).toContain('get_commit_reveal_weights_enabled');
    expect(await read(world.api, 'subtensorModule', 'weightCommits', [1, hotkey().address])).toBeNull();
  });
});

/** A pair when it is asked for: crypto is ready once a localnet has started. */
function pairOfLater(uri: string): () => { readonly address: string } {
  return () => pairOf(uri);
}
