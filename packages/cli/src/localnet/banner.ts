/**
 * What `connito localnet` says when the chain is up: where it is, who has funds, what to do next.
 *
 * @module
 */
import { cutText, displayWidth, type Paint } from '../terminal.ts';
import { shortAccount } from './block-view.ts';

/** What the banner tells of. */
export interface BannerFacts {
  readonly endpoint: string;
  readonly genesisHash: string;
  readonly blockNumber: number;
  readonly seed: string;
  /** How blocks come, in words. */
  readonly blocks: string;
  readonly accounts: readonly { readonly uri: string; readonly address: string; readonly balanceTao: string }[];
  readonly sudo: string;
  readonly beacon: string;
  readonly state: string | undefined;
  readonly script: readonly string[];
}

/** Lines of at most `width` cells. */
export function renderBanner(facts: BannerFacts, { width, paint }: { readonly width: number; readonly paint: Paint }): string[] {
  const { endpoint, genesisHash, blockNumber, seed, blocks, accounts, sudo, beacon, state, script } = facts;
  const row = (label: string, text: string): string => `  ${paint.dim(label.padEnd(9))} ${text}`;
  const holders = accounts.map(({ uri, address, balanceTao }) => row(uri, `${width >= 90 ? address : shortAccount(address)}  ${balanceTao} TAO${uri === sudo ? paint.accent('  sudo') : ''}`));
  const next = [
    row('watch', `https://polkadot.js.org/apps/?rpc=${encodeURIComponent(endpoint)}`),
    row('btcli', `btcli subnets list --network ${endpoint}`),
    row('control', `curl -s ${endpoint.replace('ws', 'http')} -d '{"id":1,"method":"localnet_jump","params":[100]}'`),
  ];
  const lines = [
    `${paint.bold('connito localnet')}  ${paint.accent(endpoint)}`,
    row('genesis', `${genesisHash}${blockNumber > 0 ? `, at block ${blockNumber}` : ''}`),
    row('seed', seed),
    row('blocks', blocks),
    row('beacon', beacon),
    ...(state === undefined ? [] : [row('state', state)]),
    ...script.map((line, index) => row(index === 0 ? 'script' : '', line)),
    '',
    ...holders,
    '',
    ...next,
    '',
  ];
  return lines.map((line) => (displayWidth(line) > width ? cutText(line, width) : line));
}
