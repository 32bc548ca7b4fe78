export { createSha256 } from './node/sha256.ts';
export { nativeFrameCipher } from './node/frame-cipher.ts';
