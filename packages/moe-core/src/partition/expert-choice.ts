/**
 * From scores to a selection of experts: by ESFT's threshold, by count, by minimal share, or by a budget of bytes.
 *
 * Experts are ranked by falling score; equal scores by lower layer, then lower id. Everything is float64 in that order, so a selection is the
 * same everywhere.
 * @module
 */
import { MoeError } from '../errors.ts';
import type { ExpertScores } from './expert-relevance.ts';
import type { ExpertSelection } from '../experts/expert-selection.ts';

/** How to select. */
export type SelectionRule =
  /** Per layer, until the scores taken reach this share (published: 0.2 for token scores, 0.1 for gate scores); above 0. */
  | { readonly threshold: number }
  /** Per layer, so many; all where a layer has fewer. An integer from 1. */
  | { readonly count: number }
  /** Every expert with at least this score, above 0; a layer may end up with none. */
  | { readonly minScore: number }
  | BudgetRule;

/** Over all layers, the best by score per byte, passing over what no longer fits. */
export interface BudgetRule {
  readonly budgetBytes: number;
  /** Bytes of one expert: of every layer, or by layer. */
  readonly expertBytes: number | ReadonlyMap<number, number>;
}

/**
 * Selects experts; every layer of the scores is in the result, in the same order, its ids by falling score.
 *
 * - `threshold`: taken while the sum of those already taken is below it. So the last one overshoots, and with a threshold above the layer's sum
 *   all are taken. Byte for byte what ESFT published.
 * - `budgetBytes`: greedy by score per byte, which is optimal where all experts have one size (they do in every family here) and otherwise
 *   loses less than the best single expert that was passed over. Token scores are shares of a layer's assignments and can be compared over
 *   layers; gate scores favour layers whose weights are larger.
 * @throws scores-invalid
 * @see https://github.com/deepseek-ai/ESFT/blob/18d2350/scripts/generate_expert_config.py
 * @example
 * selectExperts(scores, { threshold: 0.2 });
 * selectExperts(scores, { budgetBytes: 2 * 1024 ** 3, expertBytes: 17_301_504 });
 */
export function selectExperts(scores: ExpertScores, rule: SelectionRule): ExpertSelection {
  assertScores(scores);
  if ('budgetBytes' in rule) return selectByBudget(scores, rule);
  const select = layerRule(rule);
  return new Map(Array.from(scores, ([layer, row]) => [layer, select(row)]));
}

/**
 * The scores of these layers alone, in the order of `scores`: what is selected from them lies in these layers. Training only late layers makes candidates share what comes before,
 * and so cheaper to evaluate.
 * @param layers at least one, each of which has scores
 * @throws scores-invalid
 * @example
 * selectExperts(selectLayers(scores, [2, 3]), { threshold: 0.2 });
 */
export function selectLayers(scores: ExpertScores, layers: Iterable<number>): ExpertScores {
  const wanted = new Set(layers);
  const missing = [...wanted].find((layer) => !scores.has(layer));
  if (missing !== undefined || wanted.size === 0) throw invalid('layers', `expected some of the layers ${[...scores.keys()].join(', ')}, got ${missing ?? 'none'}`);
  return new Map([...scores].filter(([layer]) => wanted.has(layer)));
}

/**
 * Refuses scores that are no finite numbers from 0.
 * @throws scores-invalid
 */
export function assertScores(scores: ExpertScores): void {
  for (const [layer, row] of scores) {
    row.forEach((score, expert) => {
      if (!(score >= 0 && Number.isFinite(score))) throw invalid(`${layer}.${expert}`, `expected a finite score from 0, got ${score}`);
    });
  }
}

/** Experts of a layer by falling score, lower ids first: `Array.prototype.sort` is stable. */
export function rankExperts(row: readonly number[]): number[] {
  return row.map((_, expert) => expert).sort((a, b) => row[b]! - row[a]!);
}

function layerRule(rule: Exclude<SelectionRule, BudgetRule>): (row: readonly number[]) => number[] {
  if ('threshold' in rule) {
    assertAboveZero('threshold', rule.threshold);
    return (row) => selectByThreshold(row, rule.threshold);
  }
  if ('count' in rule) {
    if (!Number.isInteger(rule.count) || rule.count < 1) throw invalid('count', `expected a number of experts from 1, got ${rule.count}`);
    return (row) => rankExperts(row).slice(0, rule.count);
  }
  assertAboveZero('minScore', rule.minScore);
  return (row) => rankExperts(row).filter((expert) => row[expert]! >= rule.minScore);
}

function selectByThreshold(row: readonly number[], threshold: number): number[] {
  const selected: number[] = [];
  let covered = 0;
  for (const expert of rankExperts(row)) {
    if (covered >= threshold) break;
    selected.push(expert);
    covered += row[expert]!;
  }
  return selected;
}

function selectByBudget(scores: ExpertScores, { budgetBytes, expertBytes }: BudgetRule): ExpertSelection {
  assertAboveZero('budgetBytes', budgetBytes);
  const candidates = Array.from(scores, ([layer, row]) => {
    const bytes = typeof expertBytes === 'number' ? expertBytes : expertBytes.get(layer);
    if (bytes === undefined) throw invalid('expertBytes', `expected the bytes of an expert of layer ${layer}, got nothing`);
    assertAboveZero('expertBytes', bytes);
    return rankExperts(row).map((expert) => ({ layer, expert, bytes, density: row[expert]! / bytes }));
  }).flat();
  candidates.sort((a, b) => b.density - a.density || a.layer - b.layer || a.expert - b.expert);
  const selection = new Map<number, number[]>(Array.from(scores, ([layer]) => [layer, []]));
  let left = budgetBytes;
  for (const { layer, expert, bytes } of candidates) {
    if (bytes > left) continue;
    selection.get(layer)!.push(expert);
    left -= bytes;
  }
  return selection;
}

function assertAboveZero(field: string, value: number): void {
  if (!(value > 0 && Number.isFinite(value))) throw invalid(field, `expected a number above 0, got ${value}`);
}

function invalid(field: string, message: string): MoeError<'scores-invalid'> {
  return new MoeError('scores-invalid', { message: `expert scores, ${field}: ${message}`, context: { field } });
}
