/**
 * `model.safetensors.index.json`: which tensor lies in which shard. File names are taken only in their own directory: no separators.
 * @module
 */
import { MoeError } from '../errors.ts';
import { isJsonObject, parseStrictJson, type JsonValue } from '../internal/strict-json.ts';
import { cut, quote } from '../internal/quote.ts';

/** Caps of huggingface.js (`parseSafetensorsMetadata`), which reads such files from strangers too. */
export const MAX_INDEX_BYTES = 250_000_000;
export const MAX_SHARDS = 10_000;

/** A parsed index. */
export interface ShardedIndex {
  /** Tensor to file name. */
  readonly weightMap: ReadonlyMap<string, string>;
  /** File names, sorted. */
  readonly files: readonly string[];
}

/**
 * Parses an index. `metadata` is not used: published total sizes are wrong too often to refuse a file for.
 * @throws json-invalid, json-duplicate-key, json-forbidden-key, index-invalid, index-file-name-invalid, index-too-large
 */
export function parseShardedIndex(text: string): ShardedIndex {
  if (text.length > MAX_INDEX_BYTES) throw tooLarge('bytes', text.length, MAX_INDEX_BYTES);
  const root: JsonValue = parseStrictJson(text, 'the safetensors index');
  const map = isJsonObject(root) ? root.get('weight_map') : undefined;
  if (!isJsonObject(map) || map.size === 0) throw invalidField('weight_map', 'an object from tensor names to file names');
  const weightMap = new Map<string, string>();
  for (const [tensor, file] of map) {
    if (typeof file !== 'string') throw invalidField(`weight_map.${tensor}`, 'a file name');
    assertFileName(tensor, file);
    weightMap.set(tensor, file);
  }
  const files = [...new Set(weightMap.values())].sort();
  if (files.length > MAX_SHARDS) throw tooLarge('shards', files.length, MAX_SHARDS);
  return { weightMap, files };
}

function assertFileName(tensor: string, file: string): void {
  if (/^[A-Za-z0-9_][A-Za-z0-9._-]{0,200}\.safetensors$/.test(file)) return;
  throw new MoeError('index-file-name-invalid', {
    message: `the index places tensor ${quote(tensor)} in ${quote(file)}, expected the plain name of a .safetensors file`,
    context: { tensor: cut(tensor), file: cut(file) },
  });
}

function invalidField(field: string, expected: string): MoeError<'index-invalid'> {
  return new MoeError('index-invalid', { message: `the safetensors index, field ${quote(field)}: expected ${expected}`, context: { field: cut(field) } });
}

function tooLarge(what: string, count: number, limit: number): MoeError<'index-too-large'> {
  return new MoeError('index-too-large', { message: `the safetensors index has ${count} ${what}, the limit is ${limit}`, context: { what, count, limit } });
}
