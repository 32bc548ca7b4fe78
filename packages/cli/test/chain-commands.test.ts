/**
 * `connito subnet`, `stake`, `weights` and `commitment` against a running localnet.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectChain, openKeypair, readNeurons, setHyperparameter, type Chain } from '@connito/chain';
import { startLocalnet, type Localnet } from '@connito/localnet';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createContext } from '../src/context.ts';
import { runCli } from '../src/run-cli.ts';
import { formatAmount, taoAmount } from '../src/tao.ts';

// Machines that build and test at once are slow.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const root = mkdtempSync(join(tmpdir(), 'connito-cli-chain-'));
const keyFile = (uri: string): string => {
  const path = join(root, uri.replaceAll('/', ''));
  writeFileSync(path, uri, { mode: 0o600 });
  return path;
};
const alice = openKeypair('//Alice');
const validator = openKeypair('//validator').hotkey;
const ALICE = ['--key-file', keyFile('//Alice')];
const VALIDATOR = ['--key-file', keyFile('//validator')];

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  json<T = Record<string, unknown>>(): T;
}

describe('commands that speak to the chain', () => {
  let localnet: Localnet;
  let chain: Chain;
  let variables: Record<string, string> = {};

  async function connito(...args: string[]): Promise<Outcome> {
    const out: string[] = [];
    const err: string[] = [];
    const context = createContext({ stdout: { write: (text) => out.push(text) }, stderr: { write: (text) => err.push(text) }, env: { BT_SUBTENSOR_CHAIN_ENDPOINT: localnet.endpoint, ...variables }, signal: new AbortController().signal });
    const code = await runCli(args, context);
    const stdout = out.join('');
    return { code, stdout, stderr: err.join(''), json: <T>() => JSON.parse(stdout) as T };
  }

  beforeAll(async () => {
    localnet = await startLocalnet({ seed: 'cli-chain', instantSeal: true, intervalMs: 600_000 });
    chain = await connectChain({ endpoint: localnet.endpoint });
  });
  afterAll(async () => {
    await chain?.close();
    await localnet?.close();
    rmSync(root, { recursive: true });
  });

  it('makes and starts a subnet, once it was said to be sure', async () => {
    const owner = openKeypair('//owner').hotkey;
    const dry = await connito('subnet', 'create', '--hotkey', owner, '--name', 'Experts', '--as', alice.hotkey, '--json');
    expect(dry.stderr).toBe('');
    expect(dry.json()).toMatchObject({ dryRun: true, account: alice.hotkey, refusal: null, call: { name: 'registerNetworkWithIdentity' }, figures: { lockCostRao: '1000000000000' } });
    variables = { CONNITO_KEY: '//Alice' };
    expect((await connito('subnet', 'create', '--hotkey', owner, '--dry-run', '--json')).json()).toMatchObject({ account: alice.hotkey, refusal: null });
    variables = {};
    const unsure = await connito('subnet', 'create', '--hotkey', owner, ...ALICE);
    expect([unsure.code, unsure.stderr]).toEqual([2, expect.stringContaining('No terminal')]);
    expect((await connito('subnet', 'list', '--json')).json<unknown[]>()).toHaveLength(1);
    const made = await connito('subnet', 'create', '--hotkey', owner, '--name', 'Experts', '--yes', '--json', ...ALICE);
    expect(made.json()).toMatchObject({ netuid: 1 });
    const again = await connito('subnet', 'create', '--hotkey', owner, '--yes', ...ALICE);
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('NetworkTxRateLimitExceeded')]);
    const started = await connito('subnet', 'start', '--netuid', '1', '--yes', ...ALICE);
    expect([started.code, started.stdout]).toEqual([0, expect.stringMatching(/^started in block \d+\n$/)]);
    expect((await connito('subnet', 'list')).stdout).toMatch(/1 +Experts/);
    expect((await connito('subnet', 'show', '--netuid', '1')).stdout).toMatch(/owner +5Grwva.*\n(.*\n)*weights +commit-reveal/);
    expect((await connito('subnet', 'show', '--netuid', '9')).code).toBe(2);
  });

  it.each([
    ['subnet', 'show'],
    ['subnet', 'metagraph'],
    ['subnet', 'hyperparameters'],
    ['subnet', 'identity'],
    ['stake', 'show', '--address', alice.hotkey],
    ['children', 'show', '--hotkey', alice.hotkey],
    ['take', 'show', '--hotkey', alice.hotkey],
    ['axon', 'show', '--hotkey', alice.hotkey],
    ['prometheus', 'show', '--hotkey', alice.hotkey],
    ['weights', 'show'],
    ['weights', 'simulate'],
    ['commitment', 'show'],
  ])('shows no defaults for a subnet that is not there: %s %s', async (...command) => {
    const { code, stdout, stderr } = await connito(...command, '--netuid', '77');
    expect([code, stdout, stderr]).toEqual([2, '', `connito: there is no subnet 77 at ${localnet.endpoint}\n`]);
  });

  it('registers with the price shown, and never above a limit', async () => {
    const register = ['subnet', 'register', '--netuid', '1', '--hotkey', validator];
    const dry = await connito(...register, '--dry-run');
    expect(dry.stdout).toMatch(/^0x[0-9a-f]+\n\{/);
    expect(dry.stdout).toMatch(/price +\S+ TAO, burned/);
    expect(dry.stdout).toContain('not judged: no signer was named');
    const dear = await connito(...register, '--limit', '0.5', '--yes', ...ALICE);
    expect([dear.code, dear.stderr]).toEqual([1, expect.stringContaining('RegistrationPriceLimitExceeded')]);
    const done = await connito(...register, '--limit', '2', '--yes', '--json', ...ALICE);
    expect(done.json()).toMatchObject({ uid: 1 });
    expect((await connito(...register, '--yes', ...ALICE)).stderr).toContain('HotKeyAlreadyRegisteredInSubNet');
  });

  it('adds, shows and removes stake', async () => {
    const missing = (await connito('stake', 'show', '--address', alice.hotkey, '--netuid', '1', '--hotkey', validator, '--json')).json<{ permit: Record<string, unknown> }>();
    expect(missing.permit).toMatchObject({ hasPermit: false, isQualified: false });
    const stake = ['--netuid', '1', '--hotkey', validator];
    const dry = await connito('stake', 'add', ...stake, '--amount', '50', '--as', alice.hotkey);
    expect(dry.stdout).toMatch(/slippage +\d/);
    const unsure = await connito('stake', 'add', ...stake, '--amount', '50', '--any-price', ...ALICE);
    expect([unsure.code, unsure.stderr]).toEqual([2, expect.stringContaining('--yes')]);
    const tooMuch = await connito('stake', 'add', ...stake, '--amount', '500', '--tolerance', '0.0001', '--yes', ...ALICE);
    expect([tooMuch.code, tooMuch.stderr]).toEqual([1, expect.stringContaining('SlippageTooHigh')]);
    const added = (await connito('stake', 'add', ...stake, '--amount', '50', '--any-price', '--yes', '--json', ...ALICE)).json<{ stakeRao: string; alphaRao: string }>();
    expect(BigInt(added.stakeRao)).toBeGreaterThan(0n);
    const removed = await connito('stake', 'remove', ...stake, '--amount', '1', '--any-price', '--yes', '--json', ...ALICE);
    expect(BigInt(removed.json<{ stakeRao: string }>().stakeRao)).toBeLessThan(BigInt(added.stakeRao));
    expect((await connito('stake', 'show', '--address', alice.hotkey)).stdout).toContain(validator);
    expect((await connito('stake', 'add', ...stake, '--amount', '0', '--yes', ...ALICE)).code).toBe(2);
  });

  it('shows stake of the key that would sign', async () => {
    variables = { CONNITO_KEY: '//Alice' };
    expect((await connito('stake', 'show', '--json')).json()).toMatchObject({ coldkey: alice.hotkey, permit: null, positions: [expect.anything()] });
    // Of a key alone nothing is known of a hotkey; --hotkey says which.
    expect((await connito('stake', 'show', '--netuid', '1', '--json')).json()).toMatchObject({ coldkey: alice.hotkey, permit: null });
    expect((await connito('stake', 'show', '--netuid', '1', '--hotkey', validator, '--json')).json()).toMatchObject({ permit: { hasPermit: expect.any(Boolean) } });
    expect((await connito('wallet', 'balance', '--json')).json()).toMatchObject({ address: alice.hotkey });
    variables = {};
    expect((await connito('stake', 'show', ...ALICE, '--json')).json()).toMatchObject({ coldkey: alice.hotkey });
    expect((await connito('stake', 'show', ...ALICE, '--wallet-name', 'x')).code).toBe(2);
    expect((await connito('stake', 'show', ...ALICE, '--address', alice.hotkey)).code).toBe(2);
  });

  it('moves stake to another hotkey, another coldkey and another subnet, once it was said to be sure', async () => {
    const owner = openKeypair('//owner').hotkey;
    const bob = openKeypair('//Bob').hotkey;
    const from = ['--netuid', '1', '--hotkey', validator];
    const dry = (await connito('stake', 'move', ...from, '--amount', '2', '--to-hotkey', owner, '--as', alice.hotkey, '--json')).json();
    expect(dry).toMatchObject({ dryRun: true, refusal: null, call: { name: 'moveStake' }, figures: { receivedRao: '2000000000' } });
    const unsure = await connito('stake', 'move', ...from, '--amount', '2', '--to-hotkey', owner, ...ALICE);
    expect([unsure.code, unsure.stderr]).toEqual([2, expect.stringContaining('--yes')]);
    const before = (await connito('stake', 'show', '--address', bob, '--json')).json<{ positions: unknown[] }>().positions;
    const moved = await connito('stake', 'move', ...from, '--amount', '2', '--to-hotkey', owner, '--yes', ...ALICE);
    expect([moved.code, moved.stdout, moved.stderr]).toEqual([0, expect.stringMatching(/^moved in block \d+; \S+ alpha are left where it was\n$/), '']);
    const given = await connito('stake', 'transfer', ...from, '--amount', '1', '--to-coldkey', bob, '--yes', '--json', ...ALICE);
    expect([given.code, given.stderr]).toEqual([0, '']);
    expect(before).toEqual([]);
    expect((await connito('stake', 'show', '--address', bob, '--json')).json<{ positions: { hotkey: string; stakeRao: string }[] }>().positions).toMatchObject([{ hotkey: validator, stakeRao: expect.stringMatching(/^(999999999|1000000000)$/) }]);
    const swap = ['stake', 'swap', ...from, '--to-netuid', '0', '--amount', '2'];
    const swapDry = await connito(...swap, '--as', alice.hotkey);
    expect(swapDry.stdout).toMatch(/on the way +about \S+ TAO\n.*fees.*\nslippage +\S+ %\nlimit +\S+ alpha for 1/);
    expect((await connito(...swap, '--tolerance', '0.0000001', '--yes', ...ALICE)).stderr).toContain('SlippageTooHigh');
    const swapped = await connito(...swap, '--any-price', '--yes', ...ALICE);
    expect([swapped.code, swapped.stderr]).toEqual([0, '']);
    expect((await connito('stake', 'show', ...ALICE, '--netuid', '0', '--json')).json<{ positions: unknown[] }>().positions).toHaveLength(1);
    expect((await connito('stake', 'move', ...from, '--amount', '99999', '--to-hotkey', owner, '--yes', ...ALICE)).stderr).toContain('NotEnoughStakeToWithdraw');
    expect((await connito('stake', 'transfer', ...from, '--amount', '1', '--to-coldkey', 'Bob', '--yes', ...ALICE)).code).toBe(2);
  });

  it('lends stake weight to child keys and takes it back', async () => {
    const owner = openKeypair('//owner').hotkey;
    const parent = ['--netuid', '1', '--hotkey', validator];
    expect((await connito('children', 'show', ...parent)).stdout).toContain('no child keys');
    const dry = await connito('children', 'set', ...parent, '--child', `${owner}:0.25`, '--as', alice.hotkey);
    expect(dry.stdout).toMatch(/now +none\nthen +\S+ 25\.00 %\ncounts +from about block \d+ on/);
    expect((await connito('children', 'set', ...parent, '--child', `${validator}:0.25`, '--yes', ...ALICE)).stderr).toContain('InvalidChild');
    expect((await connito('children', 'set', ...parent, '--child', `${owner}:0.25`, ...ALICE)).stderr).toContain('--yes');
    for (const text of ['5x:0.5', `${owner}:1.1`, `${owner}:0`, owner]) expect((await connito('children', 'set', ...parent, '--child', text, '--yes', ...ALICE)).code).toBe(2);
    const set = await connito('children', 'set', ...parent, '--child', `${owner}:0.25`, '--yes', '--json', ...ALICE);
    expect([set.code, set.stderr]).toEqual([0, '']);
    const { pending } = (await connito('children', 'show', ...parent, '--json')).json<{ pending: { coolDownBlock: number; effectiveBlock: number } }>();
    expect(set.json()).toMatchObject({ pending });
    expect(pending).toMatchObject({ children: [{ hotkey: owner }], coolDownBlock: (set.json()['blockNumber'] as number) + 7200 });
    expect((await connito('children', 'show', ...parent)).stdout).toMatch(new RegExp(`has no child keys .*\\ninstead of these with the epoch in block ${pending.effectiveBlock}, .* until block ${pending.coolDownBlock}\\nPENDING +PART\\n${owner} +25\\.00 %`));
    expect((await connito('children', 'revoke', ...parent, '--yes', ...ALICE)).stderr).toContain('TxRateLimitExceeded');
    expect((await connito('children', 'revoke', ...parent, '--as', alice.hotkey, '--json')).json()).toMatchObject({ call: { name: 'setChildren' }, refusal: { reason: 'TxRateLimitExceeded' } });
    expect((await connito('children', 'show', '--netuid', '1')).code).toBe(2);
  });

  it('lowers a take at once, and raises it when the chain lets it', async () => {
    const before = (await connito('take', 'show', '--hotkey', validator, '--json')).json<{ take: number; minTake: number; maxTake: number }>();
    expect(before).toMatchObject({ take: 11_796, maxTake: 11_796 });
    expect((await connito('take', 'set', '--hotkey', validator, '--take', '0.1', '--as', alice.hotkey, '--json')).json()).toMatchObject({ call: { name: 'decreaseTake' }, figures: { take: 11_796 }, refusal: null });
    const lowered = await connito('take', 'set', '--hotkey', validator, '--take', '0.1', '--yes', '--json', ...ALICE);
    expect(lowered.json()).toMatchObject({ take: 6553 });
    expect((await connito('take', 'show', '--hotkey', validator)).stdout).toMatch(/take +9\.999 %/);
    expect((await connito('take', 'set', '--hotkey', validator, '--take', '0.18', '--as', alice.hotkey, '--json')).json()).toMatchObject({ call: { name: 'increaseTake' } });
    expect((await connito('take', 'set', '--hotkey', validator, '--take', '0.5', '--yes', ...ALICE)).stderr).toContain('DelegateTakeTooHigh');
    const child = ['--hotkey', validator, '--netuid', '1'];
    expect((await connito('take', 'set', ...child, '--take', '0.05', '--yes', ...ALICE)).code).toBe(0);
    expect((await connito('take', 'show', ...child, '--json')).json()).toMatchObject({ netuid: 1, take: 3276 });
    expect((await connito('take', 'set', '--take', '0.1', '--yes', ...ALICE)).code).toBe(2);
  });

  it('announces an axon and shows it', async () => {
    expect((await connito('axon', 'show', '--netuid', '1', ...VALIDATOR)).stdout).toContain('has announced nothing');
    expect((await connito('axon', 'serve', '--netuid', '1', '--ip', '203.0.113.7', '--port', '8091', '--as', validator, '--json')).json()).toMatchObject({ call: { name: 'serveAxon' }, feeRao: '0', refusal: null });
    expect((await connito('axon', 'serve', '--netuid', '1', '--ip', '127.0.0.1', '--port', '8091', ...VALIDATOR)).stderr).toContain('InvalidIpAddress');
    expect((await connito('axon', 'serve', '--netuid', '1', '--ip', 'here', '--port', '8091', ...VALIDATOR)).code).toBe(2);
    const certificate = join(root, 'certificate');
    writeFileSync(certificate, Uint8Array.of(1, 2, 3));
    const served = await connito('axon', 'serve', '--netuid', '1', '--ip', '2001:db8::1', '--port', '8091', '--axon-version', '7', '--certificate', certificate, ...VALIDATOR);
    expect([served.code, served.stdout]).toEqual([0, expect.stringMatching(/^announced \[2001:db8::1\]:8091 in block/)]);
    expect((await connito('axon', 'show', '--netuid', '1', '--hotkey', validator, '--json')).json()).toMatchObject({ hotkey: validator, axon: { ip: '2001:db8::1', port: 8091, version: 7, protocol: 4 }, certificate: '010203' });
    expect((await connito('axon', 'show', '--netuid', '1', '--hotkey', validator)).stdout).toMatch(/address +\[2001:db8::1\]:8091/);
    expect((await connito('axon', 'show', '--netuid', '1')).code).toBe(2);
  });

  it('announces a Prometheus endpoint and shows it', async () => {
    const serve = ['prometheus', 'serve', '--netuid', '1', '--port', '9100'];
    expect((await connito('prometheus', 'show', '--netuid', '1', ...VALIDATOR)).stdout).toContain('has announced no Prometheus endpoint');
    expect((await connito(...serve, '--ip', '203.0.113.7', '--as', validator, '--json')).json()).toMatchObject({ call: { name: 'servePrometheus' }, feeRao: '0', refusal: null });
    // An axon may have it.
    expect((await connito(...serve, '--ip', '0.0.0.0', ...VALIDATOR)).stderr).toContain('InvalidIpAddress');
    expect((await connito(...serve, '--ip', '203.0.113.7', '--as', alice.hotkey, '--json')).json()).toMatchObject({ refusal: { reason: 'HotKeyNotRegisteredInNetwork' } });
    const served = await connito(...serve, '--ip', '203.0.113.7', '--endpoint-version', '7', ...VALIDATOR);
    expect([served.code, served.stdout]).toEqual([0, expect.stringMatching(/^announced 203\.0\.113\.7:9100 in block/)]);
    expect((await connito(...serve, '--ip', '203.0.113.8', ...VALIDATOR)).stderr).toContain('ServingRateLimitExceeded');
    expect((await connito('prometheus', 'show', '--netuid', '1', '--hotkey', validator, '--json')).json()).toMatchObject({ hotkey: validator, endpoint: { ip: '203.0.113.7', port: 9100, version: 7 } });
    expect((await connito('prometheus', 'show', '--netuid', '1', '--hotkey', validator)).stdout).toMatch(/address +203\.0\.113\.7:9100/);
  });

  it('sends TAO and leaves the account alive, once it was said to be sure', async () => {
    const saver = openKeypair('//saver').hotkey;
    const SAVER = ['--key-file', keyFile('//saver')];
    const send = ['wallet', 'transfer', '--to', saver];
    const dry = await connito(...send, '--amount', '2.5', '--as', alice.hotkey);
    expect(dry.stdout).toMatch(/^0x[0-9a-f]+\n(.*\n)*to +\S+\narrives +2\.5 TAO\nbalance +\S+ TAO, then \S+\nkeeps +at least the existential deposit of 0\.0000005 TAO\nfee +0\.\d+ TAO\n(.*\n)*the chain would take it/);
    expect((await connito(...send, '--amount', '2.5', ...ALICE)).stderr).toMatch(/fee: 0\.\d+ TAO\n(.*\n)*.*--yes/);
    expect((await connito(...send, ...ALICE)).stderr).toContain('Say --amount, or --all');
    expect((await connito(...send, '--amount', '1', '--all', ...ALICE)).code).toBe(2);
    expect((await connito('wallet', 'transfer', '--to', 'Bob', '--amount', '1', ...ALICE)).code).toBe(2);
    expect((await connito(...send, '--amount', '0.0000001', '--yes', ...ALICE)).stderr).toContain('BelowMinimum');
    expect((await connito('wallet', 'transfer', '--to', alice.hotkey, '--amount', '1', '--yes', ...ALICE)).stderr).toContain('send to itself');
    const sent = await connito(...send, '--amount', '2.5', '--yes', ...ALICE);
    expect([sent.code, sent.stdout]).toEqual([0, expect.stringMatching(/^sent 2\.5 TAO to \S+ in block \d+\n$/)]);
    const back = ['wallet', 'transfer', '--to', alice.hotkey];
    expect((await connito(...back, '--amount', '2.5', '--yes', ...SAVER)).stderr).toContain('FundsUnavailable');
    expect((await connito(...back, '--amount', '2.4999', '--yes', ...SAVER)).stderr).toMatch(/NotExpendable|FundsUnavailable/);
    const all = (await connito(...back, '--all', '--as', saver, '--json')).json<{ call: unknown; figures: { amountRao: string } }>();
    expect(all).toMatchObject({ call: { name: 'transferAll', args: { keep_alive: true } }, refusal: null, figures: { balanceAfterRao: '500' } });
    expect((await connito(...back, '--all', '--yes', '--json', ...SAVER)).json()).toMatchObject({ destination: alice.hotkey, amountRao: all.figures.amountRao });
    expect((await connito('wallet', 'balance', '--address', saver)).stdout).toContain('0.0000005 TAO');
    expect((await connito(...back, '--all', '--yes', ...SAVER)).stderr).toContain('Payment');
    expect((await connito(...send, '--all', '--allow-death', '--as', alice.hotkey, '--json')).json()).toMatchObject({ call: { args: { keep_alive: false } } });
  });

  it('takes all stake back, from one subnet or from every one', async () => {
    const from = ['stake', 'remove', '--hotkey', validator];
    await connito('stake', 'add', '--netuid', '0', '--hotkey', validator, '--amount', '3', '--any-price', '--yes', ...ALICE);
    for (const args of [[], ['--amount', '1'], ['--all'], ['--all', '--any-price', '--partial'], ['--netuid', '1', '--amount', '1', '--all'], ['--netuid', '1', '--all', '--to-root']]) expect([args, (await connito(...from, ...args, '--as', alice.hotkey)).code]).toEqual([args, 2]);
    const dry = await connito(...from, '--all', '--any-price', '--as', alice.hotkey);
    expect(dry.stdout).toMatch(/subnet 0 +\S+ TAO for about \S+ TAO, slippage 0\.0000 %\nsubnet 1 +\S+ alpha for about \S+ TAO, slippage \S+ %\nlimit +none: any price\nyou get +about \S+ TAO\nbalance .*\nfee /);
    expect((await connito(...from, '--all', '--any-price', '--to-root', '--as', alice.hotkey, '--json')).json()).toMatchObject({ call: { name: 'unstakeAllAlpha' }, figures: { positions: [{ netuid: 1 }] } });
    expect((await connito(...from, '--netuid', '1', '--all', '--tolerance', '0.0000001', '--yes', ...ALICE)).stderr).toContain('SlippageTooHigh');
    const unsure = await connito(...from, '--netuid', '0', '--all', ...ALICE);
    expect([unsure.code, unsure.stderr]).toEqual([2, expect.stringContaining('--yes')]);
    const one = await connito(...from, '--netuid', '0', '--all', '--yes', '--json', ...ALICE);
    expect([one.code, one.json()]).toEqual([0, expect.objectContaining({ stakeRao: '0' })]);
    expect((await connito(...from, '--netuid', '0', '--all', '--yes', ...ALICE)).stderr).toContain('AmountTooLow');
    const toRoot = await connito(...from, '--all', '--any-price', '--to-root', '--yes', ...ALICE);
    expect([toRoot.code, toRoot.stdout]).toEqual([0, expect.stringMatching(/^took back \S+ TAO from 1 subnet\(s\) in block \d+ and staked it on the root subnet\n$/)]);
    const every = (await connito(...from, '--all', '--any-price', '--yes', '--json', ...ALICE)).json();
    expect(every).toMatchObject({ removed: [{ netuid: 0 }], taoRao: expect.stringMatching(/^\d{9,}$/) });
    expect((await connito('stake', 'show', ...ALICE, '--json')).json<{ positions: { hotkey: string }[] }>().positions.filter(({ hotkey }) => hotkey === validator)).toEqual([]);
    expect((await connito(...from, '--all', '--any-price', '--yes', ...ALICE)).stderr).toContain('AmountTooLow');
    await connito('stake', 'add', '--netuid', '1', '--hotkey', validator, '--amount', '50', '--any-price', '--yes', ...ALICE);
  });

  it('changes fields of an identity and keeps the others', async () => {
    expect((await connito('subnet', 'identity', '--netuid', '1')).stdout).toMatch(/name +Experts/);
    const change = ['subnet', 'identity', 'set', '--netuid', '1', '--url', 'https://example.org'];
    expect((await connito(...change, '--as', alice.hotkey)).stdout).toMatch(/name +Experts\n(.*\n)*url +https:\/\/example\.org/);
    expect((await connito(...change, ...ALICE)).stderr).toContain('--yes');
    expect((await connito(...change, '--yes', ...VALIDATOR)).stderr).toContain('NotSubnetOwner');
    expect((await connito(...change, '--yes', ...ALICE)).code).toBe(0);
    expect((await connito('subnet', 'identity', '--netuid', '1', '--json')).json()).toMatchObject({ name: 'Experts', url: 'https://example.org', discord: '' });
    expect((await connito('subnet', 'identity', 'set', '--netuid', '1', '--yes', ...ALICE)).code).toBe(2);
    expect((await connito('subnet', 'identity', 'set', '--url', 'x', '--yes', ...ALICE)).code).toBe(2);
  });

  it('shows and sets hyperparameters, where the owner may', async () => {
    const rows = (await connito('subnet', 'hyperparameters', '--netuid', '1', '--json')).json<{ name: string; access: string; value: unknown }[]>();
    expect(rows.find(({ name }) => name === 'kappa')).toMatchObject({ access: 'root', value: '32767' });
    const set = await connito('subnet', 'hyperparameters', 'set', 'immunityPeriod', '7200', '--netuid', '1', '--yes', ...ALICE);
    expect([set.code, set.stderr]).toEqual([0, '']);
    const again = await connito('subnet', 'hyperparameters', 'set', 'immunityPeriod', '7201', '--netuid', '1', '--yes', ...ALICE);
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('TxRateLimitExceeded')]);
    expect((await connito('subnet', 'hyperparameters', 'set', 'kappa', '5', '--netuid', '1', '--yes', ...ALICE)).stderr).toContain('BadOrigin');
    expect((await connito('subnet', 'hyperparameters', 'set', 'kappa', '32000', '--netuid', '1', '--sudo', '--yes', ...ALICE)).code).toBe(0);
    expect((await connito('subnet', 'hyperparameters', 'set', 'immunityPeriod', 'much', '--netuid', '1', '--yes', ...ALICE)).code).toBe(2);
    expect((await connito('subnet', 'hyperparameters')).code).toBe(2);
  });

  it('commits, and shows what was committed', async () => {
    const set = await connito('commitment', 'set', '--netuid', '1', '--text', 'hello', '--hex', '00ff', '--json', ...VALIDATOR);
    expect([set.code, set.stderr]).toEqual([0, '']);
    const shown = (await connito('commitment', 'show', '--netuid', '1', '--json')).json<{ hotkey: string; commitment: { fields: string[] } }[]>();
    expect(shown).toMatchObject([{ hotkey: validator, commitment: { fields: ['68656c6c6f', '00ff'] } }]);
    expect((await connito('commitment', 'show', '--netuid', '1')).stdout).toMatch(/raw +hello/);
    expect((await connito('commitment', 'set', '--netuid', '1', '--text', 'x'.repeat(129), ...VALIDATOR)).code).toBe(2);
    expect((await connito('commitment', 'set', '--netuid', '1', ...VALIDATOR)).code).toBe(2);
    expect((await connito('commitment', 'set', '--netuid', '1', '--text', 'a', ...ALICE)).stderr).toContain('AccountNotAllowedCommit');
  });

  it('sets weights in the way that the subnet asks for, and says what an epoch would make of them', async () => {
    for (const [name, value] of [['weightsSetRateLimit', 0], ['adminFreezeWindow', 0], ['tempo', 12]] as const) await setHyperparameter(chain, { netuid: 1, name, value, signer: alice, sudo: true });
    for (let n = 0; n < 40 && (await readNeurons(chain, { netuid: 1 }))[1]?.validatorPermit !== true; n++) await chain.request('localnet_seal', [1]);
    const set = await connito('weights', 'set', '--netuid', '1', '--weights', '0:1,1:3', '--json', ...VALIDATOR);
    expect([set.stderr, set.json()]).toEqual(['', expect.objectContaining({ way: 'timelocked' })]);
    const simulated = (await connito('weights', 'simulate', '--netuid', '1', '--uid', '1', '--weights', '0:1', '--json')).json<{ neurons: { incentive: number }[] }>();
    expect(simulated.neurons.map(({ incentive }) => incentive)).toEqual([65_535, 0]);
    await chain.request('localnet_seal', [40]);
    expect((await connito('weights', 'show', '--netuid', '1')).stdout).toMatch(/1 +0:21845 1:65535/);
    await setHyperparameter(chain, { netuid: 1, name: 'commitRevealWeightsEnabled', value: false, signer: alice, sudo: true });
    const settled = await connito('weights', 'set', '--netuid', '1', '--weights', '0:1', '--wait', '--handle', join(root, 'handle.json'), ...VALIDATOR);
    expect([settled.code, settled.stdout]).toEqual([0, expect.stringMatching(/^set in block \d+/)]);
    expect((await connito('weights', 'set', '--netuid', '1', '--weights', '0', ...VALIDATOR)).code).toBe(2);
    expect((await connito('weights', 'set', '--netuid', '1', '--weights', '5:1', ...VALIDATOR)).stderr).toContain('UidVecContainInvalidOne');
    expect((await connito('weights', 'simulate', '--netuid', '1', '--uid', '1')).code).toBe(2);
    expect((await connito('subnet', 'metagraph', '--netuid', '1', '--json')).json<{ neurons: unknown[] }>().neurons).toHaveLength(2);
    expect((await connito('subnet', 'metagraph', '--netuid', '1')).stdout).toContain('INCENTIVE');
  });

  it('reads and writes amounts without losing a rao', () => {
    expect(['12', '0.5', '0.000000001', '12.345678901'].map((text) => formatAmount(taoAmount()(text)))).toEqual(['12', '0.5', '0.000000001', '12.345678901']);
    for (const text of ['', '0', '-1', '1.', '.5', '1e3', '0x1', '1.0000000001', '123456789']) expect(() => taoAmount()(text)).toThrow(/amount/);
  });
});
