/**
 * Amounts on the command line.
 *
 * @module
 */
import { InvalidArgumentError } from 'commander';

/** A parser of amounts, for commander: TAO or alpha with up to nine decimals, as rao. More than nothing. */
export function taoAmount(): (text: string) => bigint {
  return (text) => {
    const [, whole = '', fraction = ''] = /^(\d{1,8})(?:\.(\d{1,9}))?$/.exec(text) ?? [];
    const rao = whole === '' ? 0n : BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
    if (rao > 0n) return rao;
    throw new InvalidArgumentError('Expected an amount such as 12 or 0.5, with at most nine decimals.');
  };
}

/** Rao as a number with up to nine decimals. */
export function formatAmount(rao: bigint): string {
  const digits = String(rao < 0n ? -rao : rao).padStart(10, '0');
  const fraction = digits.slice(-9).replace(/0+$/, '');
  return `${rao < 0n ? '-' : ''}${digits.slice(0, -9)}${fraction === '' ? '' : `.${fraction}`}`;
}

/** A u16 fraction of 65535, for tables. */
export function formatFraction(value: number): string {
  return (value / 65_535).toFixed(5);
}
