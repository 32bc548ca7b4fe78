export { createSha256 } from './node/sha256.ts';
export { nativeFrameCipher } from './node/frame-cipher.ts';
export { hashTensors } from './node/hash-tensors.ts';
export type { FileTensor, HashTensorsOptions, StreamTensor, TensorSource } from './node/hash-tensors.ts';
