/**
 * Emission on float64: the figures of `emission.ts`, to the rao.
 * @module
 */
import { shareEmission, type Emission } from './emission.ts';
import { divide, multiply, ONE } from './float-fixed.ts';

/** I32F32 bits by uid. */
export interface FloatShares {
  readonly incentive: Float64Array;
  readonly dividends: Float64Array;
  readonly activeStake: Float64Array;
  readonly stake: Float64Array;
}

/** Emission above this, millions of alpha, is shared out by the exact form. */
const MAX_EMISSION_RAO: bigint = 2n ** 53n;

export function shareFloatEmission(emissionRao: bigint, shares: FloatShares): Emission {
  const { incentive, dividends, activeStake, stake } = shares;
  const combined = incentive.map((share, uid) => share + (dividends[uid] as number));
  const total = sum(combined);
  if (emissionRao >= MAX_EMISSION_RAO || total === 0) {
    return shareEmission(emissionRao, { incentive: toBigints(incentive), dividends: toBigints(dividends), activeStake: toBigints(activeStake), stake: toBigints(stake) });
  }
  const emission = Number(emissionRao);
  const pay = (parts: Float64Array): bigint[] => toBigints(parts.map((part) => (part === 0 ? 0 : toRao(divide(part, total), emission))));
  return { emissionRao: pay(combined), serverEmissionRao: pay(incentive), validatorEmissionRao: pay(dividends) };
}

/** ⌊share · emission⌋, of the upper and the lower 32 bits of the emission: the first product is below 2^53. */
function toRao(share: number, emission: number): number {
  const high = Math.floor(emission / ONE);
  return share * high + multiply(emission - high * ONE, share);
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}

function toBigints(values: Float64Array): bigint[] {
  const integers: bigint[] = [];
  for (let uid = 0; uid < values.length; uid += 1) integers.push(values[uid] === 0 ? 0n : BigInt(values[uid] as number));
  return integers;
}
