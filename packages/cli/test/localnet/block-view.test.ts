import type { BlockReport } from '@connito/localnet';
import { describe, expect, it } from 'vitest';
import { renderBanner } from '../../src/localnet/banner.ts';
import { openTerminalView, renderBlock } from '../../src/localnet/block-view.ts';
import { createPaint, displayWidth } from '../../src/terminal.ts';

const plain = createPaint(false);
const ALICE = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY';
const base: BlockReport = { number: 7, hash: `0x${'ab'.repeat(32)}`, parentHash: '0x', timestampMs: Date.UTC(2026, 0, 1, 0, 1, 24), finalizedNumber: 7, extrinsics: [{ hash: '0x', pallet: 'Timestamp', call: 'set', args: {}, events: [] }], events: [] };
const busy: BlockReport = {
  ...base,
  number: 8,
  finalizedNumber: 5,
  extrinsics: [
    ...base.extrinsics,
    {
      hash: '0x',
      pallet: 'Sudo',
      call: 'sudo',
      args: { call: { pallet: 'AdminUtils', call: 'sudo_set_tempo', args: {} } },
      signer: ALICE,
      events: [{ pallet: 'System', event: 'ExtrinsicSuccess', data: {} }, { pallet: 'SubtensorModule', event: 'TempoSet', data: [1, 20] }],
    },
    { hash: '0x', pallet: 'Balances', call: 'transfer_keep_alive', args: {}, signer: ALICE, error: 'FundsUnavailable', events: [] },
  ],
};

describe('blocks on a terminal', () => {
  it('show calls, signers, outcomes and what events tell', () => {
    expect(renderBlock(busy, { width: 100, paint: plain })).toEqual([
      '#8  2026-01-01 00:01:24  0xabababab…  final #5',
      '  Sudo.sudo ▸ AdminUtils.sudo_set_tempo         5GrwvaEF…utQY  ok',
      '    SubtensorModule.TempoSet (1, 20)',
      '  Balances.transfer_keep_alive                  5GrwvaEF…utQY  FundsUnavailable',
    ]);
  });

  it('count empty blocks on one line', () => {
    let text = '';
    const view = openTerminalView({ stdout: { write: (part) => (text += part), isTTY: true, columns: 80 }, env: { NO_COLOR: '1' } });
    for (const number of [1, 2, 3]) view.show({ ...base, number });
    view.show(busy);
    view.show({ ...base, number: 9 });
    expect(text.replaceAll('\u001b[1A\u001b[2K', '<up>').split('\n').slice(0, 3)).toEqual(['#1  2026-01-01 00:01:24  empty', '<up>#1–2  2026-01-01 00:01:24  2 empty blocks', '<up>#1–3  2026-01-01 00:01:24  3 empty blocks']);
    expect(text.endsWith('#9  2026-01-01 00:01:24  empty\n')).toBe(true);
  });

  it('never overflow the width, nor let texts of others move the cursor', () => {
    const hostile: BlockReport = { ...busy, extrinsics: [{ hash: '0x', pallet: 'System', call: 'remark', args: {}, signer: ALICE, events: [{ pallet: 'System', event: 'Remarked', data: ['\u001b[2J\nboo', { deep: ['x'.repeat(500)] }] }] }] };
    for (const width of [20, 40, 80, 200]) {
      for (const line of [...renderBlock(hostile, { width, paint: plain }), ...renderBlock(busy, { width, paint: plain })]) {
        expect(displayWidth(line)).toBeLessThanOrEqual(width);
        expect(line).not.toMatch(/\p{Cc}/u);
      }
    }
  });
});

describe('the banner', () => {
  it('says where the chain is, who has funds and what is next, in any width', () => {
    const facts = { endpoint: 'ws://127.0.0.1:9944', genesisHash: `0x${'cd'.repeat(32)}`, blockNumber: 0, seed: '1', blocks: 'every 1 s', accounts: [{ uri: '//Alice', address: ALICE, balanceTao: '10,000,000' }], sudo: '//Alice', beacon: 'one round each 3 s', state: './chain', script: ['accounts: a'] };
    expect(renderBanner(facts, { width: 100, paint: plain }).join('\n')).toContain(`//Alice   ${ALICE}  10,000,000 TAO  sudo`);
    for (const width of [20, 60, 120]) for (const line of renderBanner(facts, { width, paint: plain })) expect(displayWidth(line)).toBeLessThanOrEqual(width);
  });
});
