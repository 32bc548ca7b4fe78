/**
 * Where a keyfile's password comes from without anybody typing it: a variable of btwallet's, a file, a file descriptor. Never the command line, which every process
 * of the machine can read.
 * @module
 */
import { createReadStream } from 'node:fs';
import { ChainError } from '../errors.ts';
import { isOpenToOthers, readSecretFile } from './secret-file.ts';

/** The file that a password is wanted for. */
export interface PasswordRequest {
  readonly path: string;
  /** To open a file, or to encrypt a new one: then a person should type it twice. */
  readonly purpose: 'open' | 'create';
}

/** A password, or who to ask for one; `undefined` means that there is none. */
export type PasswordSource = string | ((request: PasswordRequest) => string | undefined | Promise<string | undefined>);

/** Nobody types more, and a wrong file is soon noticed. */
const MAX_PASSWORD_BYTES = 4096;

/**
 * The variable in which bittensor-wallet looks for a keyfile's password: `BT_PW_` and the path in capitals, with `_` for `/` and `.`.
 * @example passwordVariable('wallets/default/coldkey') // 'BT_PW_WALLETS_DEFAULT_COLDKEY'
 */
export function passwordVariable(path: string): string {
  return `BT_PW_${path.replaceAll(/[/.\\]/g, '_').toUpperCase()}`;
}

/**
 * The password that bittensor-wallet has put into the environment: base64 of the password XORed with the variable's name, which hides it from a glance and from
 * nothing else. `undefined` where there is none.
 * @throws bad-value it is there and cannot be decoded; the message does not quote it
 */
export function passwordFromEnvironment(path: string, env: Readonly<Record<string, string | undefined>> = process.env): string | undefined {
  const name = passwordVariable(path);
  const encoded = env[name];
  if (encoded === undefined || encoded === '') return undefined;
  const isBase64 = /^[A-Za-z0-9+/]+={0,2}$/.test(encoded);
  const text = isBase64 ? tryDecode(xor(Buffer.from(encoded, 'base64'), name)) : undefined;
  if (text === undefined) throw new ChainError('bad-value', `${name} does not hold what bittensor-wallet puts there (base64 of the password XORed with the variable's name)`, { subject: name });
  return text;
}

/** What {@link passwordFromEnvironment} reads: to hand a password to a process of bittensor-wallet or of ours. */
export function encodePasswordVariable(path: string, password: string): { readonly name: string; readonly value: string } {
  const name = passwordVariable(path);
  return { name, value: Buffer.from(xor(Buffer.from(password, 'utf8'), name)).toString('base64') };
}

/** The first line of a file that nobody else can read. @throws unsafe-keyfile, no-keyfile, bad-value */
export async function readPasswordFile(path: string): Promise<string> {
  const file = await readSecretFile(path, MAX_PASSWORD_BYTES);
  if (file === undefined) throw new ChainError('no-keyfile', `there is no password file ${path}`, { path });
  if (isOpenToOthers(file.mode)) throw new ChainError('unsafe-keyfile', `${path} can be read by others (mode 0${file.mode.toString(8)}): run \`chmod 600 ${path}\``, { path });
  return firstLine(file.bytes, path);
}

/**
 * The first line of an open file descriptor, as `--password-fd 3 3<file` gives it; 0 is standard input. Reads to the end and closes it.
 * @throws bad-value no such descriptor, nothing in it, or too much
 */
export async function readPasswordFd(fd: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of createReadStream('', { fd }) as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > MAX_PASSWORD_BYTES) break;
    }
  } catch (cause) {
    throw new ChainError('bad-value', `file descriptor ${fd} cannot be read: open it for this process, for example with \`${fd}<file\``, { subject: 'password' }, cause);
  }
  return firstLine(Buffer.concat(chunks), `file descriptor ${fd}`);
}

function firstLine(bytes: Uint8Array, place: string): string {
  const [line = ''] = (tryDecode(bytes) ?? '').split(/\r?\n/, 1);
  if (line !== '' && bytes.length <= MAX_PASSWORD_BYTES) return line;
  throw new ChainError('bad-value', `expected a password of at most ${MAX_PASSWORD_BYTES} bytes in the first line of ${place}`, { subject: 'password' });
}

function xor(bytes: Uint8Array, name: string): Uint8Array {
  return bytes.map((byte, index) => byte ^ name.charCodeAt(index % name.length));
}

function tryDecode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
