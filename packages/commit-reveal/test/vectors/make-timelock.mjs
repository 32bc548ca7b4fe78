/**
 * Ciphertexts of this package for `timelock.py` to open with Bittensor's own clients:
 *
 *     node test/vectors/make-timelock.mjs > test/vectors/timelock-ours.json && python3 test/vectors/timelock.py > test/vectors/timelock.json
 *
 * The randomness is a counter, so the test of this package makes the same bytes again.
 */
import { createHash } from 'node:crypto';
import { encryptTimelock, QUICKNET, toHex } from '../../dist/index.js';

const SIGNATURE = 'b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39';
let counter = 0;
const randomBytes = (size) => new Uint8Array(createHash('sha256').update(`timelock ${counter++}`).digest().subarray(0, size));
const cases = [0, 1, 16, 96, 566, 3000].map((size) => {
  const plaintext = Uint8Array.from({ length: size }, (_, i) => (i * 7 + size) & 255);
  return { plaintext: toHex(plaintext), ciphertext: toHex(encryptTimelock({ publicKey: QUICKNET.publicKey, round: 1000, plaintext, randomBytes })) };
});
console.log(JSON.stringify({ source: 'make-timelock.mjs', signature: SIGNATURE, cases }, undefined, 1));
