/**
 * What a keyfile keeps of a key: its secret in up to three forms, and how each becomes the pair that signs.
 *
 * An sr25519 private key stands in keyfiles as schnorrkel's canonical form, scalar (32 bytes, little endian) ‖ nonce (32). polkadot-js wants the scalar times
 * eight, as in an expanded ed25519 key.
 * @module
 */
import { ristretto255 } from '@noble/curves/ed25519.js';
import { Keyring } from '@polkadot/keyring';
import { ed25519PairFromSeed, keyExtractSuri, keyFromPath, mnemonicToMiniSecret, mnemonicValidate, sr25519PairFromSeed } from '@polkadot/util-crypto';
import { ChainError } from '../errors.ts';
import { SS58_PREFIX } from '../identifier.ts';
import { wrapPair, type Keypair, type KeyScheme } from '../keypair.ts';

/** A key's secret. Only its scheme and public key show when it is printed or becomes JSON; it is never part of an error. */
export interface KeySecret {
  readonly scheme: KeyScheme;
  readonly publicKey: Uint8Array;
  /** 64 bytes, as polkadot-js has it. */
  readonly secretKey: Uint8Array;
  /** Only where the key is the mnemonic's own, without derivation. */
  readonly phrase?: string | undefined;
  /** 32 bytes; only where the key is the seed's own. */
  readonly seed?: Uint8Array | undefined;
}

/** Keeps what a secret is made of out of sight: private members are neither enumerated nor inspected. */
class KeptSecret implements KeySecret {
  readonly scheme: KeyScheme;
  readonly publicKey: Uint8Array;
  readonly #secretKey: Uint8Array;
  readonly #phrase: string | undefined;
  readonly #seed: Uint8Array | undefined;

  constructor({ scheme, publicKey, secretKey, phrase, seed }: KeySecret) {
    this.scheme = scheme;
    this.publicKey = Uint8Array.from(publicKey);
    this.#secretKey = Uint8Array.from(secretKey);
    this.#phrase = phrase;
    this.#seed = seed;
  }

  get secretKey(): Uint8Array {
    return this.#secretKey;
  }

  get phrase(): string | undefined {
    return this.#phrase;
  }

  get seed(): Uint8Array | undefined {
    return this.#seed;
  }
}

/** A secret from its parts. */
export function keepSecret(parts: KeySecret): KeySecret {
  return Object.freeze(new KeptSecret(parts));
}

/** Order of the ristretto255 group, RFC 9496. */
const GROUP_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

/**
 * The secret of a mnemonic, of a seed as `0x…`, of `//Alice`, or of one of them with a derivation path and `///password`.
 * @throws bad-key, whose message never holds the secret
 */
export function secretFromUri(uri: string, scheme: KeyScheme = 'sr25519'): KeySecret {
  return guard(() => {
    const { phrase: words, path, password } = keyExtractSuri(withPlainSpaces(uri));
    const isSeed = /^0x[0-9a-fA-F]{64}$/.test(words);
    if (!isSeed && !mnemonicValidate(words)) throw new TypeError('no phrase');
    const seed = isSeed ? Uint8Array.from(Buffer.from(words.slice(2), 'hex')) : mnemonicToMiniSecret(words, password);
    const root = secretFromSeed(seed, scheme);
    const { publicKey, secretKey } = root;
    if (path.length > 0) return keepSecret({ scheme, ...keyFromPath({ publicKey, secretKey }, path, scheme) });
    return isSeed || password ? root : keepSecret({ scheme, publicKey, secretKey, seed, phrase: words });
  });
}

/** The secret of a seed of 32 bytes. @throws bad-key */
export function secretFromSeed(seed: Uint8Array, scheme: KeyScheme = 'sr25519'): KeySecret {
  return guard(() => {
    if (seed.length !== 32) throw new TypeError('no seed');
    return keepSecret({ scheme, seed: Uint8Array.from(seed), ...(scheme === 'sr25519' ? sr25519PairFromSeed(seed) : ed25519PairFromSeed(seed)) });
  });
}

/** The secret of a keyfile's `privateKey`: 64 bytes of sr25519, 32 of ed25519. @throws bad-key */
export function secretFromPrivateKey(privateKey: Uint8Array, scheme: KeyScheme): KeySecret {
  return guard(() => {
    if (scheme === 'ed25519') return secretFromSeed(privateKey.slice(0, privateKey.length === 64 ? 32 : privateKey.length), scheme);
    if (privateKey.length !== 64) throw new TypeError('no private key');
    const scalar = toBigint(privateKey.subarray(0, 32));
    if (scalar === 0n || scalar >= GROUP_ORDER) throw new TypeError('no scalar');
    const secretKey = Uint8Array.from(privateKey);
    secretKey.set(fromBigint(scalar * 8n));
    return keepSecret({ scheme, publicKey: ristretto255.Point.BASE.multiply(scalar).toBytes(), secretKey });
  });
}

/** The other direction: what a keyfile holds as `privateKey`. */
export function privateKeyOf({ scheme, secretKey }: KeySecret): Uint8Array {
  if (scheme === 'ed25519') return secretKey.slice(0, 32);
  const privateKey = Uint8Array.from(secretKey);
  privateKey.set(fromBigint(toBigint(secretKey.subarray(0, 32)) / 8n));
  return privateKey;
}

/** The key, ready to sign. */
export function keypairFromSecret({ scheme, publicKey, secretKey }: KeySecret): Keypair {
  return wrapPair(() => new Keyring({ type: scheme, ss58Format: SS58_PREFIX }).addFromPair({ publicKey, secretKey }));
}

/** The phrase behind `//Alice`, public knowledge: substrate's `DEV_PHRASE`. */
const DEVELOPMENT_PHRASE = 'bottom drive obey lake curtain smoke basket hold race lonely fit walk';

/** A mnemonic may have been wrapped or pasted with other spaces; what follows the first slash stays as it is. */
function withPlainSpaces(uri: string): string {
  const slash = uri.indexOf('/');
  const end = slash < 0 ? uri.length : slash;
  const phrase = uri.slice(0, end).trim().replace(/\s+/g, ' ');
  return `${phrase === '' && slash >= 0 ? DEVELOPMENT_PHRASE : phrase}${uri.slice(end)}`;
}

function guard(make: () => KeySecret): KeySecret {
  try {
    return make();
  } catch {
    // The cause is dropped on purpose: messages of the libraries below may quote the secret.
    throw new ChainError('bad-key', 'expected a mnemonic of 12 to 24 words whose checksum holds, a seed of 32 bytes as 0x…, or a URI such as //Alice; this is none');
  }
}

function toBigint(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes.toReversed()).toString('hex')}`);
}

function fromBigint(value: bigint): Uint8Array {
  return Uint8Array.from(Buffer.from(value.toString(16).padStart(64, '0'), 'hex')).toReversed();
}
