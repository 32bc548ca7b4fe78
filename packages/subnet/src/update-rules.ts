/**
 * How updates travel, as a part of a task's rules: all values in float32, or of every chunk only the largest, coarsely, with what was
 * not sent carried over to the next cycle (moe-core's UPDATE-FORMAT.md).
 *
 * @module
 */
import { DEFAULT_COMPRESSION, MAX_CHUNK_SIZE, type CompressionRule } from '@connito/moe-core';
import { z } from 'zod';

/** Compression with error feedback. */
export interface TopKUpdateRules extends CompressionRule {
  readonly encoding: 'top-k';
  /** Share of the residual that is carried over to the next cycle, 0 to 1. */
  readonly decay: number;
}

/** How a task's updates are encoded. */
export type UpdateRules = { readonly encoding: 'dense' } | TopKUpdateRules;

/** The same as an owner writes it: what is left out of top-k takes SparseLoCo's numbers. */
export type UpdateRulesInPart = { readonly encoding: 'dense' } | ({ readonly encoding: 'top-k' } & Partial<TopKUpdateRules>);

const DEFAULT_TOP_K: TopKUpdateRules = { encoding: 'top-k', ...DEFAULT_COMPRESSION, decay: 0.95 };

const dense = z.strictObject({ encoding: z.literal('dense') });

const topK = z.strictObject({
  encoding: z.literal('top-k'),
  chunkSize: z.int().min(1).max(MAX_CHUNK_SIZE),
  keep: z.int().min(1),
  valueBits: z.literal([1, 2, 4, 8, 32]),
  decay: z.number().min(0).max(1),
});

const KEEPS_TOO_MANY = { path: ['keep'], message: 'expected at most chunkSize values of a chunk' };
const UNKNOWN_ENCODING = "expected 'dense' or 'top-k'";

/** Of a manifest, in which nothing is left out. */
export const updateRulesSchema: z.ZodType<UpdateRules> = z.discriminatedUnion('encoding', [dense, topK.refine(({ keep, chunkSize }) => keep <= chunkSize, KEEPS_TOO_MANY)], UNKNOWN_ENCODING);

/** Of an owner's rules. */
export const updateRulesInPartSchema: z.ZodType = z.discriminatedUnion(
  'encoding',
  [
    dense,
    topK
      .partial()
      .required({ encoding: true })
      .refine(({ keep, chunkSize }) => (keep ?? DEFAULT_TOP_K.keep) <= (chunkSize ?? DEFAULT_TOP_K.chunkSize), KEEPS_TOO_MANY),
  ],
  UNKNOWN_ENCODING,
);

/** For the message about a name that is not known. */
export const KNOWN_UPDATE_RULES: readonly string[] = ['encoding', 'and for top-k chunkSize', 'keep', 'valueBits', 'decay'];

/** An owner's rules with the defaults in place of what was left out. */
export function completeUpdateRules(rules: UpdateRulesInPart = { encoding: 'dense' }): UpdateRules {
  return rules.encoding === 'dense' ? rules : { ...DEFAULT_TOP_K, ...rules };
}
