/**
 * Where the demo's checkpoint and texts lie on disk. Both are part of the package; nothing is downloaded.
 *
 * @module
 */
import { fileURLToPath } from 'node:url';

/**
 * Absolute path of the checkpoint in Hugging Face layout: `config.json`, `model.safetensors` (bfloat16, one tensor per expert),
 * `tokenizer.json`, `tokenizer_config.json`.
 *
 * @example
 * ```ts
 * import { readFileSync } from 'node:fs';
 * import { join } from 'node:path';
 * import { modelDirectory } from '@connito/demo-data';
 *
 * const config = JSON.parse(readFileSync(join(modelDirectory, 'config.json'), 'utf8'));
 * ```
 */
export const modelDirectory: string = fileURLToPath(new URL('../model', import.meta.url));

/**
 * Absolute path of the texts, JSON Lines of `{"text", "source"}`: `pretrain/` (what the model has seen), `target/mathematics.jsonl`
 * (the task, never seen) and `general/` (held-out prose and code, to measure forgetting). `SOURCES.md` there states the licences.
 */
export const textDirectory: string = fileURLToPath(new URL('../text', import.meta.url));
