/**
 * Values of hyperparameters: from text, into calls, out of storage.
 * @module
 */
import { ChainError } from './errors.ts';
import { HYPERPARAMETERS, type HyperparameterName, type HyperparameterRow, type Hyperparameters, type HyperparameterValue, type Integer } from './hyperparameter-table.ts';
import { toArray, toBoolean, toNumber, type Codec } from './internal/storage.ts';
import { fixedBits } from './registration.ts';

/**
 * Reads a value as people write it: `true`, `12`, `1.26`, `45875,58982`, `recycle`, `even`.
 * @throws bad-value
 */
export function parseHyperparameter<N extends HyperparameterName>(name: N, text: string): Hyperparameters[N] {
  const row = rowOf(name);
  const value = parseText(row.type, text.trim());
  if (value !== undefined) return value as Hyperparameters[N];
  throw badValue(name, row, text);
}

function parseText(type: HyperparameterRow['type'], text: string): unknown {
  if (type === 'bool') return text === 'true' ? true : text === 'false' ? false : undefined;
  if (type === 'integer') return /^\d+$/.test(text) ? BigInt(text) : undefined;
  if (type === 'signed') return /^-?\d+$/.test(text) ? BigInt(text) : undefined;
  if (type === 'fixed') return /^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
  if (type === 'recycle-or-burn') return text === 'recycle' || text === 'burn' ? text : undefined;
  if (type === 'emission-split' && text === 'even') return text;
  return /^\d+(,\d+)*$/.test(text) ? text.split(',').map(Number) : undefined;
}

/** The row of a name. @throws bad-value */
export function rowOf(name: string): HyperparameterRow {
  if (Object.hasOwn(HYPERPARAMETERS, name)) return HYPERPARAMETERS[name as HyperparameterName];
  throw new ChainError('bad-value', `no hyperparameter ${JSON.stringify(name)}; known are ${Object.keys(HYPERPARAMETERS).join(', ')}`, { subject: 'name', actual: name });
}

/** What goes into the call after the netuid. */
export function argumentsOf(name: string, row: HyperparameterRow, value: unknown): unknown[] {
  const fits: Record<HyperparameterRow['type'], boolean> = {
    bool: typeof value === 'boolean',
    integer: isInteger(value) && BigInt(value) >= 0n,
    signed: isInteger(value),
    fixed: typeof value === 'number' && value >= 0 && value < 2 ** 32,
    'alpha-values': isFractions(value) && value.length === 2,
    'recycle-or-burn': value === 'recycle' || value === 'burn',
    'emission-split': value === 'even' || isFractions(value),
  };
  if (!fits[row.type]) throw badValue(name, row, value);
  if (row.type === 'alpha-values') return [...(value as readonly number[])];
  if (row.type === 'fixed') return [{ bits: BigInt(Math.round((value as number) * 2 ** 32)) << 32n }];
  if (row.type === 'recycle-or-burn') return [value === 'burn' ? 'Burn' : 'Recycle'];
  if (row.type === 'emission-split') return [value === 'even' ? null : value];
  return [value];
}

/** A value as it is read. */
export function decodeValue({ type }: HyperparameterRow, stored: Codec | undefined): HyperparameterValue | undefined {
  if (type === 'emission-split') return stored === undefined ? 'even' : toArray(stored).map(toNumber);
  if (stored === undefined) return undefined;
  if (type === 'bool') return toBoolean(stored);
  if (type === 'fixed') return Number(fixedBits(stored)) / 2 ** 64;
  if (type === 'recycle-or-burn') return String(stored).toLowerCase() as 'recycle' | 'burn';
  if (type === 'alpha-values') return toArray(stored).map(toNumber) as unknown as readonly [number, number];
  return BigInt(String(stored));
}

/** Whether it can be an integer on chain. */
export function isInteger(value: unknown): value is Integer {
  return typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value));
}

function isFractions(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((part) => Number.isInteger(part) && part >= 0 && part <= 65535);
}

const WANTED: Readonly<Record<HyperparameterRow['type'], string>> = {
  bool: 'true or false',
  integer: 'an integer from 0 on',
  signed: 'an integer',
  fixed: 'a number from 0 on',
  'alpha-values': 'two integers from 0 to 65535, low and high',
  'recycle-or-burn': 'recycle or burn',
  'emission-split': 'integers from 0 to 65535, one for each mechanism, or even',
};

function badValue(name: string, { type }: HyperparameterRow, value: unknown): ChainError {
  return new ChainError('bad-value', `${name} takes ${WANTED[type]}, got ${typeof value} ${String(value)}`, { subject: name, expected: WANTED[type], actual: String(value) });
}
