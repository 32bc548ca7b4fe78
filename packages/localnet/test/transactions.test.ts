import { WsProvider } from '@polkadot/api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, failureOf, openWorld, pairOf, read, send, sudo, SLOW_BEACON, TAO, tx, type World } from './support.ts';
import { startLocalnet } from '../src/index.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

function transfer(to: string, amountRao: bigint): ReturnType<typeof tx> {
  return tx(world.api, 'balances', 'transferKeepAlive', to, amountRao);
}

async function freeRao(address: string): Promise<bigint> {
  const account = (await read(world.api, 'system', 'account', [address])) as { data: { free: string | number } };
  return BigInt(account.data.free);
}

describe('an unmodified @polkadot/api client', () => {
  it('connects and sees the chain', async () => {
    expect(world.api.genesisHash.toHex()).toBe(world.net.genesisHash);
    expect(world.api.runtimeVersion.specName.toString()).toBe('node-subtensor');
    expect(world.api.runtimeMetadata.version).toBe(16);
    expect(world.api.registry.chainSS58).toBe(42);
    expect(world.api.registry.chainTokens).toEqual(['TAO']);
    expect(world.api.consts['balances']?.['existentialDeposit']?.toString()).toBe('500');
  });

  it.each(['sr25519', 'ed25519', 'ecdsa'] as const)('signs a transfer with %s', async (type) => {
    const from = pairOf('//Signer', type);
    await send(world.api, transfer(from.address, 10n * TAO), pairOf('//Alice'));
    const before = await freeRao(from.address);
    const outcome = await send(world.api, transfer(pairOf('//Bob').address, TAO), from);
    expect(outcome.error).toBeUndefined();
    expect(outcome.statuses[0]).toBe('Ready');
    expect(outcome.events).toEqual(['balances.Withdraw', 'balances.Transfer', 'balances.Deposit', 'transactionPayment.TransactionFeePaid', 'system.ExtrinsicSuccess']);
    const paid = before - (await freeRao(from.address)) - TAO;
    expect(paid).toBeGreaterThan(100_000n);
    expect(paid).toBeLessThan(200_000n);
  });

  it('hashes headers and blocks as the chain does', async () => {
    const { blockHash } = await send(world.api, transfer(pairOf('//Bob').address, TAO), pairOf('//Alice'));
    const { block } = await world.api.rpc.chain.getBlock(blockHash);
    expect(block.header.hash.toHex()).toBe(blockHash);
    expect(block.extrinsics[0]?.method.method).toBe('set');
    const parent = await world.api.rpc.chain.getHeader(block.header.parentHash);
    expect(parent.hash.toHex()).toBe(block.header.parentHash.toHex());
    expect(parent.number.toNumber()).toBe(block.header.number.toNumber() - 1);
  });

  it('tells fees beforehand, and the tip is paid on top', async () => {
    const alice = pairOf('//Alice');
    const call = transfer(pairOf('//Bob').address, TAO);
    const info = await call.paymentInfo(alice, { tip: 7_000 });
    const before = await freeRao(alice.address);
    await send(world.api, call, alice, { tip: 7_000 });
    expect(before - (await freeRao(alice.address)) - TAO).toBe(info.partialFee.toBigInt() + 7_000n);
  });

  it('keeps the sum of all balances equal to the issuance', async () => {
    const entries = await world.api.query['system']?.['account']?.entries();
    const sum = (entries ?? []).reduce((total, [, account]) => total + BigInt((account.toJSON() as { data: { free: string | number } }).data.free), 0n);
    expect(sum).toBe(BigInt((await read(world.api, 'balances', 'totalIssuance')) as string));
  });
});

describe('nonces', () => {
  it('refuses one that was used', async () => {
    await send(world.api, transfer(pairOf('//Bob').address, TAO), pairOf('//Alice'));
    const stale = send(world.api, transfer(pairOf('//Bob').address, TAO), pairOf('//Alice'), { nonce: 0 });
    expect(await failureOf(stale)).toBe('1010: Invalid Transaction: Transaction is outdated');
  });

  it('keeps one that is ahead until the gap is filled', async () => {
    const charlie = pairOf('//Charlie');
    const second = send(world.api, transfer(pairOf('//Bob').address, TAO), charlie, { nonce: 1 });
    await expect.poll(async () => (await world.api.rpc.author.pendingExtrinsics()).length).toBe(1);
    expect((await world.api.rpc.system.accountNextIndex(charlie.address)).toNumber()).toBe(0);
    const first = await send(world.api, transfer(pairOf('//Bob').address, 2n * TAO), charlie, { nonce: 0 });
    expect(first.error).toBeUndefined();
    expect((await second).statuses.slice(0, 2)).toEqual(['Future', 'Ready']);
    expect((await world.api.rpc.system.accountNextIndex(charlie.address)).toNumber()).toBe(2);
  });

  it('lets several of one account into one block, and counts them while they wait', async () => {
    const slow = await startLocalnet({ seed: 'slow', instantSeal: false, ...SLOW_BEACON });
    const api = await connect(slow.endpoint);
    const bob = pairOf('//Bob');
    const sent = [0, 1, 2].map((nonce) => send(api, tx(api, 'balances', 'transferKeepAlive', pairOf('//Eve').address, TAO), bob, { nonce }));
    await expect.poll(async () => (await api.rpc.system.accountNextIndex(bob.address)).toNumber()).toBe(3);
    slow.sealBlocks(1);
    expect(new Set((await Promise.all(sent)).map(({ blockHash }) => blockHash)).size).toBe(1);
    await api.disconnect();
    await slow.close();
  });

  it('replaces a waiting transaction only for a greater tip', async () => {
    const dave = pairOf('//Dave');
    const first = failureOf(send(world.api, transfer(pairOf('//Bob').address, TAO), dave, { nonce: 5 }));
    await expect.poll(async () => (await world.api.rpc.author.pendingExtrinsics()).length).toBe(1);
    const same = send(world.api, transfer(pairOf('//Bob').address, 2n * TAO), dave, { nonce: 5 });
    expect(await failureOf(same)).toMatch(/^1014: Priority is too low/);
    void failureOf(send(world.api, transfer(pairOf('//Bob').address, 3n * TAO), dave, { nonce: 5, tip: 10 }));
    expect(await first).toBe('Usurped');
  });
});

describe('transactions that no block may hold', () => {
  it('refuses a bad signature', async () => {
    const signed = await transfer(pairOf('//Bob').address, TAO).signAsync(pairOf('//Alice'));
    const bytes = signed.toU8a();
    bytes[45] = (bytes[45] as number) ^ 1;
    const refused = world.api.rpc.author.submitExtrinsic(`0x${Buffer.from(bytes).toString('hex')}`);
    expect(await failureOf(refused)).toBe('1010: Invalid Transaction: Transaction has a bad signature');
  });

  it('refuses a signature for another chain', async () => {
    const genesisHash = `0x${'11'.repeat(32)}`;
    const other = send(world.api, transfer(pairOf('//Bob').address, TAO), pairOf('//Alice'), { genesisHash, era: 0 });
    expect(await failureOf(other)).toBe('1010: Invalid Transaction: Transaction has a bad signature');
  });

  it('refuses an account that cannot pay', async () => {
    const poor = send(world.api, transfer(pairOf('//Bob').address, TAO), pairOf('//Nobody'));
    expect(await failureOf(poor)).toMatch(/^1010: Invalid Transaction: Inability to pay some fees/);
  });

  it('refuses sudo by others than the sudo key', async () => {
    const call = tx(world.api, 'sudo', 'sudo', tx(world.api, 'system', 'remark', '0x00'));
    expect(await failureOf(send(world.api, call, pairOf('//Bob')))).toBe('1010: Invalid Transaction: Invalid signing address');
  });

  it('refuses bytes that are no extrinsic, and bare ones', async () => {
    const provider = new WsProvider(world.net.endpoint);
    await provider.isReady;
    expect(await failureOf(provider.send('author_submitExtrinsic', ['0x1c84deadbeef0000']))).toMatch(/^1001: Extrinsic has invalid format/);
    const bare = tx(world.api, 'system', 'remark', '0x05').toHex();
    expect(await failureOf(provider.send('author_submitExtrinsic', [bare]))).toMatch(/^1011: Unknown Transaction Validity/);
    await provider.disconnect();
  });

  it('refuses the same transaction twice', async () => {
    const signed = await transfer(pairOf('//Bob').address, TAO).signAsync(pairOf('//Eve'), { nonce: 9 });
    await world.api.rpc.author.submitExtrinsic(signed);
    expect(await failureOf(world.api.rpc.author.submitExtrinsic(signed))).toMatch(/^1013:/);
  });
});

describe('mortality', () => {
  it('lets a transaction in while its era lasts, and not after', async () => {
    const header = await world.api.rpc.chain.getHeader();
    const sign = (nonce: number): Promise<unknown> =>
      transfer(pairOf('//Bob').address, TAO).signAsync(pairOf('//Ferdie'), {
        blockHash: header.hash,
        era: world.api.createType('ExtrinsicEra', { current: header.number.toNumber(), period: 8 }),
        nonce,
      });
    const early = await sign(0);
    const late = await sign(1);
    await world.api.rpc.author.submitExtrinsic(early as never);
    world.net.sealBlocks(8);
    expect(await failureOf(world.api.rpc.author.submitExtrinsic(late as never))).toBe('1010: Invalid Transaction: Transaction has a bad signature');
  });

  it('drops one from the pool when its era ends before its turn', async () => {
    const era = world.api.createType('ExtrinsicEra', { current: world.net.blockNumber(), period: 4 });
    const blockHash = (await world.api.rpc.chain.getHeader()).hash;
    const waiting = failureOf(send(world.api, transfer(pairOf('//Bob').address, TAO), pairOf('//Ferdie'), { nonce: 77, era, blockHash }));
    await expect.poll(async () => (await world.api.rpc.author.pendingExtrinsics()).length).toBeGreaterThan(0);
    world.net.sealBlocks(6);
    expect(await waiting).toBe('Invalid');
  });

  it('knows no block hash older than BlockHashCount', async () => {
    const fast = await openWorld({ seed: 'old' });
    fast.net.sealBlocks(2500);
    const first = await fast.api.rpc.chain.getBlockHash(1);
    expect(await read(fast.api, 'system', 'blockHash', [2400])).not.toMatch(/^0x0+$/);
    expect(await read(fast.api, 'system', 'blockHash', [50])).toMatch(/^0x0+$/);
    expect(first.toHex()).not.toMatch(/^0x0+$/);
    const era = fast.api.createType('ExtrinsicEra', { current: 1, period: 4096 });
    const ancient = send(fast.api, tx(fast.api, 'system', 'remark', '0x00'), pairOf('//Alice'), { era, blockHash: first });
    expect(await failureOf(ancient)).toBe('1010: Invalid Transaction: Transaction has an ancient birth block');
    await fast.close();
  });
});

describe('dispatch', () => {
  it('fails a call by name, undoes it, and takes the fee all the same', async () => {
    const bob = pairOf('//Bob');
    const before = await freeRao(bob.address);
    const outcome = await send(world.api, tx(world.api, 'balances', 'transferAllowDeath', pairOf('//Alice').address, 10n ** 18n), bob);
    expect(outcome.error).toBe('Token');
    expect(outcome.events.at(-1)).toBe('system.ExtrinsicFailed');
    expect(before - (await freeRao(bob.address))).toBeLessThan(200_000n);
  });

  it('kills an account that falls below the existential deposit, dust and all', async () => {
    const brief = pairOf('//Brief');
    await send(world.api, transfer(brief.address, TAO), pairOf('//Alice'));
    const outcome = await send(world.api, tx(world.api, 'balances', 'transferAll', pairOf('//Alice').address, false), brief);
    expect(outcome.events).toContain('system.KilledAccount');
    expect(await freeRao(brief.address)).toBe(0n);
  });

  it('runs batches: stops at the first error, undoes all, or goes on', async () => {
    const good = tx(world.api, 'system', 'remarkWithEvent', '0x01');
    const bad = tx(world.api, 'subtensorModule', 'startCall', 99);
    const run = (name: string): ReturnType<typeof send> => send(world.api, tx(world.api, 'utility', name, [good, bad, good]), pairOf('//Alice'));
    expect((await run('batch')).events.filter((event) => /Remarked|Interrupted/.test(event))).toEqual(['system.Remarked', 'utility.BatchInterrupted']);
    const all = await run('batchAll');
    expect(all.error).toBe('SubnetNotExists');
    expect(all.events).not.toContain('system.Remarked');
    expect((await run('forceBatch')).events.filter((event) => /Remarked|Item|With/.test(event) && !event.startsWith('balances'))).toEqual([
      'system.Remarked',
      'utility.ItemCompleted',
      'utility.ItemFailed',
      'system.Remarked',
      'utility.ItemCompleted',
      'utility.BatchCompletedWithErrors',
    ]);
  });

  it('runs calls as root for the sudo key, without a fee, and tells how they ended', async () => {
    const before = await freeRao(pairOf('//Alice').address);
    expect(await sudo(world.api, tx(world.api, 'balances', 'forceSetBalance', pairOf('//Rich').address, 5n * TAO))).toBeUndefined();
    expect(await freeRao(pairOf('//Rich').address)).toBe(5n * TAO);
    expect(await sudo(world.api, tx(world.api, 'subtensorModule', 'startCall', 1))).toBe('SubnetNotExists');
    expect(await freeRao(pairOf('//Alice').address)).toBe(before);
  });

  it('dry-runs without a trace', async () => {
    const signed = await tx(world.api, 'subtensorModule', 'startCall', 1).signAsync(pairOf('//Alice'));
    const before = world.net.blockNumber();
    const result = await world.api.rpc.system.dryRun(signed.toHex());
    expect(result.asOk.isErr).toBe(true);
    expect(world.api.registry.findMetaError(result.asOk.asErr.asModule).name).toBe('SubnetNotExists');
    expect(world.net.blockNumber()).toBe(before);
  });
});
