/**
 * AES-256-GCM by OpenSSL, bit for bit the portable one.
 * @module
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { SEAL_TAG_BYTES, type FrameCipher } from '../seal.ts';

/**
 * The native cipher; pass it where a `cipher` is taken.
 * @example sealBytes(text, { key, cipher: nativeFrameCipher })
 */
export const nativeFrameCipher: FrameCipher = {
  encrypt(key, nonce, text) {
    const cipher = createCipheriv('aes-256-gcm', key, nonce);
    const out = new Uint8Array(text.length + SEAL_TAG_BYTES);
    out.set(cipher.update(text));
    cipher.final();
    out.set(cipher.getAuthTag(), text.length);
    return out;
  },
  decrypt(key, nonce, frame) {
    const textBytes = frame.length - SEAL_TAG_BYTES;
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: SEAL_TAG_BYTES });
    decipher.setAuthTag(frame.subarray(textBytes));
    const text = new Uint8Array(decipher.update(frame.subarray(0, textBytes)));
    try {
      decipher.final();
    } catch {
      // OpenSSL says no more than that the tag is wrong.
      return undefined;
    }
    return text;
  },
};
