export { computeYuma } from './exact.ts';
export { computeYumaFast } from './fast.ts';
export { activityCutoffBlocks } from './input.ts';
export type { YumaInput, YumaRow } from './input.ts';
export { combineMechanisms, splitEmission } from './mechanisms.ts';
export type { EmissionSplit, SubnetResult } from './mechanisms.ts';
export type { YumaFractions, YumaResult } from './result.ts';
