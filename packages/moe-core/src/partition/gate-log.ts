/**
 * The text logs that ESFT published, `expert_weights_{layer}.txt`: a line per sample (one forward pass), K ids per token joined by tabs, an
 * empty field, then the weights in the same order with four decimals. Three times as large as the binary logs of `encodeRoutingLog`, and slower.
 * @see https://github.com/deepseek-ai/ESFT/tree/579a771/results/expert_scores
 * @module
 */
import { openRelevanceTally, type ExpertRelevance } from './expert-relevance.ts';
import { createEntries, parseLine, splitLines, type GateLogShape } from '../internal/gate-log-lines.ts';

/** One line of a log. */
export interface GateLogLine {
  readonly ids: Uint16Array;
  readonly weights: Float64Array;
}

/** Bytes of a log, cut anywhere: a file's stream, or all of it in an array. */
export type GateLogChunks = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** Layer of a log file's name, `undefined` for other names. */
export function parseGateLogName(name: string): number | undefined {
  const match = /^expert_weights_(0|[1-9]\d{0,5})\.txt$/.exec(name);
  return match === null ? undefined : Number(match[1]);
}

/**
 * Parses a line. Ids are plain integers below E, weights plain decimals below 100.
 * @param where layer, line number from 1, E and K, for checks and messages
 * @throws gate-log-invalid
 */
export function parseGateLogLine(line: string, where: GateLogShape & { readonly line: number }): GateLogLine {
  const entries = createEntries();
  // A line is never empty: that stands for no line at all, and is for addGateLog to skip.
  parseLine(new TextEncoder().encode(line === '' ? '\t' : line), where, entries);
  return { ids: entries.ids.slice(0, entries.count), weights: entries.weights.slice(0, entries.count) };
}

/**
 * Adds a log to an accumulator. Empty lines are skipped.
 * @throws gate-log-invalid, relevance-invalid
 */
export async function addGateLog(relevance: ExpertRelevance, log: { readonly layer: number; readonly chunks: GateLogChunks }): Promise<ExpertRelevance> {
  const { experts, expertsPerToken } = relevance;
  const { layer } = log;
  const tally = openRelevanceTally(relevance);
  const entries = createEntries();
  for await (const { lines, first } of splitLines(log.chunks, layer)) {
    for (let i = 0; i < lines.length; i++) {
      parseLine(lines[i]!, { layer, line: first + i, experts, expertsPerToken }, entries);
      if (entries.count > 0) tally.add({ layer, ids: entries.ids.subarray(0, entries.count), weights: entries.weights.subarray(0, entries.count) });
    }
  }
  return tally.finish();
}

/**
 * The samples of a log one by one, for what needs more than sums: a binary log, means per sample, co-activation.
 * @throws gate-log-invalid
 */
export async function* gateLogSamples(log: GateLogShape & { readonly chunks: GateLogChunks }): AsyncGenerator<GateLogLine & { readonly layer: number }, void, undefined> {
  const { layer } = log;
  const entries = createEntries();
  for await (const { lines, first } of splitLines(log.chunks, layer)) {
    for (let i = 0; i < lines.length; i++) {
      parseLine(lines[i]!, { ...log, line: first + i }, entries);
      if (entries.count > 0) yield { layer, ids: entries.ids.slice(0, entries.count), weights: entries.weights.slice(0, entries.count) };
    }
  }
}
