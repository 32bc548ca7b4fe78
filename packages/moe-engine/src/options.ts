/**
 * Checks of option values, so that a wrong one is named before a worker starts.
 *
 * @module
 */
import { MoeEngineError } from './error.ts';

/** Where a number must lie; both ends are allowed. */
export interface NumberRange {
  readonly least?: number;
  readonly most?: number;
  readonly whole?: boolean;
}

/**
 * Refuses an option outside its range; NaN is always outside.
 *
 * @throws {bad-option}
 */
export function assertOption(option: string, given: number, { least = -Infinity, most = Infinity, whole = false }: NumberRange): void {
  if (typeof given === 'number' && given >= least && given <= most && (!whole || Number.isSafeInteger(given))) return;
  const kind = whole ? 'a whole number' : 'a number';
  const upper = most === Infinity ? '' : ` and at most ${most}`;
  const expected = `${kind} of at least ${least}${upper}`;
  throw new MoeEngineError('bad-option', `option ${option}: expected ${expected}, got ${String(given)}`, { option, expected, actual: String(given) });
}

/**
 * Refuses an option that is none of the given words.
 *
 * @throws {bad-option}
 */
export function assertOneOf(option: string, given: string, allowed: readonly string[]): void {
  if (allowed.includes(given)) return;
  const expected = allowed.join(' | ');
  throw new MoeEngineError('bad-option', `option ${option}: expected ${expected}, got ${given}`, { option, expected, actual: given });
}
