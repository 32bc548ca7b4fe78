/**
 * What stands in a keyfile once it is decrypted: JSON with an address, a public key and, in a secret keyfile, the key's secret in up to three forms.
 *
 * The secret is taken from `secretPhrase`, else from `secretSeed`, else from `privateKey`, as bittensor-wallet does, and must give the address that the file
 * names. Very old files are a bare mnemonic or a seed in hex, or have the key " ss58Address" with a space.
 * @module
 */
import { ChainError } from '../errors.ts';
import { hotkeyFromBytes, parseHotkey, type Hotkey } from '../identifier.ts';
import type { KeyScheme } from '../keypair.ts';
import { privateKeyOf, secretFromPrivateKey, secretFromSeed, secretFromUri, type KeySecret } from './key-secret.ts';

/** A keyfile's content. */
export interface KeyfileContent {
  readonly address: Hotkey;
  readonly scheme: KeyScheme;
  /** Missing in public keyfiles. */
  readonly secret?: KeySecret;
}

/** A keyfile of ours has under 700 bytes; what is a hundred times longer is something else. */
export const MAX_KEYFILE_BYTES: number = 64 * 1024;

/**
 * Reads a decrypted keyfile.
 * @param path for messages
 * @throws bad-keyfile not a keyfile, or its parts contradict each other
 * @throws unsupported-keyfile an unknown kind of key
 */
export function parseKeyfile(bytes: Uint8Array, path: string): KeyfileContent {
  const text = decodeText(bytes, path).trim();
  if (!text.startsWith('{')) return parseBareSecret(text, path);
  const fields = parseFields(text, path);
  const scheme = schemeOf(fields, path);
  const stated = statedAddress(fields, path);
  const secret = secretOf(fields, { scheme, path });
  const derived = secret === undefined ? undefined : hotkeyFromBytes(secret.publicKey);
  const address = derived ?? stated;
  if (address === undefined) throw bad(path, 'has neither an address nor a secret');
  if (stated !== undefined && stated !== address) throw bad(path, `contradicts itself: it names ${stated}, and its secret is that of ${address}; do not use it before you know which is right`);
  return { address, scheme, ...(secret === undefined ? {} : { secret }) };
}

/** The JSON of a secret keyfile, as bittensor-wallet 3 and 4 open it. */
export function formatKeyfile(secret: KeySecret): string {
  const { phrase, seed } = secret;
  return JSON.stringify({
    ...publicFields(secret),
    privateKey: hex(privateKeyOf(secret)),
    ...(phrase === undefined ? {} : { secretPhrase: phrase }),
    ...(seed === undefined ? {} : { secretSeed: hex(seed) }),
  });
}

/** The JSON of `coldkeypub.txt` and of a hotkey's `pub.txt`. */
export function formatPublicKeyfile(key: { readonly publicKey: Uint8Array; readonly scheme: KeyScheme }): string {
  return JSON.stringify(publicFields(key));
}

type Fields = Readonly<Record<string, unknown>>;

/** Substrate's numbers, in btwallet's `cryptoType`. */
const SCHEMES: readonly KeyScheme[] = ['ed25519', 'sr25519'];

/** No `cryptoType` for sr25519, which it means by default: bittensor-wallet before 4.1 opens no file that has a number in it. */
function publicFields({ publicKey, scheme }: { readonly publicKey: Uint8Array; readonly scheme: KeyScheme }): Record<string, unknown> {
  return { accountId: hex(publicKey), publicKey: hex(publicKey), ss58Address: hotkeyFromBytes(publicKey), ...(scheme === 'sr25519' ? {} : { cryptoType: SCHEMES.indexOf(scheme) }) };
}

function decodeText(bytes: Uint8Array, path: string): string {
  if (bytes.length > MAX_KEYFILE_BYTES) throw bad(path, `has ${bytes.length} bytes, and a keyfile at most ${MAX_KEYFILE_BYTES}`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw bad(path, 'is not text');
  }
}

function parseFields(text: string, path: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // JSON.parse quotes what it read, which is a secret here.
    throw bad(path, `is not JSON: cut off or damaged; ${RESTORE}`);
  }
  const fields = new Map(Object.entries(value as object).map(([name, field]) => [name.trim(), field]));
  return Object.fromEntries(fields);
}

function parseBareSecret(text: string, path: string): KeyfileContent {
  const uri = /^[0-9a-fA-F]{64}$/.test(text) ? `0x${text}` : text;
  if (text.includes('/')) throw bad(path, NOT_A_KEYFILE);
  const secret = attempt(() => secretFromUri(uri));
  if (secret === undefined) throw bad(path, NOT_A_KEYFILE);
  return { address: hotkeyFromBytes(secret.publicKey), scheme: secret.scheme, secret };
}

const RESTORE = 'restore it from a backup, or make the key again from its mnemonic';

const NOT_A_KEYFILE = `is no keyfile: expected JSON, a mnemonic of 12 to 24 words or a seed of 32 bytes in hex; ${RESTORE}`;

function schemeOf(fields: Fields, path: string): KeyScheme {
  const { cryptoType = 1 } = fields;
  const scheme = typeof cryptoType === 'number' ? SCHEMES[cryptoType] : undefined;
  if (scheme !== undefined) return scheme;
  throw new ChainError('unsupported-keyfile', `${path} holds a key of an unknown kind: expected cryptoType 1 (sr25519) or 0 (ed25519)${typeof cryptoType === 'number' ? `, got ${cryptoType}` : ''}`, { path, ...(typeof cryptoType === 'number' ? { actual: cryptoType } : {}) });
}

/** Every public member must name the same account. */
function statedAddress(fields: Fields, path: string): Hotkey | undefined {
  const { ss58Address, publicKey, accountId } = fields;
  const named: (Hotkey | undefined)[] = [];
  if (given(ss58Address)) named.push(typeof ss58Address === 'string' ? attempt(() => parseHotkey(ss58Address)) : undefined);
  for (const key of [publicKey, accountId]) if (given(key)) named.push(attempt(() => hotkeyFromBytes(fromHex(key) ?? new Uint8Array())));
  if (named.includes(undefined)) throw bad(path, 'has an ss58Address, publicKey or accountId that is none');
  if (new Set(named).size > 1) throw bad(path, `contradicts itself: it names ${[...new Set(named)].join(' and ')}`);
  return named[0];
}

/** The first form that is there. btwallet itself has written seeds that are no hex; the form after it then has to do. */
function secretOf({ secretPhrase, secretSeed, privateKey }: Fields, { scheme, path }: { scheme: KeyScheme; path: string }): KeySecret | undefined {
  const seed = fromHex(secretSeed);
  const raw = fromHex(privateKey);
  try {
    if (given(secretPhrase)) return secretFromUri(withoutPath(secretPhrase), scheme);
    if (seed?.length === 32) return secretFromSeed(seed, scheme);
    if (raw !== undefined) return secretFromPrivateKey(raw, scheme);
  } catch {
    throw bad(path, `has a ${given(secretPhrase) ? 'secretPhrase' : 'privateKey'} that is none`);
  }
  if (given(secretSeed) || given(privateKey)) throw bad(path, 'has a secretSeed or privateKey that is none');
  return undefined;
}

function withoutPath(phrase: unknown): string {
  if (typeof phrase === 'string' && !phrase.includes('/')) return phrase;
  throw new TypeError('no mnemonic');
}

function given(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function fromHex(value: unknown): Uint8Array | undefined {
  if (typeof value !== 'string' || !/^(0x)?([0-9a-fA-F]{2})+$/.test(value)) return undefined;
  return Uint8Array.from(Buffer.from(value.replace(/^0x/, ''), 'hex'));
}

function hex(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes).toString('hex')}`;
}

/** Drops the cause, which may quote what was read. */
function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}

function bad(path: string, what: string): ChainError {
  return new ChainError('bad-keyfile', `${path} ${what}`, { path });
}
