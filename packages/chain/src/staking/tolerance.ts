/**
 * How much worse than now a price may be at inclusion.
 * @module
 */
import { ChainError } from '../errors.ts';

/** How much worse than now the price may be at inclusion: 0.005 is half a per cent. `none`: whatever the pool gives. */
export type SlippageTolerance = number | 'none';

/** Half a per cent, as btcli has it. */
export const DEFAULT_TOLERANCE = 0.005;

/** @throws bad-value */
export function assertTolerance(tolerance: SlippageTolerance): void {
  if (tolerance === 'none' || (tolerance >= 0 && tolerance < 1)) return;
  throw new ChainError('bad-value', `a tolerance is a fraction from 0 to 1, such as 0.005 for half a per cent, or 'none'; got ${String(tolerance)}`, { subject: 'tolerance', actual: String(tolerance) });
}
