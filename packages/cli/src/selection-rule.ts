/**
 * Options of the commands that select experts by their scores.
 *
 * @module
 */
import { Option, type Command } from 'commander';
import type { BudgetRule, ScoreSummary, ExpertScores, SelectionRule } from '@connito/moe-core';
import { decimalNumber, wholeNumber } from './options.ts';

/** What the user chose; one of the three, or none. */
export interface RuleFlags {
  readonly metric: 'token' | 'gate';
  readonly threshold?: number;
  readonly count?: number;
  readonly minScore?: number;
}

/** The published thresholds of ESFT. */
const THRESHOLDS = { token: 0.2, gate: 0.1 } as const;

/** Adds `--metric`, `--threshold`, `--count` and `--min-score`. @param conflicts further options that exclude the rules */
export function addRuleOptions(command: Command, conflicts: readonly string[] = []): Command {
  return command
    .addOption(new Option('--metric <metric>', 'which of the scores').choices(['token', 'gate']).default('token'))
    .addOption(new Option('--threshold <share>', 'per layer, until the scores reach this (default: 0.2 for token, 0.1 for gate)').argParser(decimalNumber({ min: 1e-9, max: 1e9 })).conflicts(['count', 'minScore', ...conflicts]))
    .addOption(new Option('--count <experts>', 'per layer, so many').argParser(wholeNumber({ min: 1, max: 65_536 })).conflicts(['minScore', ...conflicts]))
    .addOption(new Option('--min-score <score>', 'every expert with at least this score').argParser(decimalNumber({ min: 1e-9, max: 1e9 })).conflicts([...conflicts]));
}

/** The rule, by default ESFT's. */
export function ruleOf({ metric, threshold, count, minScore }: RuleFlags): Exclude<SelectionRule, BudgetRule> {
  if (count !== undefined) return { count };
  if (minScore !== undefined) return { minScore };
  return { threshold: threshold ?? THRESHOLDS[metric] };
}

/** The scores of a metric. */
export function scoresOf(summary: ScoreSummary, { metric }: RuleFlags): ExpertScores {
  return metric === 'token' ? summary.tokenScores : summary.gateScores;
}
