/**
 * Subtensor's tests of subnets with two mechanisms, tests/mechanism.rs of opentensor/subtensor 14bc6f9f9: what `mock_epoch_state` and `mock_3_neurons` set up, and what is asserted.
 * @module
 */
import type { YumaRow } from '../src/yuma/input.ts';

/** Neurons of which the first two have a stake of 1 alpha; registered at block 1, last update at 2. */
export interface MechanismCase {
  readonly name: string;
  readonly permits: readonly boolean[];
  /** Rows of each mechanism by uid. */
  readonly weights: readonly (readonly YumaRow[])[];
  /** Of each mechanism, u16. */
  readonly incentive?: readonly (readonly number[])[];
  /** u16 by which incentives may differ, as in the test. */
  readonly within?: number;
  readonly bonds?: readonly (readonly YumaRow[])[];
}

const ALL = 65_535;
const FIFTH = 13_107;
const both: YumaRow = [[0, ALL], [1, ALL]];
const byTheFirst = (row: YumaRow): readonly YumaRow[] => [row, both, []];

export const mechanismCases: readonly MechanismCase[] = [
  {
    name: 'epoch_with_mechanisms_produces_per_mechanism_incentive (:505)',
    permits: [true, true],
    weights: [[both, both], [both, both]],
    incentive: [[32_767, 32_767], [32_767, 32_767]],
  },
  {
    name: 'epoch_with_mechanisms_updates_bonds (:530)',
    permits: [true, true],
    weights: [[both, both], [[[0, ALL], [1, 0]], both]],
    bonds: [[[[1, ALL]], [[0, ALL]]], [[], [[0, ALL]]]],
  },
  {
    name: 'epoch_with_mechanisms_incentives_proportional_to_weights (:565)',
    permits: [true, false, false],
    weights: [byTheFirst([[1, 4 * FIFTH], [2, FIFTH]]), byTheFirst([[1, FIFTH], [2, 4 * FIFTH]])],
    incentive: [[0, 4 * FIFTH, FIFTH], [0, FIFTH, 4 * FIFTH]],
    within: 1,
  },
  {
    name: 'epoch_with_mechanisms_no_weight_no_incentive (:794)',
    permits: [true, false, false],
    weights: [byTheFirst([[1, 1], [2, 0]]), byTheFirst([[1, 1], [2, 0]])],
    incentive: [[0, ALL, 0], [0, ALL, 0]],
  },
];

/** `epoch_with_mechanisms_persists_and_aggregates_all_terms` (:618): the emission is split 16383 to 49152. */
export const aggregatedCase: MechanismCase & { readonly split: readonly number[] } = {
  name: 'epoch_with_mechanisms_persists_and_aggregates_all_terms (:618)',
  permits: [true, false, false],
  weights: [byTheFirst([[1, 3 * FIFTH], [2, 2 * FIFTH]]), byTheFirst([[1, FIFTH], [2, 4 * FIFTH]])],
  split: [16_383, 49_152],
};
