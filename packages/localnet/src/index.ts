export { startLocalnet } from './localnet.ts';
export type { Localnet, LocalnetOptions } from './localnet.ts';
export type { EpochModel } from './runtime/execution.ts';
export { isLocalnetError, LocalnetError } from './errors.ts';
export type { LocalnetErrorCode, LocalnetErrorContext } from './errors.ts';
export { runEpoch } from './epoch.ts';
export type { EpochInput, EpochNeuron, EpochResult } from './epoch.ts';
