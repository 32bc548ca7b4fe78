/**
 * The stored cases of Yuma Consensus, as inputs of ours and figures of the runtime.
 * @module
 */
import { gunzipSync } from 'node:zlib';
import { readFileSync } from 'node:fs';
import type { YumaInput, YumaRow } from '../src/yuma/input.ts';

interface StoredMechanism {
  readonly lastUpdate: readonly number[];
  readonly weights: readonly YumaRow[];
  readonly bonds: readonly YumaRow[];
  readonly pendingCommitBlocks: readonly (number | null)[];
}

interface StoredInput {
  readonly block: number;
  readonly tempo: number;
  readonly lastMechanismStepBlock: number;
  readonly stakeBits: readonly string[];
  readonly blockAtRegistration: readonly number[];
  readonly permits: readonly boolean[];
  readonly ownerUid: number | null;
  readonly kappa: number;
  readonly stakeThresholdRao: string;
  readonly maxValidators: number;
  readonly activityCutoffBlocks: number;
  readonly commitReveal: boolean;
  readonly bondsMovingAverage: number;
  readonly bondsPenalty: number;
  readonly yuma3: boolean;
  readonly liquidAlpha: boolean;
  readonly alphaLow: number;
  readonly alphaHigh: number;
  readonly steepness: number;
  readonly emissionRao: string;
  readonly mechanisms: readonly StoredMechanism[];
  readonly split: readonly number[] | null;
}

/** What the runtime's code stored. */
export interface StoredOutput {
  readonly active: readonly boolean[];
  readonly permits: readonly boolean[];
  readonly stakeWeight: readonly number[];
  readonly consensus: readonly number[];
  readonly validatorTrust: readonly number[];
  readonly dividends: readonly number[];
  readonly emission: readonly string[];
  readonly serverTotal: readonly string[];
  readonly validatorTotal: readonly string[];
  readonly mechanisms: readonly { readonly incentive: readonly number[]; readonly serverEmission: readonly string[]; readonly bonds: readonly YumaRow[] }[];
}

export interface YumaCase {
  readonly name: string;
  readonly input: StoredInput;
  readonly output: StoredOutput;
}

/** Parses lines of JSON, as `vectors/yuma.py` prints them. */
export function parseCases(text: string): YumaCase[] {
  return text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as YumaCase);
}

/** The stored cases. */
export function readYumaCases(): YumaCase[] {
  return parseCases(gunzipSync(readFileSync(new URL('vectors/yuma.jsonl.gz', import.meta.url))).toString());
}

/** The input of one mechanism. */
export function toYumaInput(stored: StoredInput, mechanism: StoredMechanism, emissionRao: bigint): YumaInput {
  const stake = stored.stakeBits.map(BigInt);
  return {
    ...stored,
    ...mechanism,
    stakeRao: stake.map((bits) => bits >> 64n),
    stakeFraction: stake.map((bits) => BigInt.asUintN(64, bits)),
    validatorPermit: stored.permits,
    ownerUid: stored.ownerUid ?? undefined,
    stakeThresholdRao: BigInt(stored.stakeThresholdRao),
    maxAllowedValidators: stored.maxValidators,
    commitRevealWeightsEnabled: stored.commitReveal,
    pendingCommitBlocks: mechanism.pendingCommitBlocks.map((block) => block ?? undefined),
    alphaSigmoidSteepness: stored.steepness,
    emissionRao,
  };
}
