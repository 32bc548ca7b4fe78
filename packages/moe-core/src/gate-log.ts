/**
 * The text logs that ESFT published, `expert_weights_{layer}.txt`: a line per sample (one forward pass), K ids per token joined by tabs, an
 * empty field, then the weights in the same order with four decimals.
 * @see https://github.com/deepseek-ai/ESFT/tree/579a771/results/expert_scores
 * @module
 */
import { MoeError } from './errors.ts';
import { addRouting, type ExpertRelevance } from './expert-relevance.ts';
import { quote } from './internal/quote.ts';

/** One line of a log. */
export interface GateLogLine {
  readonly ids: Uint16Array;
  readonly weights: Float64Array;
}

/** Layer of a log file's name, `undefined` for other names. */
export function parseGateLogName(name: string): number | undefined {
  const match = /^expert_weights_(0|[1-9]\d{0,5})\.txt$/.exec(name);
  return match === null ? undefined : Number(match[1]);
}

/**
 * Parses a line. Ids are plain integers below E, weights plain decimals.
 * @param where layer, line number from 1, E and K, for checks and messages
 * @throws gate-log-invalid
 */
export function parseGateLogLine(line: string, where: { readonly layer: number; readonly line: number; readonly experts: number; readonly expertsPerToken: number }): GateLogLine {
  const [idText, weightText, ...rest] = line.split('\t\t');
  if (idText === undefined || weightText === undefined || rest.length > 0) throw invalid(where, 'expected ids, an empty field and weights');
  const ids = idText.split('\t');
  const weights = weightText.split('\t');
  if (ids.length !== weights.length) throw invalid(where, `found ${ids.length} ids but ${weights.length} weights`);
  if (ids.length % where.expertsPerToken !== 0) throw invalid(where, `found ${ids.length} ids, expected a multiple of ${where.expertsPerToken}`);
  return {
    ids: Uint16Array.from(ids, (text) => {
      if (/^\d{1,5}$/.test(text) && Number(text) < where.experts) return Number(text);
      throw invalid(where, `the id ${quote(text)} is not an expert below ${where.experts}`);
    }),
    weights: Float64Array.from(weights, (text) => {
      if (/^\d{1,2}(\.\d{1,17})?(e-\d{1,2})?$/.test(text)) return Number(text);
      throw invalid(where, `${quote(text)} is not a weight`);
    }),
  };
}

/**
 * Adds a log to an accumulator. Lines may come from anywhere: a split text, a `readline` interface. Empty lines are skipped.
 * @throws gate-log-invalid, relevance-invalid
 */
export async function addGateLog(
  relevance: ExpertRelevance,
  log: { readonly layer: number; readonly lines: Iterable<string> | AsyncIterable<string> },
): Promise<ExpertRelevance> {
  const { experts, expertsPerToken } = relevance;
  let sum = relevance;
  let line = 0;
  for await (const text of log.lines) {
    line++;
    if (text === '') continue;
    sum = addRouting(sum, { layer: log.layer, ...parseGateLogLine(text, { layer: log.layer, line, experts, expertsPerToken }) });
  }
  return sum;
}

function invalid(where: { readonly layer: number; readonly line: number }, what: string): MoeError<'gate-log-invalid'> {
  const { layer, line } = where;
  return new MoeError('gate-log-invalid', { message: `gate log of layer ${layer}, line ${line}: ${what}`, context: { layer, line } });
}
