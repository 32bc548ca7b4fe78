/**
 * One text inside the worker thread: its keys and values so far, and the graphs that read more of it.
 *
 * @module
 */
import type { AttentionSpan } from '@connito/moe-core';
import type { Tensor } from 'onnxruntime-common';
import { reaches } from '../layers/row-layout.ts';
import { compileDecoding, maskName, type DecodingOptions } from '../model/decoding.ts';
import type { Runtime, Session } from '../runtime/runtime.ts';
import { createCache, enlargeCache, keepPositions, type KeyValueCache } from './key-value-cache.ts';

/** Tokens of a prompt that are read at once. */
const PROMPT_PIECE = 64;

/** What texts are read with. */
export interface DecodingContext extends Pick<DecodingOptions, 'topology' | 'shapes' | 'present'> {
  readonly runtime: Runtime;
  readonly weights: ReadonlyMap<string, Tensor>;
  /** Ready to run {@link FIRST_DECODING}. */
  readonly first: Session;
}

/** More of a text. */
export interface AppendRequest {
  readonly kind: 'append';
  /** Tokens of the text before that are kept. */
  readonly from: number;
  /** At least one. */
  readonly tokens: Int32Array;
}

/** A text under way. */
export interface Decoding {
  /** Keeps the text's first `from` tokens and reads on. @returns logits `[V]` of what follows */
  append(request: AppendRequest, stopIfCancelled: () => void): Promise<Float32Array>;
}

/** Sizes of the graph that is compiled first; its weights are those of all. The room that a text begins with is doubled whenever it is used up. */
export const FIRST_DECODING: Pick<DecodingOptions, 'fresh' | 'capacity'> = { fresh: 1, capacity: 256 };

/** Starts an empty text. */
export function createDecoding(context: DecodingContext): Decoding {
  const sessions = createSessions(context);
  let cache = createCache(context.topology, FIRST_DECODING.capacity);
  return {
    async append({ from, tokens }, stopIfCancelled) {
      if (from > cache.length) throw new RangeError(`expected to keep at most the ${cache.length} tokens that were read, got ${from}`);
      cache.length = from;
      let logits: Float32Array | undefined;
      for (let begin = 0; begin < tokens.length; begin += PROMPT_PIECE) {
        stopIfCancelled();
        const piece = tokens.subarray(begin, begin + PROMPT_PIECE);
        while (cache.length + piece.length > cache.capacity) cache = enlargeCache(cache, cache.capacity * 2);
        logits = await readPiece(context, { cache, piece, sessions });
      }
      if (logits === undefined) throw new RangeError('expected at least one token');
      return logits;
    },
  };
}

/** A session that reads `fresh` tokens at once over a cache of some capacity. That of a smaller cache is released. */
type Sessions = (fresh: number, capacity: number) => Promise<Session>;

function createSessions({ runtime, first, ...model }: DecodingContext): Sessions {
  const known = new Map<number, { readonly capacity: number; readonly session: Session }>([[FIRST_DECODING.fresh, { capacity: FIRST_DECODING.capacity, session: first }]]);
  return async (fresh, capacity) => {
    const found = known.get(fresh);
    if (found?.capacity === capacity) return found.session;
    await found?.session.release();
    known.delete(fresh);
    const session = await runtime.createSession(compileDecoding({ ...model, profile: runtime.profile, fresh, capacity }));
    known.set(fresh, { capacity, session });
    return session;
  };
}

interface Piece {
  readonly cache: KeyValueCache;
  readonly piece: Int32Array;
}

/** A piece that is shorter than its graph is filled up with token 0 behind its end, where nothing looks. */
async function readPiece(context: DecodingContext, { cache, piece, sessions }: Piece & { readonly sessions: Sessions }): Promise<Float32Array> {
  const fresh = piece.length === 1 ? 1 : PROMPT_PIECE;
  const session = await sessions(fresh, cache.capacity);
  const outputs = await session.run(feedsOf(context, { cache, piece, fresh }));
  const floats = (name: string): Float32Array => outputs.get(name)!.data as Float32Array;
  for (const [layer, into] of cache.keys.entries()) keepPositions(cache, into, { fresh: floats(`keys.${layer}`), positions: fresh, count: piece.length });
  for (const [layer, into] of cache.values.entries()) keepPositions(cache, into, { fresh: floats(`values.${layer}`), positions: fresh, count: piece.length });
  cache.length += piece.length;
  return floats('logits');
}

function feedsOf({ runtime, topology, weights }: DecodingContext, { cache, piece, fresh }: Piece & { readonly fresh: number }): Record<string, Tensor> {
  const { heads, capacity, length } = cache;
  const tokens = new Int32Array(fresh);
  tokens.set(piece);
  const feeds: Record<string, Tensor> = {
    ...Object.fromEntries(weights),
    tokens: runtime.tensor(tokens, [1, fresh]),
    start: runtime.tensor(Int32Array.of(length), [1]),
    last: runtime.tensor(Int32Array.of(piece.length - 1), [1]),
  };
  for (const [layer, { width, data }] of cache.keys.entries()) feeds[`oldKeys.${layer}`] = runtime.tensor(data, [1, heads, capacity, width]);
  for (const [layer, { width, data }] of cache.values.entries()) feeds[`oldValues.${layer}`] = runtime.tensor(data, [1, heads, capacity, width]);
  for (const span of topology.spans) feeds[maskName(span)] ??= runtime.tensor(maskOf(span, { start: length, fresh, capacity }), [fresh, capacity + fresh]);
  return feeds;
}

interface MaskSizes {
  readonly start: number;
  readonly fresh: number;
  readonly capacity: number;
}

/** `[S, M + S]`: 0 for positions that a new one sees, −∞ for those that it does not and for places not in use. */
function maskOf(span: AttentionSpan, { start, fresh, capacity }: MaskSizes): Float32Array {
  const mask = new Float32Array(fresh * (capacity + fresh)).fill(-Infinity);
  for (let row = 0; row < fresh; row++) {
    const query = start + row;
    const begin = row * (capacity + fresh);
    for (let key = 0; key < start; key++) if (reaches(span, query, key)) mask[begin + key] = 0;
    for (let key = start; key <= query; key++) if (reaches(span, query, key)) mask[begin + capacity + key - start] = 0;
  }
  return mask;
}

