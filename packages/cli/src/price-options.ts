/**
 * How much worse than now a price may get: options of commands that swap in a pool.
 *
 * @module
 */
import { Option, type Command } from 'commander';
import { decimalNumber } from './options.ts';

/** Flags of {@link addPriceOptions}. */
export interface PriceFlags {
  readonly tolerance: number;
  readonly anyPrice?: true;
  readonly partial?: true;
}

/** Adds `--tolerance`, `--any-price`, `--partial`. */
export function addPriceOptions(command: Command): Command {
  return command
    .addOption(new Option('--tolerance <fraction>', 'how much worse than now the price may get').argParser(decimalNumber({ min: 0, max: 0.99 })).default(0.005, '0.005, half a per cent'))
    .option('--any-price', 'take whatever the pool gives')
    .option('--partial', 'take what can be had within the tolerance, rather than all or nothing');
}

/** The same as `@connito/chain` wants it. */
export function priceLimit({ tolerance, anyPrice, partial }: PriceFlags): { readonly tolerance: number | 'none'; readonly allowPartial: boolean } {
  return { tolerance: anyPrice ? 'none' : tolerance, allowPartial: partial ?? false };
}
