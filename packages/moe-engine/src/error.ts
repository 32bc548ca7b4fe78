/**
 * The package's one error class: a stable code, what was expected, what came, and what to do.
 *
 * @module
 */

/** Context fields per code; codes are only ever added. */
export interface MoeEngineErrorContexts {
  /** The model needs something that the engine does not compute. */
  'unsupported-model': { readonly feature: string };
  /** A tensor, token matrix or weight set has the wrong size, type or range. */
  'bad-shape': { readonly name: string; readonly expected: string; readonly actual: string };
  /** An option is missing or out of range. */
  'bad-option': { readonly option: string; readonly expected: string; readonly actual: string };
  /** A weight was named that the model does not have, or that may not be swapped or trained. */
  'unknown-tensor': { readonly name: string };
  /** The device asked for is not there, or does not compute in float32; the message says what to install. */
  'device-unavailable': { readonly device: string };
  /** ONNX Runtime refused a graph or failed while running it. */
  'runtime-failed': { readonly device: string; readonly during: string };
  /** The worker thread died (out of memory, native crash, `process.exit`). */
  'worker-crashed': { readonly exitCode: number | undefined };
  /** `signal` was aborted; `cause` is its reason. */
  aborted: { readonly completedSteps: number | undefined };
  /** The evaluator was used after `close()`. */
  closed: Record<never, never>;
  /** The saved state belongs to another job (model, start, tokens or options differ). */
  'resume-mismatch': { readonly path: string };
  /** The saved state cannot be read. */
  'resume-corrupt': { readonly path: string };
  /** An external trainer ended with an error. */
  'trainer-failed': { readonly exitCode: number | undefined; readonly signal: string | undefined };
  /** An external trainer took too long. */
  'trainer-timeout': { readonly timeoutMs: number };
  /** What an external trainer wrote is missing, damaged, or not what it was asked for. */
  'trainer-output': { readonly path: string };
}

/** Every code of {@link MoeEngineError}. */
export type MoeEngineErrorCode = keyof MoeEngineErrorContexts;

const BRAND = Symbol.for('@connito/moe-engine/MoeEngineError');

/** What every public function of this package throws or rejects with. */
export class MoeEngineError<Code extends MoeEngineErrorCode = MoeEngineErrorCode> extends Error {
  readonly code: Code;
  readonly context: Readonly<MoeEngineErrorContexts[Code]>;

  constructor(code: Code, message: string, context: MoeEngineErrorContexts[Code], options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = 'MoeEngineError';
    this.code = code;
    this.context = Object.freeze({ ...context });
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/**
 * Tells whether something is an {@link MoeEngineError}, also one of another copy of this package.
 *
 * @param error anything caught
 * @param code narrows to one code
 */
export function isMoeEngineError<Code extends MoeEngineErrorCode = MoeEngineErrorCode>(error: unknown, code?: Code): error is MoeEngineError<Code> {
  if (typeof error !== 'object' || error === null || !(BRAND in error)) return false;
  return code === undefined || ('code' in error && error.code === code);
}

/** An {@link MoeEngineError} as plain data, for the way out of a worker thread. */
export interface PortableError {
  readonly code: MoeEngineErrorCode;
  readonly message: string;
  readonly context: Readonly<Record<string, unknown>>;
  readonly cause: string | undefined;
}

/** Flattens an error so that it survives structured cloning; the cause keeps its text. */
export function toPortableError(error: unknown): PortableError {
  if (isMoeEngineError(error)) return { code: error.code, message: error.message, context: { ...error.context }, cause: describe(error.cause) };
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'runtime-failed', message: `the engine failed: ${message}`, context: { device: 'unknown', during: 'worker' }, cause: describe(error) };
}

/** The inverse of {@link toPortableError}. */
export function fromPortableError(portable: PortableError): MoeEngineError {
  const cause = portable.cause === undefined ? {} : { cause: new Error(portable.cause) };
  return new MoeEngineError(portable.code, portable.message, portable.context as never, cause);
}

function describe(cause: unknown): string | undefined {
  if (cause === undefined) return undefined;
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}
