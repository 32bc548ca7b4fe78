/**
 * Pallet SubtensorModule: subnets, neurons, stake, weights, epochs. Its parts stand in `subtensor-*.ts`.
 * @module
 */
import { subtensorCalls } from './subtensor-calls.ts';
import { subtensorConstants } from './subtensor-constants.ts';
import { subtensorErrors } from './subtensor-errors.ts';
import { subtensorEvents } from './subtensor-events.ts';
import { subtensorStorage } from './subtensor-storage.ts';

export const subtensorModule: {
  readonly index: 7;
  readonly path: 'pallet_subtensor::pallet';
  readonly calls: typeof subtensorCalls;
  readonly storage: typeof subtensorStorage;
  readonly events: typeof subtensorEvents;
  readonly errors: typeof subtensorErrors;
  readonly constants: typeof subtensorConstants;
} = {
  index: 7,
  path: 'pallet_subtensor::pallet',
  calls: subtensorCalls,
  storage: subtensorStorage,
  events: subtensorEvents,
  errors: subtensorErrors,
  constants: subtensorConstants,
};
