import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openKeypair } from '@connito/chain';
import { startLocalnet } from '@connito/localnet';
import { CliError } from '../src/cli-error.ts';
import { createContext } from '../src/context.ts';
import { promptSecret, type TerminalInput } from '../src/prompt.ts';
import { runCli } from '../src/run-cli.ts';
import { openSigner } from '../src/wallet-options.ts';

// A throw-away key, published here.
const PHRASE = 'segment annual inform favorite picnic sea history rate wrist wet cinnamon select';
const ADDRESS = openKeypair(PHRASE).hotkey;
const root = mkdtempSync(join(tmpdir(), 'connito-cli-wallet-'));
afterAll(() => rmSync(root, { recursive: true }));

function capture({ env = {}, isTTY = false }: { readonly env?: Record<string, string>; readonly isTTY?: boolean } = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const context = createContext({ stdout: { write: (text) => out.push(text) }, stderr: { write: (text) => err.push(text), isTTY }, env: { BT_WALLET_PATH: root, ...env }, signal: new AbortController().signal });
  return { context, stdout: () => out.join(''), stderr: () => err.join('') };
}

async function run(args: readonly string[], options: Parameters<typeof capture>[0] = {}) {
  const { context, stdout, stderr } = capture(options);
  const code = await runCli(args, context);
  return { code, stdout: stdout(), stderr: stderr(), json: () => JSON.parse(stdout()) as never };
}

/** A file that only we can read. */
function secretFile(name: string, text: string): string {
  const path = join(root, `.${name}`);
  writeFileSync(path, `${text}\n`, { mode: 0o600 });
  return path;
}

/** The mnemonic that stands in a file. */
function words(name: string): string {
  return (JSON.parse(readFileSync(join(root, 'shown', 'hotkeys', name), 'utf8')) as { secretPhrase: string }).secretPhrase;
}

function newHotkey(name: string, ...rest: string[]): string[] {
  return ['wallet', 'new-hotkey', '--wallet-name', 'shown', '-H', name, ...rest];
}

async function open(given: Parameters<typeof openSigner>[0], env: Record<string, string> = {}): Promise<string> {
  return (await openSigner(given, capture({ env }).context, 'hotkey')).hotkey;
}

/** What opening a key file says. */
async function warnings(keyFile: string): Promise<string> {
  const { context, stderr } = capture();
  await openSigner({ keyFile }, context, 'hotkey');
  return stderr();
}

/** A terminal at which somebody types these keys, one event each. */
function typing(...keys: readonly string[]): TerminalInput & { readonly modes: boolean[] } {
  const modes: boolean[] = [];
  const queue = [...keys];
  let listener: ((text: string) => void) | undefined;
  const on = (event: string, listen: (text: string) => void): void => {
    if (event === 'data') listener = listen;
  };
  const feed = (): void => void setImmediate(() => {
    const key = queue.shift();
    if (key === undefined) return;
    listener?.(key);
    if (!/[\r\n]/.test(key)) feed();
  });
  return { isTTY: true, modes, setRawMode: (mode) => modes.push(mode), setEncoding: () => undefined, on, off: () => undefined, resume: feed, pause: () => undefined };
}

describe('connito wallet', () => {
  it('creates, lists, shows; files are the owner’s alone, and nothing is overwritten unasked', async () => {
    const made = await run(['wallet', 'create', '--wallet-name', 'made', '--no-use-password', '--json']);
    expect(made.code).toBe(0);
    expect(made.json()).toEqual([expect.objectContaining({ role: 'coldkey', encrypted: false }), expect.objectContaining({ role: 'hotkey', path: join(root, 'made', 'hotkeys', 'default') })]);
    for (const path of ['coldkey', 'coldkeypub.txt', 'hotkeys/default', 'hotkeys/defaultpub.txt']) expect(statSync(join(root, 'made', path)).mode & 0o777).toBe(0o600);
    for (const path of ['made', 'made/hotkeys']) expect(statSync(join(root, path)).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(root, 'made', 'hotkeys')).toSorted()).toEqual(['default', 'defaultpub.txt']);
    const before = readFileSync(join(root, 'made', 'coldkey'), 'utf8');
    const again = await run(['wallet', 'create', '--wallet-name', 'made', '--no-use-password']);
    expect(again).toMatchObject({ code: 2, stderr: expect.stringMatching(/^connito: .*exists and was left as it is.*\n$/) as string });
    expect(readFileSync(join(root, 'made', 'coldkey'), 'utf8')).toBe(before);
    const [coldkey, hotkey] = made.json() as { address: string }[];
    expect((await run(['wallet', 'list', '--json'])).json()).toEqual({ path: root, wallets: [{ name: 'made', coldkey: coldkey?.address, hotkeys: [{ name: 'default', address: hotkey?.address }] }] });
    expect((await run(['wallet', 'show', '--wallet-name', 'made', '--json'])).json()).toMatchObject({ keys: [{ encryption: 'none', mode: '0600' }, { name: 'default', mode: '0600', warnings: [] }] });
  });

  it('shows a mnemonic once: on a terminal, or where it was asked for', async () => {
    const terminal = await run(newHotkey('a'), { isTTY: true });
    expect(terminal.stderr).toContain(words('a'));
    expect(terminal.stdout).not.toContain(words('a'));
    for (const [name, ...rest] of [['b'], ['c', '--json']] as const) {
      const { stdout, stderr } = await run(newHotkey(name, ...rest));
      expect(stdout + stderr).not.toContain(words(name));
      expect(stderr).toContain('was not shown');
    }
    const asked = await run(newHotkey('d', '--print-mnemonic', '--json', '--n-words', '24'));
    expect(asked.json()).toEqual([expect.objectContaining({ mnemonic: words('d') })]);
    expect(words('d').split(' ')).toHaveLength(24);
  });

  it('makes keys again from a mnemonic, and watches an address without one', async () => {
    const args = ['wallet', 'regen-hotkey', '--wallet-name', 'again', '--secret-file', secretFile('phrase', PHRASE)];
    expect(await run(args)).toMatchObject({ code: 0, stdout: expect.stringContaining(ADDRESS) as string });
    expect((await run(['wallet', 'regen-coldkeypub', '--wallet-name', 'watched', '--address', ADDRESS])).code).toBe(0);
    expect((await run(['wallet', 'show', '--wallet-name', 'watched', '--json'])).json()).toMatchObject({ keys: [{ address: ADDRESS, encryption: null }] });
    expect(await run(['wallet', 'sign', '--wallet-name', 'watched', '--message', 'a'])).toMatchObject({ code: 3, stderr: expect.stringContaining('there is no coldkey') as string });
    const wrong = PHRASE.replace('select', 'sea');
    const refused = await run(['wallet', 'regen-hotkey', '--wallet-name', 'wrong', '--secret-file', secretFile('wrong', wrong), '--debug']);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('checksum');
    expect(refused.stderr + refused.stdout).not.toContain('picnic');
  });

  it('signs and verifies', async () => {
    await run(['wallet', 'regen-hotkey', '--wallet-name', 'signer', '--secret-file', secretFile('phrase', PHRASE)]);
    const { stdout } = await run(['wallet', 'sign', '--wallet-name', 'signer', '--use-hotkey', '--message', 'it is me']);
    const verify = (message: string) => run(['wallet', 'verify', '--message', message, '--address', ADDRESS, '--signature', stdout.trim()]);
    expect(await verify('it is me')).toMatchObject({ code: 0, stdout: `valid: signed by ${ADDRESS}\n` });
    expect(await verify('it is not')).toMatchObject({ code: 1, stdout: '' });
    expect((await run(['wallet', 'verify', '--message', 'a', '--address', ADDRESS, '--signature', '0x12'])).code).toBe(2);
    expect((await run(['wallet', 'sign', '--wallet-name', 'signer', '--use-hotkey'])).code).toBe(2);
  });

  it('refuses keys that others can read, and names that lead elsewhere', async () => {
    await run(['wallet', 'regen-hotkey', '--wallet-name', 'open', '--secret-file', secretFile('phrase', PHRASE)]);
    chmodSync(join(root, 'open', 'hotkeys', 'default'), 0o644);
    expect(await run(['wallet', 'sign', '--wallet-name', 'open', '--use-hotkey', '--message', 'a'])).toMatchObject({ code: 3, stderr: expect.stringContaining('chmod 600') as string });
    for (const name of ['../up', 'a/b', '.hidden', '', 'a\u0000b']) expect((await run(['wallet', 'show', '--wallet-name', name])).code).toBe(2);
  });

  it('wants a password, and never takes it for granted', async () => {
    expect(await run(['wallet', 'create', '--wallet-name', 'locked'])).toMatchObject({ code: 2, stderr: expect.stringContaining('--password-fd') as string });
    expect(readdirSync(root)).not.toContain('locked');
    const readable = secretFile('password', 'a');
    chmodSync(readable, 0o644);
    expect((await run(['wallet', 'create', '--wallet-name', 'locked', '--password-file', readable])).code).toBe(3);
    expect((await run(['wallet', 'create', '--wallet-name', 'locked', '--password-fd', '999'])).code).toBe(2);
  });
});

describe('openSigner', () => {
  const flags = { walletName: 'role' };

  it('takes a key file, a wallet, or a variable, in this order, and only what was named', async () => {
    await run(['wallet', 'regen-hotkey', '--wallet-name', 'role', '--secret-file', secretFile('phrase', PHRASE)]);
    const keyFile = secretFile('key', '//Bob');
    expect(await open(flags, { CONNITO_KEY: '//Alice' })).toBe(ADDRESS);
    expect(await open({ keyFile }, { CONNITO_KEY: '//Alice', BT_WALLET_NAME: 'role' })).toBe(openKeypair('//Bob').hotkey);
    expect(await open({}, { CONNITO_KEY: '//Alice', BT_WALLET_NAME: 'role' })).toBe(openKeypair('//Alice').hotkey);
    expect(await open({}, { BT_WALLET: 'role' })).toBe(ADDRESS);
    await expect(open({ ...flags, keyFile })).rejects.toMatchObject({ code: 'usage' });
    await expect(open({})).rejects.toThrow(/CONNITO_KEY/);
    await expect(open({ keyFile: secretFile('empty', '') })).rejects.toThrow(/is empty/);
  });
});

describe('promptSecret', () => {
  const question = { question: 'Password', instead: 'use a file' };

  it('reads without echo, with backspace, and twice where asked', async () => {
    const { context, stderr } = capture();
    const input = typing('s', 'é', 'x', '\u007f', 'c', '\r', 'séc\n');
    expect(await promptSecret({ ...question, confirm: true }, context, input)).toBe('séc');
    expect(input.modes).toEqual([true, false, true, false]);
    expect(stderr()).toBe('Password: \nOnce more: \n');
  });

  it('refuses no terminal, nothing, two that differ, and stops on Ctrl-C with the terminal as it was', async () => {
    const { context } = capture();
    await expect(promptSecret(question, context, { ...typing(), isTTY: false })).rejects.toThrow(/use a file/);
    await expect(promptSecret(question, context, typing('\n'))).rejects.toBeInstanceOf(CliError);
    await expect(promptSecret({ ...question, confirm: true }, context, typing('a\n', 'b\n'))).rejects.toThrow(/differ/);
    const input = typing('a', '\u0003');
    await expect(promptSecret(question, context, input)).rejects.toMatchObject({ code: 'interrupted' });
    expect(input.modes).toEqual([true, false]);
  });
});

describe('wallet balance', () => {
  it('reads the chain, by wallet and by address', async () => {
    const alice = openKeypair('//Alice').hotkey;
    const localnet = await startLocalnet({ seed: 'balance', developmentBalanceRao: 7_000_000_000n, endowments: { [ADDRESS]: 1_500_000_001n } });
    try {
      await run(['wallet', 'regen-coldkeypub', '--wallet-name', 'watched', '--address', ADDRESS]);
      const watched = await run(['wallet', 'balance', '--wallet-name', 'watched', '--network', localnet.endpoint]);
      expect([watched.code, watched.stdout, watched.stderr]).toEqual([0, `${ADDRESS}  1.500000001 TAO free\n`, '']);
      const other = await run(['wallet', 'balance', '--address', alice, '--network', localnet.endpoint, '--json']);
      expect(other.json()).toEqual({ address: alice, freeRao: '7000000000' });
    } finally {
      await localnet.close();
    }
  });
});

describe('what goes wrong', () => {
  it.skipIf(process.getuid?.() === 0)('shows the words of a coldkey that was written before its hotkey could not be', async () => {
    mkdirSync(join(root, 'half', 'hotkeys'), { recursive: true });
    chmodSync(join(root, 'half', 'hotkeys'), 0o500);
    const { code, stdout } = await run(['wallet', 'create', '--wallet-name', 'half', '--no-use-password', '--print-mnemonic']);
    expect([code, stdout]).toEqual([3, expect.stringMatching(/^coldkey {2}\w+ .*\n( {2}(\w+ ?){12})\n$/)]);
  });

  it('warns of a key file that others can read, and of none that holds a development URI', async () => {
    const [secret, development] = [secretFile('open', PHRASE), secretFile('development', '//Alice')];
    for (const path of [secret, development]) chmodSync(path, 0o644);
    expect(await warnings(secret)).toMatch(/Others on this machine can read the key in .*: chmod 600 /);
    expect(await warnings(development)).toBe('');
  });

  const seed = '0xfac7959dbfe72f052e5a0c3c8d6530f202b02fd8f9f5ca3580ec8deb7797479e';
  it.each([
    ['a mnemonic', PHRASE],
    ['a mnemonic with a wrong word', PHRASE.replace('wet', 'wetness')],
    ['a seed', seed],
    ['a seed that is too short', seed.slice(0, -2)],
  ])('never shows a secret: %s', async (_what, secret) => {
    const file = secretFile('secret', secret);
    const commands = [
      ['miner', 'run', '--netuid', '1', '--network', 'ws://127.0.0.1:1', '--store', root, '--state', join(root, 'state')],
      ['validator', 'run', '--netuid', '1', '--network', 'ws://127.0.0.1:1', '--store', root, '--state', join(root, 'state')],
      ['wallet', 'sign', '--message', 'x'],
      ['wallet', 'sign'],
    ];
    const said: string[] = [];
    for (const command of commands) {
      for (const [more, env] of [[['--key-file', file], {}], [[], { CONNITO_KEY: secret }]] as const) {
        const { stdout, stderr } = await run([...command, ...more, '--debug'], { env });
        said.push(stdout, stderr);
      }
    }
    for (const part of secret.startsWith('0x') ? [secret.slice(2, 20)] : secret.split(' ').slice(0, -1).map((word, index) => `${word} ${secret.split(' ')[index + 1]}`)) expect(said.join('\n')).not.toContain(part);
    expect(said.join('').length).toBeGreaterThan(100);
  });
});
