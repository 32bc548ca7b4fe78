/**
 * Faults of one endpoint, for testing clients: what a node, or the way to it, does on a bad day.
 *
 * Methods that begin with `localnet_` are never affected, so that faults can be ended over the connection that began them.
 * @module
 */
import { LocalnetError } from './errors.ts';

/** A JSON-RPC error. */
export interface RpcErrorSpec {
  readonly code: number;
  readonly message: string;
  readonly data?: string;
}

/** What goes wrong; all of it is off where nothing is said. */
export interface FaultSettings {
  /** Answers come so many milliseconds late. */
  readonly delayMs?: number;
  /** Only answers to these methods are late (all). */
  readonly delayMethods?: readonly string[];
  /** These methods answer with an error. */
  readonly failMethods?: Readonly<Record<string, RpcErrorSpec>>;
  /** Submissions are refused with this error. */
  readonly refuseSubmissions?: RpcErrorSpec;
  /** The endpoint answers, but follows the chain no more: no new heads, and what is submitted stands in no block. */
  readonly stale?: boolean;
  /** State further back than so many blocks behind the head is discarded. */
  readonly keepStateBlocks?: number;
  /** New connections are refused. */
  readonly refuseConnections?: boolean;
  /** Each connection is dropped after so many messages from the client. */
  readonly dropAfterMessages?: number;
  /** Dropped connections end in the middle of a frame (they are cut between frames). */
  readonly dropMidFrame?: boolean;
}

/** Which connections to drop. */
export interface DropOptions {
  /** One in so many, in the order in which they were opened (1: all). */
  readonly oneIn?: number;
}

/** Delays at most: ten minutes. */
const MAX_DELAY_MS = 600_000;
const MAX_COUNT = 0xffff_ffff;

/** The faults of one endpoint. */
export class Faults {
  readonly #drop: (options: Required<DropOptions>) => number;
  readonly #onChange: () => void;
  #settings: FaultSettings = {};

  /** @param effects - `drop` cuts connections, and says how many; `onChange` hears of new settings */
  constructor({ drop, onChange }: { readonly drop: (options: Required<DropOptions>) => number; readonly onChange: () => void }) {
    this.#drop = drop;
    this.#onChange = onChange;
  }

  /** What goes wrong now. */
  get settings(): FaultSettings {
    return this.#settings;
  }

  /** From now on this goes wrong, and nothing else. @throws bad-control */
  set(settings: FaultSettings): void {
    this.#settings = Object.freeze(checkFaults(settings));
    this.#onChange();
  }

  /** All is well again. */
  clear(): void {
    this.set({});
  }

  /** Cuts open connections now; how many. @throws bad-control */
  dropConnections({ oneIn = 1 }: DropOptions = {}): number {
    assertCount('oneIn', oneIn, { min: 1, max: MAX_COUNT });
    return this.#drop({ oneIn });
  }
}

/** @throws bad-control */
function checkFaults(settings: FaultSettings): FaultSettings {
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) throw bad('faults', 'an object', settings);
  for (const [name, value] of Object.entries(settings)) {
    const check = CHECKS[name as keyof FaultSettings];
    if (check === undefined) throw bad('faults', `the settings ${Object.keys(CHECKS).join(', ')}`, name);
    if (value !== undefined) check(name, value);
  }
  return { ...settings };
}

const CHECKS: Readonly<Record<keyof FaultSettings, (name: string, value: unknown) => void>> = {
  delayMs: (name, value) => assertCount(name, value, { min: 0, max: MAX_DELAY_MS }),
  delayMethods: (name, value) => {
    if (!Array.isArray(value) || value.some((method) => typeof method !== 'string')) throw bad(name, 'a list of method names', value);
  },
  failMethods: (name, value) => {
    if (typeof value !== 'object' || value === null) throw bad(name, 'errors by method', value);
    for (const [method, error] of Object.entries(value)) {
      if (method.startsWith('localnet_')) throw bad(name, 'methods of a node, for controls always answer', method);
      assertError(`${name}.${method}`, error);
    }
  },
  refuseSubmissions: assertError,
  stale: assertBoolean,
  keepStateBlocks: (name, value) => assertCount(name, value, { min: 0, max: MAX_COUNT }),
  refuseConnections: assertBoolean,
  dropAfterMessages: (name, value) => assertCount(name, value, { min: 1, max: MAX_COUNT }),
  dropMidFrame: assertBoolean,
};

function assertCount(name: string, value: unknown, { min, max }: { readonly min: number; readonly max: number }): void {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) throw bad(name, `a whole number from ${min} to ${max}`, value);
}

function assertBoolean(name: string, value: unknown): void {
  if (typeof value !== 'boolean') throw bad(name, 'true or false', value);
}

function assertError(name: string, value: unknown): void {
  const { code, message, data } = (value ?? {}) as Partial<RpcErrorSpec>;
  const sound = Number.isSafeInteger(code) && typeof message === 'string' && (data === undefined || typeof data === 'string');
  if (!sound) throw bad(name, 'an error { code, message, data? }', value);
}

function bad(name: string, expected: string, came: unknown): LocalnetError {
  return new LocalnetError('bad-control', `${name}: expected ${expected}, got ${(JSON.stringify(came) ?? 'nothing').slice(0, 100)}.`, { context: { name } });
}
