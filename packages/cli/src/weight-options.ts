/**
 * Of which subnet and mechanism, and weights on the command line.
 *
 * @module
 */
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { Weight } from '@connito/chain';
import { wholeNumber } from './options.ts';

/** Adds `--netuid`, which has to be given, and `--mechanism`. */
export function addTargetOptions(command: Command): Command {
  return command
    .addOption(new Option('-n, --netuid <number>', 'subnet').argParser(wholeNumber({ max: 65_535 })).makeOptionMandatory())
    .addOption(new Option('--mechanism <number>', 'mechanism of the subnet').argParser(wholeNumber({ max: 15 })).default(0));
}

/** A parser of weights, for commander: `uid:weight` with commas between. */
export function weightList(text: string): Weight[] {
  return text.split(',').map((part) => {
    const [, uid, weight] = /^\s*(\d{1,5}):(\d+(?:\.\d+)?(?:e-?\d+)?)\s*$/.exec(part) ?? [];
    if (uid === undefined || Number(uid) > 65_535) throw new InvalidArgumentError('Expected uid:weight with commas between, such as 0:0.25,7:1.');
    return { uid: Number(uid), weight: Number(weight) };
  });
}
