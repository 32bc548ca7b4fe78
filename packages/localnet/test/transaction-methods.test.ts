import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openBareNode, type BareClient, type BareNode, type Event } from './bare-node.ts';
import { signedRemark } from './offline-signer.ts';

let bare: BareNode;
let client: BareClient;
beforeEach(async () => {
  bare = await openBareNode({ finalityLagBlocks: 2 });
  client = bare.client();
});
afterEach(() => bare.close());

/** In the first block, after the time and the beacon's pulse. */
const INDEX = 2;

const headHash = (): string => `0x${bare.node.head.hash}`;
const isIncluded = (extrinsic: string): boolean => bare.node.head.extrinsics.some((bytes) => Buffer.from(bytes).toString('hex') === extrinsic.slice(2));
const errorOf = (act: () => unknown): string => {
  try {
    return `no error: ${JSON.stringify(act())}`;
  } catch (error) {
    return (error as Error).message;
  }
};

const broadcast = (extrinsic: string): string | null => client.ask('transaction_v1_broadcast', extrinsic);

function watch(extrinsic: string): { id: string; events: Event[] } {
  const id = client.ask<string>('transactionWatch_v1_submitAndWatch', extrinsic);
  return { id, events: client.events(id) };
}

describe('transaction_v1', () => {
  it('puts a transaction into the next block', () => {
    const extrinsic = signedRemark(bare);
    expect(broadcast(extrinsic)).toMatch(/./);
    bare.controls.seal(1);
    expect(isIncluded(extrinsic)).toBe(true);
  });

  it('offers it again where a reorganisation has dropped it, until that is stopped', () => {
    const [kept, stopped] = [signedRemark(bare), signedRemark(bare, { from: '//Bob' })];
    broadcast(kept);
    const id = broadcast(stopped);
    bare.controls.seal(1);
    expect(client.ask('transaction_v1_stop', id)).toBeNull();
    bare.controls.reorganize(1, { dropTransactions: true });
    bare.controls.seal(1);
    expect([kept, stopped].map(isIncluded)).toEqual([true, false]);
  });

  it('says nothing of what is not valid, nor of what cannot be decoded', () => {
    for (const extrinsic of [signedRemark(bare, { from: '//Nobody' }), '0x1234', '0x']) expect(broadcast(extrinsic)).toMatch(/./);
    bare.controls.seal(1);
    expect(bare.node.pool.size).toBe(0);
    expect(errorOf(() => broadcast('remark'))).toMatch(/^-32602/);
  });

  it('broadcasts sixteen at once; what is over makes room, what is stopped as well', () => {
    const waiting = Array.from({ length: 16 }, (_, index) => broadcast(signedRemark(bare, { nonce: index + 1 })));
    expect(waiting.every((id) => id !== null)).toBe(true);
    expect(broadcast(signedRemark(bare))).toBeNull();
    expect(client.ask('transaction_v1_stop', waiting[3])).toBeNull();
    expect(errorOf(() => client.ask('transaction_v1_stop', waiting[3]))).toMatch(/^-32602/);
    expect(errorOf(() => bare.client().ask('transaction_v1_stop', waiting[4]))).toMatch(/^-32602/);
    expect(broadcast(signedRemark(bare))).toMatch(/./);
    bare.controls.seal(4);
    for (const nonce of [20, 21, 22]) expect(broadcast(signedRemark(bare, { nonce }))).toMatch(/./);
  });

  it('ends with its client', () => {
    const extrinsic = signedRemark(bare);
    broadcast(extrinsic);
    bare.controls.seal(1);
    client.close();
    bare.controls.reorganize(1, { dropTransactions: true });
    bare.controls.seal(1);
    expect(isIncluded(extrinsic)).toBe(false);
  });
});

describe('transactionWatch_v1', () => {
  it('tells where a transaction stands, and that it is final', () => {
    const { id, events } = watch(signedRemark(bare));
    bare.controls.seal(1);
    const block = { hash: headHash(), index: INDEX };
    bare.controls.seal(2);
    expect(events).toEqual([{ event: 'validated' }, { event: 'bestChainBlockIncluded', block }, { event: 'finalized', block }]);
    expect(errorOf(() => client.ask('transactionWatch_v1_unwatch', id))).toMatch(/^-32602/);
  });

  it('tells that a reorganisation has taken it away, and where it stands then', () => {
    const { events } = watch(signedRemark(bare));
    bare.controls.seal(1);
    const first = headHash();
    bare.controls.reorganize(1);
    bare.controls.seal(2);
    const second = `0x${bare.node.block(1)?.hash}`;
    expect(second).not.toBe(first);
    const included = (hash: string): object => ({ event: 'bestChainBlockIncluded', block: { hash, index: INDEX } });
    expect(events).toEqual([{ event: 'validated' }, included(first), { event: 'bestChainBlockIncluded', block: null }, { event: 'validated' }, included(second), { event: 'finalized', block: { hash: second, index: INDEX } }]);
  });

  it('tells of what is not valid, replaced, dropped, known or refused, and nothing after that', () => {
    expect(watch(signedRemark(bare, { from: '//Nobody' })).events).toMatchObject([{ event: 'invalid', error: expect.stringContaining('Inability to pay some fees') }]);
    expect(watch('0x1234').events).toMatchObject([{ event: 'invalid' }]);
    const extrinsic = signedRemark(bare);
    const { events } = watch(extrinsic);
    expect(watch(extrinsic).events).toMatchObject([{ event: 'dropped', error: expect.stringContaining('already imported') }]);
    watch(signedRemark(bare, { tip: 5 }));
    expect(events).toMatchObject([{ event: 'validated' }, { event: 'dropped', error: expect.stringContaining('Replaced by 0x') }]);
    bare.faults.set({ refuseSubmissions: { code: 1, message: 'not today' } });
    expect(watch(signedRemark(bare, { from: '//Bob' })).events).toEqual([{ event: 'error', error: 'not today' }]);
    bare.controls.seal(3);
    expect(events).toHaveLength(2);
    expect(errorOf(() => watch('zz'))).toMatch(/^-32602/);
  });

  it('tells no more to those who do not want it, and submits all the same', () => {
    const extrinsic = signedRemark(bare);
    const { id, events } = watch(extrinsic);
    expect(client.ask('transactionWatch_v1_unwatch', id)).toBeNull();
    bare.controls.seal(1);
    expect([isIncluded(extrinsic), events]).toEqual([true, [{ event: 'validated' }]]);
    expect(errorOf(() => client.ask('transactionWatch_v1_unwatch', 'unknown'))).toMatch(/^-32602/);
  });

  it('says validated once the gap before a nonce is filled', () => {
    const { events } = watch(signedRemark(bare, { nonce: 1 }));
    expect(events).toEqual([]);
    watch(signedRemark(bare));
    expect(events).toEqual([{ event: 'validated' }]);
  });
});

describe('TaggedTransactionQueue_validate_transaction', () => {
  it('judges by the block that is asked, not by the newest one', () => {
    const extrinsic = signedRemark(bare);
    client.ask('transaction_v1_broadcast', extrinsic);
    bare.controls.seal(3);
    const follow = client.ask<string>('chainHead_v1_follow', true);
    const validity = (number: number): unknown => {
      const input = `0x02${extrinsic.slice(2)}${bare.node.block(number)?.hash}`;
      return client.operate('chainHead_v1_call', follow, `0x${bare.node.block(number)?.hash}`, 'TaggedTransactionQueue_validate_transaction', input)[0]?.['output'];
    };
    expect(validity(0)).toMatch(/^0x00/);
    expect(validity(1)).toBe('0x010003');
    expect(validity(3)).toBe('0x010003');
  });
});
