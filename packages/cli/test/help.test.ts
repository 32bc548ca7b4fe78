import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Command } from 'commander';
import { commands } from '../src/commands/index.ts';
import { createContext } from '../src/context.ts';
import { EXIT_CODES } from '../src/exit-codes.ts';
import { createProgram, type Register } from '../src/program.ts';
import { runCli, StopReason } from '../src/run-cli.ts';

function capture(signal: AbortSignal = new AbortController().signal, env: Record<string, string> = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const context = createContext({ stdout: { write: (text) => out.push(text) }, stderr: { write: (text) => err.push(text) }, env, signal });
  return { context, stdout: () => out.join(''), stderr: () => err.join('') };
}

/** A program whose one command does this. */
function only(name: string, action: () => Promise<void>): readonly Register[] {
  return [(program) => void program.command(name).action(action)];
}

function failing(error: unknown): readonly Register[] {
  return only('boom', async () => {
    throw error;
  });
}

function leaves(command: Command, path: readonly string[] = []): { path: readonly string[]; command: Command }[] {
  const children = command.commands.filter((child) => child.name() !== 'help');
  if (children.length === 0) return [{ path, command }];
  return children.flatMap((child) => leaves(child, [...path, child.name()]));
}

const all = leaves(createProgram(capture().context, commands)).map(({ path, command }) => ({ name: path.join(' '), path, command }));

describe('help', () => {
  it('has every command of this package', () => {
    expect(all.map(({ name }) => name)).toEqual(expect.arrayContaining(['localnet', 'data prepare', 'model inspect', 'model extract', 'model graft', 'model export', 'model diff', 'experts score', 'experts select', 'experts partition', 'eval', 'pol check']));
  });

  it.each(all)('$name has a description, --json and examples that name it', async ({ name, path, command }) => {
    expect(command.description()).toMatch(/^[A-Z].*\.$/);
    expect(command.options.map(({ long }) => long)).toContain('--json');
    for (const option of command.options) expect([option.flags, option.description]).toEqual([option.flags, expect.stringMatching(/\S/)]);
    for (const args of [[...path, '--help'], ['help', ...path]]) {
      const { context, stdout, stderr } = capture();
      expect(await runCli(args, context)).toBe(0);
      expect(stdout()).toMatch(new RegExp(`Examples:\\n  \\$ (?:\\S+=\\S+ )?connito ${name}`));
      expect(stderr()).toBe('');
    }
  });

  it('shows the exit codes, which are those of the README', async () => {
    const { context, stdout } = capture();
    expect(await runCli([], context)).toBe(0);
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
    for (const code of Object.values(EXIT_CODES)) {
      expect(stdout()).toMatch(new RegExp(`^ {2}${code} `, 'm'));
      expect(readme).toMatch(new RegExp(`^\\| ${code} \\|`, 'm'));
    }
  });

  it('the README names every command', () => {
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
    for (const { name } of all) expect(readme).toContain(`connito ${name}`);
  });

  it('knows its version', async () => {
    const { context, stdout } = capture();
    expect(await runCli(['--version'], context)).toBe(0);
    expect(stdout()).toBe(`${JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version}\n`);
  });
});

describe('wrong command lines', () => {
  it.each([
    [['frobnicate'], "connito: unknown command 'frobnicate'. See `connito --help`\n"],
    [['help', 'frobnicate'], "connito: unknown command 'frobnicate'. See `connito --help`\n"],
    [['help', 'experts', 'selec'], "connito: unknown command 'selec'. Did you mean select? See `connito experts --help`\n"],
    [['modle', 'inspect'], "connito: unknown command 'modle'. Did you mean model? See `connito --help`\n"],
    [['model', 'inspct', 'x'], "connito: unknown command 'inspct'. Did you mean inspect? See `connito model --help`\n"],
    [['model'], 'connito: `connito model` needs a command: inspect, extract, graft, export, diff. See `connito model --help`\n'],
    [['model', 'inspect'], "connito: missing required argument 'path'. See `connito model inspect --help`\n"],
    [['model', 'inspect', 'a', 'b'], "connito: too many arguments for 'inspect'. Expected 1 argument but got 2. See `connito model inspect --help`\n"],
    [['model', 'inspect', 'a', '--tensor'], "connito: unknown option '--tensor'. Did you mean --tensors? See `connito model inspect --help`\n"],
    [['localnet', '--port', '70000'], "connito: option '-p, --port <port>' argument '70000' is invalid. Expected a whole number from 0 to 65535. See `connito localnet --help`\n"],
    [['localnet', '--block-time', 'fast'], "connito: option '--block-time <seconds>' argument 'fast' is invalid. Expected a number from 0.001 to 86400. See `connito localnet --help`\n"],
    [['pol', 'check', '--base', 'a'], "connito: required option '--candidate <file>' not specified. See `connito pol check --help`\n"],
    [['pol', 'check', '--base', 'a', '--candidate', 'b', '--data', 'c', '--level', '.9', '--candidates', '2'], "connito: option '--level <level>' cannot be used with option '--candidates <count>'. See `connito pol check --help`\n"],
    [['--log-level', 'loud', 'localnet'], "connito: option '--log-level <level>' argument 'loud' is invalid. Allowed choices are trace, debug, info, warn, error, silent. See `connito localnet --help`\n"],
  ])('%j', async (args, line) => {
    const { context, stdout, stderr } = capture();
    expect(await runCli(args, context)).toBe(EXIT_CODES.usage);
    expect(stderr()).toBe(line);
    expect(stdout()).toBe('');
  });
});

describe('runCli', () => {
  it('makes one line of any error, and shows the stack only when asked', async () => {
    const error = new Error('first\n  second \u001b[31mred', { cause: new Error('the cause') });
    const plain = capture();
    expect(await runCli(['boom'], plain.context, failing(error))).toBe(1);
    expect(plain.stderr()).toBe('connito: first second [31mred\n');
    const off = capture(undefined, { CONNITO_DEBUG: '' });
    await runCli(['boom'], off.context, failing(error));
    expect(off.stderr()).toBe(plain.stderr());
    for (const [args, env] of [[['--debug', 'boom'], {}], [['boom', '--debug'], {}], [['boom'], { CONNITO_DEBUG: '1' }]] as const) {
      const debug = capture(undefined, env);
      expect(await runCli(args, debug.context, failing(error))).toBe(1);
      expect(debug.stderr()).toMatch(/help\.test\.ts:\d+[\s\S]*the cause/);
    }
  });

  it('survives what is not an Error', async () => {
    for (const [thrown, line] of [['just text', 'just text'], [undefined, 'undefined'], [new Error(''), 'an error without a message; run again with --debug to see where']] as const) {
      const { context, stderr } = capture();
      expect(await runCli(['boom'], context, failing(thrown))).toBe(1);
      expect(stderr()).toBe(`connito: ${line}\n`);
    }
  });

  it('ends quietly with the signal’s code when it was stopped', async () => {
    const stop = new AbortController();
    const { context, stderr } = capture(stop.signal);
    const waiting = only('wait', async () => {
      stop.abort(new StopReason('stopped by SIGTERM', EXIT_CODES.terminated));
      context.signal.throwIfAborted();
    });
    expect(await runCli(['wait'], context, waiting)).toBe(143);
    expect(stderr()).toBe('');
  });
});
