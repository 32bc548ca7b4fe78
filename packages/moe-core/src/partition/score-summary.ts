/**
 * `summary.json` as ESFT published it: `{"token_scores": {"<layer>": {"<expert>": score}}, "gate_scores": …}`.
 * @module
 */
import { MoeError } from '../errors.ts';
import { assertScores } from './expert-choice.ts';
import type { ExpertScores } from './expert-relevance.ts';
import { cut, fieldName } from '../internal/quote.ts';
import { formatFloat, formatObject, inStringOrder } from '../internal/python-json.ts';
import { isJsonNumber, isJsonObject, parseStrictJson, type JsonObject, type JsonValue } from '../internal/strict-json.ts';

/** Both scores of all layers. */
export interface ScoreSummary {
  readonly tokenScores: ExpertScores;
  readonly gateScores: ExpertScores;
}

/**
 * Reads a summary. Every layer's experts must be 0 … E − 1, every score a finite number from 0.
 * @throws json-invalid, json-duplicate-key, json-forbidden-key, scores-invalid
 */
export function parseScoreSummary(text: string): ScoreSummary {
  const root = parseStrictJson(text, 'summary.json');
  if (!isJsonObject(root)) throw invalid('', 'an object');
  return { tokenScores: parseScores(root, 'token_scores'), gateScores: parseScores(root, 'gate_scores') };
}

/**
 * Writes a summary, byte for byte as published.
 * @throws scores-invalid
 */
export function formatScoreSummary(summary: ScoreSummary): string {
  return formatObject([['token_scores', formatScores(summary.tokenScores)], ['gate_scores', formatScores(summary.gateScores)]]);
}

function formatScores(scores: ExpertScores): string {
  assertScores(scores);
  return formatObject(inStringOrder(scores).map(([layer, row]) => [layer, formatObject(row.map((score, expert) => [String(expert), formatFloat(score)]))]));
}

function parseScores(root: JsonObject, field: string): ExpertScores {
  const layers = root.get(field);
  if (!isJsonObject(layers)) throw invalid(field, 'an object of layers');
  const scores = new Map<number, readonly number[]>();
  for (const [layer, row] of layers) {
    if (!/^(0|[1-9]\d{0,5})$/.test(layer)) throw invalid(`${field}.${layer}`, 'a layer index as key');
    if (!isJsonObject(row)) throw invalid(`${field}.${layer}`, 'an object of experts');
    scores.set(Number(layer), parseRow(row, `${field}.${layer}`));
  }
  return new Map([...scores].sort(([a], [b]) => a - b));
}

function parseRow(row: JsonObject, field: string): number[] {
  return Array.from({ length: row.size }, (_, expert) => {
    const value: JsonValue | undefined = row.get(String(expert));
    const score = isJsonNumber(value) ? Number(value.numberText) : Number.NaN;
    if (score >= 0 && Number.isFinite(score)) return score;
    throw invalid(`${field}.${expert}`, `a finite number from 0, for each expert from 0 to ${row.size - 1}`);
  });
}

function invalid(field: string, expected: string): MoeError<'scores-invalid'> {
  return new MoeError('scores-invalid', { message: `summary.json${field === '' ? '' : `, field ${fieldName(field)}`}: expected ${expected}`, context: { field: cut(field) } });
}
