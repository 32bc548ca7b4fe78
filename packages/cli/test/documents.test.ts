/**
 * Every `connito` command that a document prints is one that the command line takes: the whole of it in blocks, its name and its options in running text.
 */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { commands } from '../src/commands/index.ts';
import { createContext } from '../src/context.ts';
import { createProgram, deepestCommand } from '../src/program.ts';

const DOCUMENTS = ['README.md', 'docs/going-live.md', 'packages/cli/README.md', 'packages/localnet/README.md'] as const;
const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

/** A program that takes command lines and carries none out. */
function createParser(): Command {
  const out = { write: () => true };
  const program = createProgram(createContext({ stdout: out, stderr: out, env: {}, signal: new AbortController().signal }), commands);
  const disarm = (command: Command): void => {
    command.action(() => undefined);
    command.commands.forEach(disarm);
  };
  program.commands.forEach(disarm);
  return program;
}

/** Words as a shell splits them; comments, redirections and what follows `&&`, `|` or `;` are left out. */
function wordsOf(line: string): string[] {
  const words = [...line.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)].map(([word]) => word);
  const end = words.findIndex((word) => /^(#|&&|\||;|>)/.test(word));
  return words.slice(0, end < 0 ? words.length : end).filter((word) => !/^\d*[<>]/.test(word)).map((word) => word.replaceAll(/["']/g, ''));
}

/** What is called after `connito`, with numbers for N; variables of the line before it are left out. */
function argumentsOf(line: string): string[] | undefined {
  const [, rest] = /^(?:\$ )?(?:[A-Z_]+=\S+ )*(?:npx @connito\/cli|connito) (.*)$/.exec(line.trim()) ?? [];
  return rest === undefined ? undefined : wordsOf(rest).map((word) => (word === 'N' ? '1' : word));
}

const isOf = (args: string[] | undefined): args is string[] => args !== undefined;
const SHELL = new Set(['', 'sh', 'bash', 'ini']);
/** Lines of shell blocks; those that go on after a backslash are one. */
const linesIn = (text: string): string[] => [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].flatMap(([, language, block]) => (SHELL.has(language as string) ? (block as string).replaceAll(/\\\n\s*/g, ' ').split('\n') : [])).map((line) => line.replace(/^ExecStart=\S*\//, ''));
const spansIn = (text: string): string[] => [...text.replaceAll(/^```[\s\S]*?^```$/gm, '').matchAll(/`([^`\n]+)`/g)].map(([, span]) => span as string);

describe.each(DOCUMENTS)('%s', (path) => {
  const whole = linesIn(read(path)).map(argumentsOf).filter(isOf);

  it('prints whole commands that are taken', async () => {
    expect(whole.length).toBeGreaterThan(0);
    const refused: string[] = [];
    for (const args of whole) await createParser().parseAsync(args, { from: 'user' }).catch((error: unknown) => refused.push(`${args.join(' ')}: ${String(error)}`));
    expect(refused).toEqual([]);
  });

  it('names commands and options that there are', () => {
    for (const args of spansIn(read(path)).map(argumentsOf).filter(isOf)) {
      const { command, rest } = deepestCommand(createParser(), args.filter((word) => word !== 'help'));
      const known = ancestorsOf(command).flatMap(({ options }) => options).flatMap(({ long, short }) => [long, short]);
      const unknown = rest.filter((word) => /^--?[a-zA-Z]/.test(word) && ![...known, '--help', '--version'].includes(word));
      expect([args.join(' '), command.name() === 'connito' && rest.some((word) => /^[a-z]/.test(word)), unknown]).toEqual([args.join(' '), false, []]);
    }
  });
});

function ancestorsOf(command: Command): Command[] {
  return command.parent === null ? [command] : [command, ...ancestorsOf(command.parent)];
}
