/**
 * Who takes part in the demo, and their keys: development keys derived from the seed, so that the same seed gives the same network.
 *
 * @module
 */
import type { UpdateStrategyName } from '@connito/subnet';

/** A member of the demo's network. */
export interface Participant {
  readonly role: 'owner' | 'miner' | 'validator';
  readonly name: string;
  /** Development key URI. */
  readonly uri: string;
  readonly strategy?: UpdateStrategyName;
  readonly stakeTao?: number;
}

/** Owner, miners (the second last resubmits, the last submits noise) and validators with unequal stake. */
export function demoParticipants({ seed, miners, validators }: { readonly seed: number; readonly miners: number; readonly validators: number }): readonly Participant[] {
  const uri = (name: string): string => `//connito//${seed}//${name}`;
  const owner: Participant = { role: 'owner', name: 'owner', uri: uri('owner') };
  return [
    owner,
    ...Array.from({ length: validators }, (_, index): Participant => {
      const name = `validator-${index + 1}`;
      return { role: 'validator', name, uri: uri(name), stakeTao: 100 + 10 * (validators - index) };
    }),
    ...Array.from({ length: miners }, (_, index): Participant => {
      const name = `miner-${index + 1}`;
      return { role: 'miner', name, uri: uri(name), strategy: strategyOf(index, miners) };
    }),
  ];
}

function strategyOf(index: number, miners: number): UpdateStrategyName {
  if (miners >= 3 && index === miners - 1) return 'noise';
  if (miners >= 4 && index === miners - 2) return 'resubmit';
  return 'honest';
}
