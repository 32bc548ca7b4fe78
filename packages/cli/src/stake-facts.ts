/**
 * What is said of stake before it is added or removed.
 *
 * @module
 */
import type { StakeFigures } from '@connito/chain';
import type { Fact } from './chain-call.ts';
import { formatAmount } from './tao.ts';

/** Price, what is given and got, limit, balance and stake, in lines. */
export function stakeFacts({ quote, limitPriceRao, balanceRao, balanceAfterRao, stakeRao, stakeAfterRao, feeAlphaRao }: StakeFigures, direction: 'add' | 'remove'): Fact[] {
  const [into, out] = direction === 'add' ? ['TAO', 'alpha'] : ['alpha', 'TAO'];
  return [
    ['price', `${formatAmount(quote.priceRao)} TAO for 1 alpha${quote.isSimulated ? '' : ' (computed from the pool)'}`],
    ['you give', `${formatAmount(quote.inputRao)} ${into}, ${formatAmount(quote.feeRao)} of it the pool's fee`],
    ['you get', `about ${formatAmount(quote.outputRao)} ${out}`],
    ['slippage', slippageText(quote.slippage)],
    ['limit', limitPriceRao === undefined ? 'none: any price' : `${formatAmount(limitPriceRao)} TAO for 1 alpha`],
    ['balance', `${formatAmount(balanceRao)} TAO, then about ${formatAmount(balanceAfterRao)}`],
    ['stake', `${formatAmount(stakeRao)} alpha, then about ${formatAmount(stakeAfterRao)}`],
    ...(feeAlphaRao === 0n ? [] : [['fee paid by', `about ${formatAmount(feeAlphaRao)} alpha, which the chain sells for it: there is too little TAO`] as const]),
  ];
}

/** A fraction as a percentage. */
export function slippageText(slippage: number): string {
  return `${(100 * slippage).toFixed(4)} %`;
}
