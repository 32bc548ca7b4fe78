/**
 * What is typed in a terminal: secrets without echo, and whether somebody is sure; only where somebody sits there.
 *
 * @module
 */
import { CliError } from './cli-error.ts';
import type { CliContext, OutputStream } from './context.ts';

/** What a prompt needs of `process.stdin`. */
export interface TerminalInput {
  readonly isTTY?: boolean;
  setRawMode?(mode: boolean): unknown;
  setEncoding(encoding: 'utf8'): unknown;
  on(event: 'data', listener: (text: string) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
  off(event: 'data' | 'end', listener: (text: string) => void): unknown;
  resume(): unknown;
  pause(): unknown;
}

/** How a secret is asked for. */
export interface PromptOptions {
  readonly question: string;
  /** What else would do, for the message where there is no terminal. */
  readonly instead: string;
  /** Asks twice. */
  readonly confirm?: boolean;
}

/** A line that is read without showing it. @throws CliError usage without a terminal, or where nothing was typed or the two differ */
export async function promptSecret(options: PromptOptions, { stderr, signal }: CliContext, input: TerminalInput = process.stdin): Promise<string> {
  const { question, instead, confirm = false } = options;
  if (input.isTTY !== true || input.setRawMode === undefined) throw new CliError('usage', `No terminal to ask for it (${inSentence(question)}): ${instead}`);
  const secret = await readLine(question, { stderr, signal, input });
  if (secret === '') throw new CliError('usage', 'Nothing was typed: nothing was done');
  if (confirm && (await readLine('Once more', { stderr, signal, input })) !== secret) throw new CliError('usage', 'The two differ: nothing was done');
  return secret;
}

/** A question that only `y` or `yes` affirms. @throws CliError usage without a terminal */
export async function promptYes(question: string, { instead }: Pick<PromptOptions, 'instead'>, { stderr, signal }: CliContext, input: TerminalInput = process.stdin): Promise<boolean> {
  if (input.isTTY !== true || input.setRawMode === undefined) throw new CliError('usage', `No terminal to ask at (${inSentence(question)}): ${instead}`);
  const answer = await readLine(`${question} [y/N]`, { stderr, signal, input, echo: true });
  return /^y(es)?$/i.test(answer.trim());
}

/** Addresses and paths keep their capitals. */
function inSentence(question: string): string {
  return question.charAt(0).toLowerCase() + question.slice(1);
}

interface LineOptions {
  readonly stderr: OutputStream;
  readonly signal: AbortSignal;
  readonly input: TerminalInput;
  /** Shows what is typed (default false). */
  readonly echo?: boolean;
}

function readLine(question: string, { stderr, signal, input, echo = false }: LineOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    let line = '';
    const finish = (settle: () => void): void => {
      input.off('data', listen);
      input.off('end', end);
      signal.removeEventListener('abort', abort);
      input.setRawMode?.(false);
      input.pause();
      stderr.write('\n');
      settle();
    };
    const end = (): void => finish(() => resolve(line));
    const abort = (): void => finish(() => reject(signal.reason as Error));
    const listen = (text: string): void => {
      for (const key of text) {
        if (key === '\r' || key === '\n' || key === '\u0004') return end();
        // In raw mode Ctrl-C is a character.
        if (key === '\u0003') return void finish(() => reject(new CliError('interrupted', 'Stopped')));
        if (key === '\u007f' || key === '\b') line = [...line].slice(0, -1).join('');
        else if (key === '\u0015') line = '';
        else if (key >= ' ') {
          line += key;
          if (echo) stderr.write(key);
        }
      }
    };
    if (signal.aborted) return reject(signal.reason as Error);
    stderr.write(`${question}: `);
    input.setRawMode?.(true);
    input.setEncoding('utf8');
    input.on('data', listen);
    input.on('end', end);
    signal.addEventListener('abort', abort, { once: true });
    input.resume();
  });
}
