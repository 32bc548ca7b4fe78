/**
 * From scores to a selection of experts.
 * @module
 */
import { MoeError } from './errors.ts';
import type { ExpertScores } from './expert-relevance.ts';
import type { ExpertSelection } from './expert-selection.ts';

/**
 * ESFT's rule, per layer: experts by falling score (equal scores: lower id first), taken while the sum of those already taken is below the
 * threshold. So the last one overshoots, and with a threshold above the layer's sum all are taken. The sum is plain float64 in that order.
 * @param options.threshold share of the score to cover, above 0 (published: 0.2 for token scores, 0.1 for gate scores)
 * @throws scores-invalid
 * @see https://github.com/deepseek-ai/ESFT/blob/18d2350/scripts/generate_expert_config.py
 */
export function selectExperts(scores: ExpertScores, options: { readonly threshold: number }): ExpertSelection {
  const { threshold } = options;
  if (!(threshold > 0 && Number.isFinite(threshold))) throw invalid('threshold', `expected a threshold above 0, got ${threshold}`);
  assertScores(scores);
  return new Map(Array.from(scores, ([layer, row]) => [layer, selectFromLayer(row, threshold)]));
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

function selectFromLayer(row: readonly number[], threshold: number): number[] {
  // Array.prototype.sort is stable, so equal scores keep the order of their ids.
  const ranked = row.map((_, expert) => expert).sort((a, b) => row[b]! - row[a]!);
  const selected: number[] = [];
  let covered = 0;
  for (const expert of ranked) {
    if (covered >= threshold) break;
    selected.push(expert);
    covered += row[expert]!;
  }
  return selected;
}

function invalid(field: string, message: string): MoeError<'scores-invalid'> {
  return new MoeError('scores-invalid', { message: `expert scores, ${field}: ${message}`, context: { field } });
}
