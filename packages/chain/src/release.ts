/**
 * Letting go of virtual time: on a localnet, a participant says before which moment it has nothing to do.
 * @module
 */
import type { Chain } from './connection.ts';
import { ChainError } from './errors.ts';
import { parseHotkey } from './identifier.ts';

const METHOD = 'localnet_release';

/**
 * Tells the chain that `participant` has nothing to do before `timeMs` of chain time. Does nothing where time is real.
 * @throws bad-address, bad-value, and as `Chain.request`
 */
export async function releaseUntil(chain: Chain, { participant, timeMs }: { readonly participant: string; readonly timeMs: number }): Promise<void> {
  const hotkey = parseHotkey(participant);
  if (!Number.isSafeInteger(timeMs) || timeMs < 0) throw new ChainError('bad-value', `expected a time in Unix milliseconds, got ${timeMs}`, { subject: 'timeMs', actual: String(timeMs) });
  if (chain.hasMethod(METHOD)) await chain.request(METHOD, [hotkey, timeMs]);
}
