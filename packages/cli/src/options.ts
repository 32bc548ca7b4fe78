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

/** Most entries of a list of layers; the deepest published models have under 200. */
const MAX_LAYERS = 4096;

/** A parser of lists of layers, for commander: numbers and ranges with commas between, such as `0,2-3`. Ascending, each once. */
export function layerList(): (text: string) => number[] {
  return (text) => {
    const layers = new Set<number>();
    for (const part of text.split(',')) {
      const [, first, last = first] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part) ?? [];
      if (first === undefined || Number(last) < Number(first) || Number(last) >= MAX_LAYERS) throw new InvalidArgumentError(`Expected layers below ${MAX_LAYERS}, such as 3, 2-3 or 0,2-3.`);
      for (let layer = Number(first); layer <= Number(last); layer++) layers.add(layer);
    }
    return [...layers].sort((a, b) => a - b);
  };
}

/** A parser of sizes, for commander: bytes, or a number with kB, MB, GB, TB (powers of 1,000) or KiB, MiB, GiB, TiB (of 1,024). */
export function byteCount(): (text: string) => number {
  return (text) => {
    const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?) ?(|B|[kMGT]B|[KMGT]iB)$/.exec(text) ?? [];
    const base = unit.endsWith('iB') ? 1024 : 1000;
    const power = Math.max(0, 'kMGT'.indexOf(unit.charAt(0).replace('K', 'k')) + 1);
    const bytes = number === '' ? Number.NaN : Math.round(Number(number) * base ** (unit === '' || unit === 'B' ? 0 : power));
    if (bytes >= 1 && bytes <= Number.MAX_SAFE_INTEGER) return bytes;
    throw new InvalidArgumentError('Expected a size such as 1500000000, 1.5GB or 2GiB.');
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
