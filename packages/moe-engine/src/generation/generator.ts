/**
 * Text from a model, token by token.
 *
 * @module
 */
import type { ExpertWeights } from '@connito/moe-core';
import { decodingPositions } from '../model/decoding.ts';
import { openEngine, toExpertMessages, type EngineClient, type EngineOptions } from '../runtime/engine-client.ts';
import type { Device } from '../runtime/device.ts';
import { MoeEngineError } from '../error.ts';
import { assertOption } from '../options.ts';
import { createSampler, type SamplingOptions } from './sampling.ts';

/** Options of {@link createGenerator}. */
export interface GeneratorOptions extends Omit<EngineOptions, 'sequenceLength' | 'batchSize'> {
  /** Take the place of the model's. */
  readonly experts?: ExpertWeights;
}

/** Options of one text. */
export interface GenerateOptions extends SamplingOptions {
  /** Tokens to generate at most; as many as the model has positions for, if absent. */
  readonly maxTokens?: number;
  /** Ids that end the text; they are not yielded. */
  readonly stopIds?: readonly number[];
  readonly signal?: AbortSignal | undefined;
}

/** A loaded model that goes on with texts, one at a time. Keeps the process alive only while it computes. */
export interface TokenGenerator {
  readonly device: Device;
  /** Positions that the model was made for: prompt and generated text together. */
  readonly maxPositions: number;
  /**
   * Goes on with `prompt`. What it shares with the text before is not computed again, so a conversation costs what is new in it.
   *
   * @param prompt token ids, at least one, in `[0, V)`
   * @throws {bad-option} {bad-shape} {aborted} {closed} {runtime-failed} {worker-crashed}
   */
  generate(prompt: readonly number[], options?: GenerateOptions): AsyncGenerator<number, void, undefined>;
  /** Logits `[V]` of the token after `text`. @throws as {@link TokenGenerator.generate} */
  nextLogits(text: readonly number[], options?: { readonly signal?: AbortSignal | undefined }): Promise<Float32Array>;
  /** Ends the worker thread. May be called twice. */
  close(): Promise<void>;
}

/**
 * Loads a model for generation.
 *
 * @example
 * const generator = await createGenerator({ checkpoint: 'model' });
 * for await (const id of generator.generate(tokenizer.encode('Once'), { maxTokens: 64, temperature: 0.8, seed: 'a' })) print(id);
 * await generator.close();
 * @throws {bad-option} {unsupported-model} {unknown-tensor} {bad-shape} {device-unavailable} {runtime-failed} {worker-crashed} {aborted}
 */
export async function createGenerator(options: GeneratorOptions): Promise<TokenGenerator> {
  const client = await openEngine({ ...options, sequenceLength: 2, batchSize: 1 }, { purpose: 'generation' });
  const { worker, topology, device } = client;
  await replaceExperts(client, options.experts);
  const { vocabularySize } = topology;
  const maxPositions = decodingPositions(topology);
  let read: readonly number[] = [];
  const nextLogits: TokenGenerator['nextLogits'] = async (text, { signal } = {}) => {
    assertText(text, { vocabularySize, maxPositions });
    // The last token is always read again: its logits were not kept.
    const kept = Math.min(commonLength(read, text), text.length - 1);
    read = [];
    const logits = await worker.call({ kind: 'append', from: kept, tokens: Int32Array.from(text.slice(kept)) }, { signal });
    read = [...text];
    return logits;
  };
  return {
    device,
    maxPositions,
    nextLogits,
    async *generate(prompt, { maxTokens = maxPositions, stopIds = [], signal, ...sampling } = {}) {
      assertOption('maxTokens', maxTokens, { least: 1, whole: true });
      const sample = createSampler(sampling);
      assertText(prompt, { vocabularySize, maxPositions });
      const text = [...prompt];
      const end = Math.min(prompt.length + maxTokens, maxPositions);
      while (text.length < end) {
        const id = sample(await nextLogits(text, { signal }));
        if (stopIds.includes(id)) return;
        yield id;
        text.push(id);
      }
    },
    close: () => worker.close(),
  };
}

async function replaceExperts(client: EngineClient, experts: ExpertWeights = new Map()): Promise<void> {
  try {
    for (const tensor of toExpertMessages(client, experts)) await client.worker.call({ kind: 'load', tensor });
  } catch (error) {
    await client.worker.close();
    throw error;
  }
}

function commonLength(a: readonly number[], b: readonly number[]): number {
  const end = Math.min(a.length, b.length);
  for (let index = 0; index < end; index++) if (a[index] !== b[index]) return index;
  return end;
}

function assertText(text: readonly number[], { vocabularySize, maxPositions }: { readonly vocabularySize: number; readonly maxPositions: number }): void {
  const wrong = text.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabularySize);
  if (wrong !== undefined) throw badText(`ids from 0 to ${vocabularySize - 1}`, String(wrong));
  if (text.length === 0 || text.length > maxPositions) throw badText(`1 to ${maxPositions} token ids, the model's positions`, `${text.length}`);
}

function badText(expected: string, actual: string): MoeEngineError {
  return new MoeEngineError('bad-shape', `text: expected ${expected}, got ${actual}`, { name: 'text', expected, actual });
}
