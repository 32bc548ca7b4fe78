/**
 * The one description of the runtime: everything that metadata, codecs, storage keys and dispatch are made from.
 *
 * It is plain data. A type is written as a string in SCALE's own vocabulary (`Vec<(u16,u16)>`, `Compact<u64>`, a name of `types.ts`);
 * a call or event is `[index, fields]`, where fields are a record (named) or a list; a storage item has hashers and keys, if it is a
 * map, and either `default` (hex of the encoded value) or `optional`. An error's index is its position.
 * @module
 */
import { adminUtils } from './admin-utils.ts';
import { aura } from './aura.ts';
import { balances } from './balances.ts';
import { commitments } from './commitments.ts';
import { crowdloan } from './crowdloan.ts';
import { drand } from './drand.ts';
import { mevShield } from './mev-shield.ts';
import { multisig } from './multisig.ts';
import { proxy } from './proxy.ts';
import { subtensorModule } from './subtensor.ts';
import { sudo } from './sudo.ts';
import { swap } from './swap.ts';
import { system } from './system.ts';
import { timestamp } from './timestamp.ts';
import { transactionPayment } from './transaction-payment.ts';
import { utility } from './utility.ts';

/** All pallets, in the order of their indices. */
export const pallets: {
  readonly System: typeof system;
  readonly Timestamp: typeof timestamp;
  readonly Aura: typeof aura;
  readonly Balances: typeof balances;
  readonly TransactionPayment: typeof transactionPayment;
  readonly SubtensorModule: typeof subtensorModule;
  readonly Utility: typeof utility;
  readonly Sudo: typeof sudo;
  readonly Multisig: typeof multisig;
  readonly Proxy: typeof proxy;
  readonly Commitments: typeof commitments;
  readonly AdminUtils: typeof adminUtils;
  readonly Drand: typeof drand;
  readonly Crowdloan: typeof crowdloan;
  readonly Swap: typeof swap;
  readonly MevShield: typeof mevShield;
} = {
  System: system,
  Timestamp: timestamp,
  Aura: aura,
  Balances: balances,
  TransactionPayment: transactionPayment,
  SubtensorModule: subtensorModule,
  Utility: utility,
  Sudo: sudo,
  Multisig: multisig,
  Proxy: proxy,
  Commitments: commitments,
  AdminUtils: adminUtils,
  Drand: drand,
  Crowdloan: crowdloan,
  Swap: swap,
  MevShield: mevShield,
};

/** The description, as a type. */
export type Pallets = typeof pallets;
/** `System`, `SubtensorModule`, … */
export type PalletName = keyof Pallets;

/** Fields of a call, event or struct: named or not. */
export type FieldsDescription = Readonly<Record<string, string>> | readonly string[];
/** One storage item. */
export interface StorageDescription {
  readonly hashers?: readonly HasherName[];
  readonly keys?: readonly string[];
  readonly value: string;
  readonly default?: string;
  readonly optional?: true;
}
/** The storage hashers that this runtime uses. */
export type HasherName = 'Identity' | 'Blake2_128Concat' | 'Twox64Concat';
/** One pallet, seen without its literal types. */
export interface PalletDescription {
  readonly index: number;
  readonly path: string;
  readonly calls: Readonly<Record<string, readonly [number, FieldsDescription]>>;
  readonly storage: Readonly<Record<string, StorageDescription>>;
  readonly events: Readonly<Record<string, readonly [number, FieldsDescription]>>;
  readonly errors: readonly string[];
  readonly constants: Readonly<Record<string, readonly [string, string]>>;
}

/** The pallets as untyped descriptions, for code that walks over all of them. */
export const palletList: readonly (readonly [PalletName, PalletDescription])[] = Object.entries(pallets) as unknown as [
  PalletName,
  PalletDescription,
][];
