/**
 * Parsers of option values, and the pieces of help that every command has.
 *
 * @module
 */
import { InvalidArgumentError, type Command } from 'commander';

/** Bounds of a number on the command line, both included. */
export interface Bounds {
  readonly min?: number;
  readonly max?: number;
}

/** A parser of whole numbers within `bounds`, for commander. */
export function wholeNumber({ min = 0, max = Number.MAX_SAFE_INTEGER }: Bounds = {}): (text: string) => number {
  return (text) => {
    const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Expected a whole number ${describeBounds(min, max)}.`);
  };
}

/** A parser of decimal numbers within `bounds`, for commander. */
export function decimalNumber({ min = -Infinity, max = Infinity }: Bounds = {}): (text: string) => number {
  return (text) => {
    const value = /^-?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max && Number.isFinite(value)) return value;
    throw new InvalidArgumentError(`Expected a number ${describeBounds(min, max)}.`);
  };
}

/** Adds `--json` and the examples that every command's help ends with. */
export function describeUse(command: Command, examples: readonly string[], json = 'print the result as JSON'): Command {
  const lines = examples.map((example) => `  $ ${example}`);
  return command.option('--json', json).addHelpText('after', ['', 'Examples:', ...lines].join('\n'));
}

function describeBounds(min: number, max: number): string {
  if (min === -Infinity && max === Infinity) return '';
  if (max === Infinity || max === Number.MAX_SAFE_INTEGER) return `of at least ${min}`;
  return `from ${min} to ${max}`;
}
