/**
 * Caps on what a stranger's safetensors file may ask for, each checked before anything of that size is allocated.
 * @module
 */

/** The reference's own cap (`MAX_HEADER_SIZE`, safetensors 24b0b28, tensor.rs). */
export const MAX_HEADER_BYTES = 100_000_000;

/** In UTF-16 units. The longest name in published checkpoints is below 200; names go into messages, records and paths. */
export const MAX_TENSOR_NAME_LENGTH = 1024;

/** PyTorch's and NumPy 2's largest rank. */
export const MAX_TENSOR_RANK = 64;
