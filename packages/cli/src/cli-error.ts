/**
 * The one error class of the CLI, and how any error at all becomes one line and an exit code.
 *
 * Errors of the packages below are told apart by their class name and `code`, without importing the packages: an error must not
 * cost loading ONNX Runtime or polkadot.
 *
 * @module
 */
import { EXIT_CODES, type ExitName } from './exit-codes.ts';

const BRAND: symbol = Symbol.for('@connito/cli/CliError');

/** Thrown by commands; the message says what was expected, what came and what to do, in one line. */
export class CliError extends Error {
  readonly code: ExitName;
  readonly context: Readonly<Record<string, unknown>>;

  constructor(code: ExitName, message: string, context: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CliError';
    this.code = code;
    this.context = Object.freeze({ ...context });
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/** Whether `error` is a {@link CliError}, of this exit if one is given; holds across copies of the package. */
export function isCliError(error: unknown, code?: ExitName): error is CliError {
  return typeof error === 'object' && error !== null && BRAND in error && (code === undefined || (error as CliError).code === code);
}

/** The exit code that belongs to `error`. */
export function exitCodeOf(error: unknown): number {
  if (isCliError(error)) return EXIT_CODES[error.code];
  const { name, code } = shapeOf(systemErrorIn(error));
  if (code !== undefined && NETWORK_CODES.has(code)) return EXIT_CODES.network;
  if (code !== undefined && FILE_CODES.has(code)) return EXIT_CODES.data;
  if (name === 'AbortError' || code === 'aborted') return EXIT_CODES.interrupted;
  return EXIT_CODES[EXIT_OF_CODE[`${name} ${code}`] ?? EXIT_OF_CLASS[name ?? ''] ?? 'failed'];
}

/** `error` as one line without control characters; what a hostile file put into a message cannot move the cursor. */
export function errorLine(error: unknown): string {
  const system = systemErrorIn(error);
  const plain = SYSTEM_MESSAGES[shapeOf(system).code ?? '']?.(system as NodeJS.ErrnoException);
  return oneLine(plain ?? (error instanceof Error ? error.message : String(error))) || 'an error without a message; run again with --debug to see where';
}

/** Line breaks become spaces, other control characters vanish. */
export function oneLine(text: string): string {
  return text
    .replace(/\s+/gu, ' ')
    .replace(/\p{Cc}|\p{Cf}/gu, '')
    .trim();
}

/** A store that failed on a file where a directory should be is the command line's mistake, not the disk's. */
function systemErrorIn(error: unknown): unknown {
  const cause = shapeOf(error).code === 'io' ? (error as Error).cause : undefined;
  const { code } = shapeOf(cause);
  return code === 'ENOTDIR' || code === 'EEXIST' ? cause : error;
}

function shapeOf(error: unknown): { name: string | undefined; code: string | undefined } {
  if (typeof error !== 'object' || error === null) return { name: undefined, code: undefined };
  const { name, code } = error as { name?: unknown; code?: unknown };
  return { name: typeof name === 'string' ? name : undefined, code: typeof code === 'string' ? code : undefined };
}

/** What the errors of a package are mostly about. */
const EXIT_OF_CLASS: Readonly<Record<string, ExitName>> = {
  MoeError: 'data',
  DatasetError: 'data',
  ArtifactError: 'data',
  CommitRevealError: 'data',
  PolError: 'data',
  ChainError: 'network',
  LocalnetError: 'network',
};

/** Codes that are about something else than their package's other errors. */
const EXIT_OF_CODE: Readonly<Record<string, ExitName>> = {
  'MoeError file-write-failed': 'failed',
  'MoeError output-not-empty': 'usage',
  'DatasetError invalid-option': 'usage',
  'DatasetError output-not-empty': 'usage',
  'DatasetError io': 'failed',
  'ArtifactError io': 'failed',
  'CommitRevealError bad-endpoint': 'usage',
  'CommitRevealError beacon-unreachable': 'network',
  'PolError invalid-option': 'usage',
  'MoeEngineError bad-option': 'usage',
  'MoeEngineError bad-shape': 'data',
  'MoeEngineError unknown-tensor': 'data',
  'MoeEngineError unsupported-model': 'data',
  'MoeEngineError resume-corrupt': 'data',
  'MoeEngineError resume-mismatch': 'data',
  'ChainError bad-address': 'usage',
  'ChainError bad-key': 'usage',
  'ChainError bad-value': 'usage',
  'ChainError bad-schedule': 'usage',
  'ChainError refused': 'failed',
  'ChainError rejected': 'failed',
  'ChainError dispatch-failed': 'failed',
  'ChainError expired': 'failed',
  'ChainError read-back': 'failed',
  'ChainError missing-event': 'failed',
  'ChainError no-keyfile': 'data',
  'ChainError bad-keyfile': 'data',
  'ChainError unsupported-keyfile': 'data',
  'ChainError unsafe-keyfile': 'data',
  'ChainError no-secret': 'data',
  'ChainError password-needed': 'usage',
  'ChainError wrong-password': 'failed',
  'ChainError keyfile-exists': 'usage',
  'LocalnetError bad-option': 'usage',
  'LocalnetError bad-state': 'data',
  'LocalnetError bad-scale': 'data',
  'LocalnetError bad-snapshot': 'data',
  'LocalnetError bad-scenario': 'data',
  'LocalnetError unknown-snapshot': 'usage',
  'LocalnetError bad-control': 'usage',
  'LocalnetError state-locked': 'failed',
  'LocalnetError closed': 'failed',
  'SubnetError invalid-manifest': 'data',
  'SubnetError invalid-record': 'data',
  'SubnetError wrong-network': 'network',
  'SubnetError invalid-rules': 'data',
  'SubnetError invalid-evidence': 'data',
  'SubnetError another-plan': 'usage',
  'SubnetError used-data': 'data',
};

const NETWORK_CODES: ReadonlySet<string> = new Set(['EADDRINUSE', 'EADDRNOTAVAIL', 'ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EHOSTUNREACH', 'ETIMEDOUT']);
const FILE_CODES: ReadonlySet<string> = new Set(['ENOENT', 'EISDIR', 'ENOTDIR', 'EACCES', 'EPERM', 'EEXIST', 'ENOSPC', 'EDQUOT', 'EROFS', 'ELOOP', 'ENAMETOOLONG']);

const SYSTEM_MESSAGES: Readonly<Record<string, (error: NodeJS.ErrnoException) => string>> = {
  // Making a directory and those above it fails so on a file system that is read-only.
  ENOENT: ({ path, syscall }) => (syscall === 'mkdir' ? `The directory ${path ?? ''} cannot be made: the file system is read-only, or the path leads through something that is no directory` : `There is no file or directory ${path ?? ''}: check the path`),
  EISDIR: ({ path }) => `Expected a file, found a directory${path === undefined ? '' : `: ${path}`}`,
  EEXIST: ({ path }) => `Expected a directory, found a file: ${path ?? ''}`,
  ENOTDIR: ({ path }) => `Expected a directory, found a file: ${path ?? ''}`,
  EACCES: ({ path }) => `No permission for ${path ?? 'this file'}: check its owner and mode`,
  EPERM: ({ path }) => `Not permitted for ${path ?? 'this file'}: check its owner, and whether it is immutable`,
  EROFS: ({ path }) => `The file system is read-only${path === undefined ? '' : ` (writing ${path})`}: choose another place, or mount it writable`,
  EDQUOT: ({ path }) => `The quota of this disk is used up${path === undefined ? '' : ` (writing ${path})`}: free some space and run again`,
  ENOSPC: ({ path }) => `The disk is full${path === undefined ? '' : ` (writing ${path})`}: free some space and run again`,
};
