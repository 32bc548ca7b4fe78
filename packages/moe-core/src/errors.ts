/**
 * The one error of this package. Narrow with {@link isMoeError}, never with `instanceof`: two copies of the package may be
 * loaded at once, the brand is shared between them.
 * @module
 */

/** What each code carries. Codes are append-only; a message may be reworded, a code may not. */
export interface MoeErrorContexts {
  /** A byte source ended before the bytes that were asked for. */
  'source-short-read': { readonly offset: number; readonly length: number; readonly sizeBytes: number };
  /** JSON that breaks RFC 8259, or that the strict parser refuses (too deep, lone surrogate). */
  'json-invalid': { readonly where: string; readonly offset: number };
  /** The same key twice in one object. */
  'json-duplicate-key': { readonly where: string; readonly offset: number; readonly key: string };
  /** The key `__proto__`. */
  'json-forbidden-key': { readonly where: string; readonly offset: number; readonly key: string };

  /** Fewer than the 8 bytes of the length field. */
  'safetensors-too-small': { readonly sizeBytes: number };
  'safetensors-header-too-large': { readonly headerBytes: bigint; readonly limitBytes: number };
  'safetensors-header-truncated': { readonly headerBytes: number; readonly sizeBytes: number };
  'safetensors-header-not-utf8': { readonly headerBytes: number };
  /** The header does not begin with `{` (after JSON whitespace). */
  'safetensors-header-not-object': { readonly headerBytes: number };
  /** A tensor entry, or one of its fields, is missing or of the wrong JSON type. */
  'safetensors-entry-invalid': { readonly tensor: string; readonly field: string };
  'safetensors-unknown-field': { readonly tensor: string; readonly field: string };
  'safetensors-unknown-dtype': { readonly tensor: string; readonly dtype: string };
  /** A shape or offset that is not a plain non-negative integer up to 2^53 − 1. */
  'safetensors-number-invalid': { readonly tensor: string; readonly field: string; readonly text: string };
  'safetensors-name-too-long': { readonly length: number; readonly limit: number };
  'safetensors-name-invalid': { readonly tensor: string };
  'safetensors-rank-too-large': { readonly tensor: string; readonly rank: number; readonly limit: number };
  'safetensors-size-overflow': { readonly tensor: string; readonly shape: readonly number[] };
  /** A sub-byte dtype whose tensor does not fill whole bytes. */
  'safetensors-partial-byte': { readonly tensor: string; readonly bits: number };
  'safetensors-size-mismatch': { readonly tensor: string; readonly expectedBytes: number; readonly actualBytes: number };
  'safetensors-offsets-reversed': { readonly tensor: string; readonly begin: number; readonly end: number };
  'safetensors-hole': { readonly tensor: string; readonly begin: number; readonly previousEnd: number };
  'safetensors-overlap': { readonly tensor: string; readonly begin: number; readonly previousEnd: number };
  'safetensors-data-truncated': { readonly expectedBytes: number; readonly actualBytes: number };
  'safetensors-trailing-bytes': { readonly expectedBytes: number; readonly actualBytes: number };
  'safetensors-metadata-invalid': { readonly key: string };
  'safetensors-duplicate-tensor': { readonly tensor: string };

  'dtype-not-convertible': { readonly dtype: string };
  'tensor-missing': { readonly tensor: string };
  'tensor-dtype-unexpected': { readonly tensor: string; readonly expected: string; readonly actual: string };
  'tensor-shape-unexpected': { readonly tensor: string; readonly expected: readonly number[]; readonly actual: readonly number[] };
  /** A range of elements that the tensor does not have, or that does not begin and end on whole bytes. */
  'tensor-range-invalid': { readonly tensor: string; readonly offset: number; readonly length: number; readonly elements: number };
  'tensor-size-unexpected': { readonly tensor: string; readonly expected: number; readonly actual: number };

  'index-invalid': { readonly field: string };
  'index-file-name-invalid': { readonly tensor: string; readonly file: string };
  'index-too-large': { readonly what: string; readonly count: number; readonly limit: number };

  /** A config field is missing or of the wrong type or range. */
  'config-invalid': { readonly field: string };
  /** Two config fields, or a field and the tensors, say different things. */
  'config-contradiction': { readonly field: string; readonly other: string };
  /** A value that is legal there but that this package does not implement. */
  'config-unsupported': { readonly field: string };

  'file-missing': { readonly path: string };
  'file-unreadable': { readonly path: string };
  'file-too-large': { readonly path: string; readonly sizeBytes: number; readonly limitBytes: number };
  'file-write-failed': { readonly path: string };
  'file-exists': { readonly path: string };

  'routing-invalid': { readonly field: string };
  'routing-not-finite': { readonly token: number; readonly expert: number };
  /** A thread of a routing pool has ended by itself. */
  'routing-worker-failed': { readonly worker: number };
  'routing-pool-closed': Record<never, never>;

  'relevance-invalid': { readonly field: string };
  'gate-log-invalid': { readonly layer: number; readonly line: number };
  'routing-log-invalid': { readonly field: string };
  'scores-invalid': { readonly field: string };
  'selection-invalid': { readonly layer: number; readonly expert: number | undefined };
  'expert-config-invalid': { readonly field: string };

  'experts-mismatch': { readonly tensor: string };
  /** `update` counts from 0 where it is one of several. */
  'experts-not-finite': { readonly tensor: string; readonly update?: number | undefined };
  'update-invalid': { readonly field: string };

  /** A module file's metadata breaks the format. */
  'module-invalid': { readonly field: string };
  /** A module that does not fit the base; `field` says in what. */
  'module-mismatch': { readonly field: string; readonly module: string };
  /** An expert that two modules bring. */
  'module-conflict': { readonly layer: number; readonly expert: number; readonly modules: readonly [string, string] };
  /** A model with only the named experts cannot be written for this family or this selection. */
  'export-unsupported': { readonly field: string };
  /** The layers keep different numbers of experts. */
  'export-uneven': { readonly layer: number; readonly expected: number; readonly actual: number };
  /** A directory that is to be written exists and holds files. */
  'output-not-empty': { readonly path: string };

  'aggregation-invalid': { readonly field: string };
  /** Fewer updates than the promise of the rule needs. */
  'aggregation-too-few': { readonly rule: string; readonly participants: number; readonly needed: number };

  /** Bytes that do not begin as a compressed update of a known version does. */
  'update-file-unknown': { readonly sizeBytes: number };
  'update-file-too-large': { readonly what: string; readonly actual: number; readonly limit: number };
  /** The file ends before what its header claims. */
  'update-file-truncated': { readonly expectedBytes: number; readonly actualBytes: number };
  'update-file-trailing-bytes': { readonly expectedBytes: number; readonly actualBytes: number };
  /** A header field out of its range or order; `offset` counts from the start of the file. */
  'update-file-header-invalid': { readonly field: string; readonly offset: number };
  /** A stream of a tensor that ends early, leaves its chunk, or holds more or fewer values than the header says. */
  'update-file-stream-invalid': { readonly tensor: string; readonly chunk: number };
  /** Bytes that would decode, but not the ones that an encoder writes for these values. */
  'update-file-not-canonical': { readonly tensor: string; readonly rule: string };

  /** A limit of the device, by its name in WebGPU, or one of the kernels. */
  'gpu-limit': { readonly limit: string; readonly required: number; readonly allowed: number };
  /** `unknown` or `destroyed`, as WebGPU says it. */
  'gpu-device-lost': { readonly reason: string };
  /** The device refused; `step` says what it was asked for, `cause` what it answered. */
  'gpu-failed': { readonly step: string };
  'assignment-invalid': { readonly field: string };
  'groups-invalid': { readonly field: string };
  'dispatch-invalid': { readonly field: string };
}

export type MoeErrorCode = keyof MoeErrorContexts;

/** What {@link MoeError} is made from, besides its code. */
export interface MoeErrorDetails<Code extends MoeErrorCode> {
  readonly message: string;
  readonly context: MoeErrorContexts[Code];
  readonly cause?: unknown;
}

const BRAND = Symbol.for('@connito/moe-core/MoeError');

/** Every failure that this package reports on purpose. `code` is for programs, `message` for people. */
export class MoeError<Code extends MoeErrorCode = MoeErrorCode> extends Error {
  override readonly name: string = 'MoeError';
  readonly code: Code;
  readonly context: Readonly<MoeErrorContexts[Code]>;

  constructor(code: Code, details: MoeErrorDetails<Code>) {
    super(details.message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.context = Object.freeze({ ...details.context });
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/**
 * Whether `error` is a {@link MoeError}, and, where a code is given, one with this code.
 * @example
 * try { parseTopology(config); } catch (error) {
 *   if (isMoeError(error, 'config-unsupported')) console.error(error.context.field);
 * }
 */
export function isMoeError<Code extends MoeErrorCode = MoeErrorCode>(error: unknown, code?: Code): error is MoeError<Code> {
  if (typeof error !== 'object' || error === null || !(BRAND in error)) return false;
  return code === undefined || ('code' in error && error.code === code);
}
