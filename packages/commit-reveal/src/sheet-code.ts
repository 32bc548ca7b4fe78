/**
 * Why a miner has no score: the append-only table of codes in verdict sheets.
 *
 * A number is never reused and never changes its meaning: sheets of past cycles are replayed. `fault` says who is to blame.
 * A code of fault `validator` is an abstention (it never costs the miner anything); one of fault `miner` counts as a score of 0;
 * `none` blames nobody and also counts as 0, except `empty`, where there is no miner.
 * @module
 */

/** Whose fault an outcome is. */
export type Fault = 'none' | 'miner' | 'validator';

/** A row of the table. */
export interface SheetCode {
  /** The number on the wire, 1 to 32767; 0 stands for a score and is never written as a code. */
  readonly number: number;
  readonly fault: Fault;
  readonly meaning: string;
}

/** The name of a row. Append-only. */
export type SheetCodeName =
  | 'scored'
  | 'empty'
  | 'absent'
  | 'late'
  | 'unfetchable'
  | 'hash-mismatch'
  | 'commitment-mismatch'
  | 'malformed-record'
  | 'malformed'
  | 'disallowed-tensor'
  | 'non-finite'
  | 'too-large'
  | 'norm-exceeded'
  | 'resubmission'
  | 'copy'
  | 'below-floor'
  | 'worse-than-clip'
  | 'raced'
  | 'unopenable'
  | 'validator-fault'
  | 'void';

const TABLE: Readonly<Record<SheetCodeName, SheetCode>> = {
  scored: { number: 0, fault: 'none', meaning: 'the entry is a score' },
  empty: { number: 1, fault: 'none', meaning: 'no miner at this uid at the commit snapshot' },
  absent: { number: 2, fault: 'miner', meaning: 'no commitment for this cycle at the commit snapshot' },
  late: { number: 3, fault: 'miner', meaning: 'the artifact came after its deadline' },
  unfetchable: { number: 4, fault: 'miner', meaning: 'the artifact was not to be had from its locator' },
  'hash-mismatch': { number: 5, fault: 'miner', meaning: 'the artifact has another SHA-256 or size than the record says' },
  'commitment-mismatch': { number: 6, fault: 'miner', meaning: 'salt and root of the artifact do not open the commitment' },
  'malformed-record': { number: 7, fault: 'miner', meaning: 'the on-chain record cannot be read' },
  malformed: { number: 8, fault: 'miner', meaning: 'the artifact is no valid safetensors file, or lacks what an update needs' },
  'disallowed-tensor': { number: 9, fault: 'miner', meaning: 'the update holds a tensor, dtype or shape that the task does not allow' },
  'non-finite': { number: 10, fault: 'miner', meaning: 'the update, or its loss with a finite base, is not finite' },
  'too-large': { number: 11, fault: 'miner', meaning: 'the artifact exceeds the size that the task allows' },
  'norm-exceeded': { number: 12, fault: 'miner', meaning: 'the update exceeds the norm that the task allows' },
  resubmission: { number: 13, fault: 'miner', meaning: 'the update is an opened update of an earlier cycle, or their mean' },
  copy: { number: 14, fault: 'miner', meaning: 'the update is a near copy of another of this cycle' },
  'below-floor': { number: 15, fault: 'none', meaning: 'the gain does not pass the floor' },
  'worse-than-clip': { number: 16, fault: 'miner', meaning: 'the update raises the loss by more than the clip' },
  raced: { number: 17, fault: 'none', meaning: 'stopped early: it cannot reach the paid ranks any more' },
  unopenable: { number: 18, fault: 'miner', meaning: 'the seal does not open at its round' },
  'validator-fault': { number: 19, fault: 'validator', meaning: 'the validator could not score it: RPC, disk, memory or time' },
  void: { number: 20, fault: 'none', meaning: 'the cycle is void for all' },
};

/** All rows by name. */
export const SHEET_CODES: Readonly<Record<SheetCodeName, SheetCode>> = Object.freeze(TABLE);

const NAMES = new Map<number, SheetCodeName>(Object.entries(TABLE).map(([name, row]) => [row.number, name as SheetCodeName]));

/** The name of a number on the wire, or undefined. */
export function sheetCodeName(number: number): SheetCodeName | undefined {
  return NAMES.get(number);
}
