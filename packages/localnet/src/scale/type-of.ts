/**
 * From the type strings of the runtime's description to TypeScript types, at compile time.
 *
 * Integers up to 32 bits are numbers, wider ones bigints; `Vec<u8>` and `[u8;N]` are bytes; `AccountId` and `H256` are 64 lowercase
 * hex digits without prefix, so that they compare with `===`; an enum is `{ type, value }`.
 * @module
 */
import type { NamedTypes } from '../pallets/named-types.ts';

/** A Commitments field: `Raw` stands for Raw0 to Raw128. */
export type CommitmentData =
  | { readonly type: 'None' | 'ResetBondsFlag'; readonly value?: undefined }
  | {
      readonly type: 'Raw' | 'BlakeTwo256' | 'Sha256' | 'Keccak256' | 'ShaThree256' | 'BigRaw';
      readonly value: Uint8Array;
    }
  | { readonly type: 'TimelockEncrypted'; readonly value: { readonly encrypted: Uint8Array; readonly reveal_round: bigint } };

/** How long a transaction is valid. */
export type Era =
  | { readonly type: 'Immortal' }
  | { readonly type: 'Mortal'; readonly period: number; readonly phase: number };

/** A call: pallet, function, named arguments. */
export interface RuntimeCall {
  readonly pallet: string;
  readonly call: string;
  readonly args: Readonly<Record<string, unknown>>;
}

/** An event: its data is a list, or a record where the fields have names. */
export interface RuntimeEvent {
  readonly pallet: string;
  readonly event: string;
  readonly data: unknown;
}

interface Builtins {
  bool: boolean;
  u8: number;
  u16: number;
  u32: number;
  i16: number;
  i32: number;
  u64: bigint;
  u128: bigint;
  i64: bigint;
  i128: bigint;
  Text: string;
  '()': undefined;
  AccountId: string;
  H256: string;
  CommitmentData: CommitmentData;
  Era: Era;
  RuntimeCall: RuntimeCall;
  RuntimeEvent: RuntimeEvent;
}
type Types = NamedTypes;

/** The TypeScript type of the SCALE type that the string `S` names. */
export type TypeOf<S extends string> = S extends keyof Builtins
  ? Builtins[S]
  : S extends `Vec<${infer T}>`
    ? ListOf<T>
    : S extends `BoundedVec<${infer T};${number}>`
      ? ListOf<T>
      : S extends `BTreeSet<${infer T}>`
        ? ListOf<T>
        : S extends `Option<Option<${infer T}>>`
          ? { readonly value: TypeOf<T> | undefined } | undefined
        : S extends `Option<${infer T}>`
          ? TypeOf<T> | undefined
          : S extends `Compact<${infer T}>` | `Cow<${infer T}>`
            ? TypeOf<T>
            : S extends `[u8;${number}]`
              ? Uint8Array
              : S extends `[${infer T};${number}]`
                ? readonly TypeOf<T>[]
              : S extends `BTreeMap<${infer K},${infer V}>`
                ? readonly (readonly [TypeOf<K>, TypeOf<V>])[]
              : S extends `PerDispatchClass<${infer T}>`
                ? { readonly normal: TypeOf<T>; readonly operational: TypeOf<T>; readonly mandatory: TypeOf<T> }
                : S extends `(${infer T})`
                  ? TupleOf<Split<T>>
                  : S extends `Result<${infer A},${infer B}>`
                    ? { readonly type: 'Ok'; readonly value: TypeOf<A> } | { readonly type: 'Err'; readonly value: TypeOf<B> }
                    : S extends keyof Types
                      ? NamedType<Types[S]>
                      : never;

type TupleOf<T extends readonly string[]> = { readonly [I in keyof T]: T[I] extends string ? TypeOf<T[I]> : never };

/** The parts of a list of types: split at commas that stand in no bracket. */
type Split<S extends string, Depth extends 0[] = [], Part extends string = '', Parts extends string[] = []> = S extends `${infer C}${infer Rest}`
  ? C extends '(' | '<' | '['
    ? Split<Rest, [...Depth, 0], `${Part}${C}`, Parts>
    : C extends ')' | '>' | ']'
      ? Split<Rest, Depth extends [0, ...infer Up extends 0[]] ? Up : [], `${Part}${C}`, Parts>
      : C extends ','
        ? Depth extends []
          ? Split<Rest, [], '', [...Parts, Part]>
          : Split<Rest, Depth, `${Part}${C}`, Parts>
        : Split<Rest, Depth, `${Part}${C}`, Parts>
  : Part extends ''
    ? Parts
    : [...Parts, Part];

type ListOf<T extends string> = T extends 'u8' ? Uint8Array : readonly TypeOf<T>[];

type NamedType<D> = D extends { readonly struct: infer F } ? FieldsOf<F> : D extends { readonly enum: infer V } ? EnumType<V> : never;

type UnitVariant<V> = { [K in keyof V]: V[K] extends readonly [number, unknown] ? never : K }[keyof V] & string;
type EnumType<V> =
  | ([UnitVariant<V>] extends [never] ? never : { readonly type: UnitVariant<V>; readonly value?: undefined })
  | { [K in keyof V & string]: V[K] extends readonly [number, infer F] ? { readonly type: K; readonly value: FieldsOf<F> } : never }[keyof V & string];

/** Fields of a struct or variant: a record, or the single value, or a list. */
export type FieldsOf<F> = F extends readonly []
  ? undefined
  : F extends readonly [infer S extends string]
    ? TypeOf<S>
    : F extends readonly string[]
      ? { readonly [I in keyof F]: F[I] extends string ? TypeOf<F[I]> : never }
      : { readonly [K in keyof F]: F[K] extends string ? TypeOf<F[K]> : never };

/** Fields of an event: always a list or a record. */
export type ListedFieldsOf<F> = F extends readonly string[]
  ? { readonly [I in keyof F]: F[I] extends string ? TypeOf<F[I]> : never }
  : { readonly [K in keyof F]: F[K] extends string ? TypeOf<F[K]> : never };
