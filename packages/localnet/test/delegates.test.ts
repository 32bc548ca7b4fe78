/** What `DelegateInfoRuntimeApi` says of shares that are worth nothing, and of subnets behind a dissolved one. @see pallets/subtensor/src/rpc_info/delegate_info.rs */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeScale } from '../src/scale/codec.ts';
import type { TypeOf } from '../src/scale/type-of.ts';
import { openBareNode, type BareNode } from './bare-node.ts';
import { account } from './runtime-support.ts';

const [HOTKEY, RICH, POOR, GONE] = [account(7), account(1), account(2), account(3)];

let bare: BareNode;
beforeAll(async () => {
  bare = await openBareNode();
  bare.node.edit(({ storage: { SubtensorModule: state } }) => {
    state.Delegates.set(HOTKEY, 11_796);
    for (const netuid of [0, 2]) {
      state.NetworksAdded.set(netuid, true);
      state.TotalHotkeyAlpha.set(HOTKEY, netuid, 10n);
      state.TotalHotkeyShares.set(HOTKEY, netuid, { bits: 1000n << 64n });
    }
    state.Alpha.set(HOTKEY, POOR, 2, { bits: 1n << 64n });
    state.Alpha.set(HOTKEY, POOR, 0, { bits: 1n << 64n });
    state.Alpha.set(HOTKEY, RICH, 0, { bits: 999n << 64n });
    state.Alpha.set(HOTKEY, GONE, 0, { bits: 0n });
  });
});
afterAll(() => bare.close());

function call<T extends string>(method: string, input: string, type: T): TypeOf<T> {
  const answer = bare.client().ask<string>('state_call', `DelegateInfoRuntimeApi_${method}`, `0x${input}`);
  return decodeScale(type, new Uint8Array(Buffer.from(answer.slice(2), 'hex')));
}
const delegated = (coldkey: string): unknown => call('get_delegated', coldkey, 'Vec<(DelegateInfo,(Compact<u16>,Compact<u64>))>').map(([{ nominators }, position]) => ({ nominators, position }));

describe('a delegate', () => {
  it('has nominators by account, also those whose shares are worth nothing, but none without shares', () => {
    expect(call('get_delegate', HOTKEY, 'Option<DelegateInfo>')?.nominators).toEqual([
      [RICH, [[0, 9n]]],
      [POOR, [[0, 0n]]],
    ]);
    expect(call('get_delegates', '', 'Vec<DelegateInfo>').map(({ nominators }) => nominators.length)).toEqual([2]);
  });

  it('is told to each of them by position, without the others; here behind the dissolved subnet, too', () => {
    expect(delegated(POOR)).toEqual([
      { nominators: [], position: [0, 0n] },
      { nominators: [], position: [2, 0n] },
    ]);
    expect(delegated(RICH)).toEqual([{ nominators: [], position: [0, 9n] }]);
    expect(delegated(GONE)).toEqual([]);
  });
});
