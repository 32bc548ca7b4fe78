/**
 * Typed access to the fields of a foreign `config.json`; every complaint names the field.
 * @module
 */
import { MoeError } from '../errors.ts';
import { fieldName, quote } from './quote.ts';

/** A reader over one JSON object. `null` counts as absent, as the reference's `Optional` fields do. */
export class ConfigFields {
  readonly #object: Readonly<Record<string, unknown>>;
  readonly #prefix: string;

  /** @throws config-invalid where `config` is not an object */
  constructor(config: unknown, prefix = '') {
    this.#prefix = prefix;
    this.#object = (config ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof config === 'object' && config !== null && !Array.isArray(config)) return;
    throw new MoeError('config-invalid', {
      message: `config${prefix === '' ? '' : ` field ${prefix}`}: expected a JSON object, got ${describe(config)}`,
      context: { field: prefix },
    });
  }

  names(): string[] {
    return Object.keys(this.#object).filter((field) => this.value(field) !== undefined);
  }

  value(field: string): unknown {
    return Object.hasOwn(this.#object, field) ? (this.#object[field] ?? undefined) : undefined;
  }

  /** Whether the field is there and `null`: for the few where that says something else than leaving it out. */
  isNull(field: string): boolean {
    return Object.hasOwn(this.#object, field) && this.#object[field] === null;
  }

  nested(field: string): ConfigFields | undefined {
    const value = this.value(field);
    return value === undefined ? undefined : new ConfigFields(value, this.#name(field));
  }

  text(field: string): string | undefined {
    const value = this.value(field);
    if (value !== undefined && typeof value !== 'string') throw this.invalid(field, 'a string', value);
    return value;
  }

  /** One of a few words. @throws config-unsupported for any other */
  word<T extends string>(field: string, words: readonly [T, ...T[]], absent: T = words[0]): T {
    const value = this.text(field) ?? absent;
    const word = words.find((candidate) => candidate === value);
    if (word === undefined) throw this.unsupported(field, value, words.map((candidate) => JSON.stringify(candidate)).join(' or '));
    return word;
  }

  flag(field: string, absent: boolean): boolean {
    const value = this.value(field) ?? absent;
    if (typeof value !== 'boolean') throw this.invalid(field, 'true or false', value);
    return value;
  }

  size(field: string, absent?: number): number {
    const value = this.optionalSize(field) ?? absent;
    if (value === undefined) throw this.invalid(field, 'a positive integer', undefined);
    return value;
  }

  /** A positive integer that fits 32 bits: no dimension of a model is larger. */
  optionalSize(field: string): number | undefined {
    const value = this.value(field);
    if (value === undefined) return undefined;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > 0x7fffffff) throw this.invalid(field, 'a positive integer below 2^31', value);
    return value;
  }

  /** An integer from 0. */
  count(field: string, absent: number): number {
    const value = this.value(field) ?? absent;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 0x7fffffff) throw this.invalid(field, 'an integer from 0 and below 2^31', value);
    return value;
  }

  /** Indices of layers, or undefined. */
  layerIndices(field: string, layers: number): number[] | undefined {
    const value = this.value(field);
    if (value === undefined) return undefined;
    if (!Array.isArray(value) || value.some((layer) => !Number.isInteger(layer) || layer < 0 || layer >= layers)) {
      throw this.invalid(field, `an array of layer indices below ${layers}`, value);
    }
    return value as number[];
  }

  positive(field: string): number | undefined {
    const value = this.value(field);
    if (value === undefined) return undefined;
    if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0) throw this.invalid(field, 'a positive number', value);
    return value;
  }

  /** The one value that several fields give, `undefined` where none does. @throws config-contradiction */
  agree<T>(names: readonly string[], read: (field: string) => T | undefined): T | undefined {
    let first: { field: string; value: T } | undefined;
    for (const field of names) {
      const value = read(field);
      if (value === undefined) continue;
      if (first !== undefined && first.value !== value) throw this.contradiction(first.field, field);
      first ??= { field, value };
    }
    return first?.value;
  }

  invalid(field: string, expected: string, value: unknown): MoeError<'config-invalid'> {
    const name = fieldName(this.#name(field));
    return new MoeError('config-invalid', { message: `config field ${name}: expected ${expected}, got ${describe(value)}`, context: { field: name } });
  }

  unsupported(field: string, value: unknown, supported: string): MoeError<'config-unsupported'> {
    const name = fieldName(this.#name(field));
    return new MoeError('config-unsupported', { message: `config field ${name}: ${describe(value)} is not supported; supported: ${supported}`, context: { field: name } });
  }

  contradiction(field: string, other: string): MoeError<'config-contradiction'> {
    return new MoeError('config-contradiction', {
      message: `config fields ${this.#name(field)} (${describe(this.value(field))}) and ${this.#name(other)} (${describe(this.value(other))}) contradict each other`,
      context: { field: this.#name(field), other: this.#name(other) },
    });
  }

  #name(field: string): string {
    return this.#prefix === '' ? field : `${this.#prefix}.${field}`;
  }
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') return quote(value);
  const text = JSON.stringify(value) ?? typeof value;
  return text.length <= 60 ? text : `${text.slice(0, 60)}…`;
}
