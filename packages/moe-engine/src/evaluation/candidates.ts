/**
 * Many candidates on the same rows: taken in as they are asked for, a few at a time, so that their number does not matter to memory.
 *
 * @module
 */
import { expertTensorNames, parseExpertTensorName, type ExpertSelection, type ExpertWeights, type Topology } from '@connito/moe-core';
import { assertOption } from '../options.ts';
import type { TensorMessage } from '../runtime/tensor-message.ts';

/** Options of an evaluation of candidates. */
export interface CandidateOptions {
  /** Most candidates that are held, and computed side by side, at once: 8 by default. What they share is computed once for all of them. */
  readonly together?: number;
  /** Fewer are held where their weights would take more than this; 1 GiB by default. A single one may be larger. */
  readonly heldBytes?: number;
  readonly signal?: AbortSignal | undefined;
}

/** What one candidate gave. */
export interface CandidateLosses {
  /** Its place among the candidates, from 0. */
  readonly index: number;
  /** `[N]` mean nats per predicted token of each row. */
  readonly rows: Float64Array;
  /** `[N, S − 1]` nats of each predicted token. */
  readonly tokens: Float32Array;
}

/** Candidates as the worker takes them. */
export type CandidateGroup = readonly (readonly TensorMessage[])[];

const DEFAULT_HELD_BYTES = 2 ** 30;

/**
 * Gathers candidates until so many are together. None is asked for before those before it have been passed on.
 *
 * @param toMessages checks a candidate
 * @throws {bad-option}, and what `candidates` and `toMessages` throw
 */
export async function* groupCandidates(
  candidates: Iterable<ExpertWeights> | AsyncIterable<ExpertWeights>,
  { together = 8, heldBytes = DEFAULT_HELD_BYTES, toMessages }: Pick<CandidateOptions, 'together' | 'heldBytes'> & { readonly toMessages: (experts: ExpertWeights) => readonly TensorMessage[] },
): AsyncGenerator<CandidateGroup, void, undefined> {
  assertOption('together', together, { least: 1, most: 65_536, whole: true });
  assertOption('heldBytes', heldBytes, { least: 1 });
  let group: (readonly TensorMessage[])[] = [];
  let [bytes, largest] = [0, 0];
  for await (const experts of candidates) {
    const messages = toMessages(experts);
    const size = messages.reduce((sum, { data }) => sum + data.byteLength, 0);
    group.push(messages);
    [bytes, largest] = [bytes + size, Math.max(largest, size)];
    if (group.length < together && bytes + largest <= heldBytes) continue;
    yield group;
    [group, bytes] = [[], 0];
  }
  if (group.length > 0) yield group;
}

/**
 * The tensors in which candidates of a group may differ: those of all replaceable experts from the first layer on in which one of them has an expert.
 * Not just those that they do change, so that groups in a row mostly share what is compiled. None where none changes anything.
 *
 * @param replaceable all experts that may be replaced
 */
export function changedTensors(topology: Topology, replaceable: ExpertSelection, group: CandidateGroup): readonly string[] {
  const from = group.flat().reduce((least, { name }) => Math.min(least, parseExpertTensorName(topology, name)!.layer), Infinity);
  return tensorsOf(topology, new Map([...replaceable].filter(([layer]) => layer >= from)));
}

/** Names of all tensors of these experts. */
export function tensorsOf(topology: Topology, selection: ExpertSelection): readonly string[] {
  return [...selection].flatMap(([layer, experts]) => experts.flatMap((expert) => Object.values(expertTensorNames(topology, { layer, expert }))));
}
