/**
 * `Drand.write_pulse` and `set_beacon_config` by anybody, as `pallets/drand` takes them: what its pool refuses and for what reason, the tags and priorities that it gives, what
 * the runtime verifies. Cases and the pulses that cannot be verified are those of `pallets/drand/src/tests.rs` (opentensor/subtensor 14bc6f9f9).
 */
import { deriveBeaconKey, pulseRandomness, QUICKNET, roundTimeMs, signRound } from '@connito/commit-reveal';
import { u8aConcat, u8aToHex } from '@polkadot/util';
import { blake2AsU8a } from '@polkadot/util-crypto';
import type { TransactionValidity } from '@polkadot/types/interfaces/txqueue';
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { ask } from './json-rpc.ts';
import { failureOf, openWorld, pairOf, read, send, sudo, tx, type Call, type World } from './support.ts';

const QUICKNET_PULSE = JSON.parse(readFileSync(new URL('vectors/quicknet-commit.json', import.meta.url), 'utf8')) as { round: number; signature: string };
const DUE_MS = roundTimeMs(QUICKNET, QUICKNET_PULSE.round);
const KEY = deriveBeaconKey(new TextEncoder().encode('ours'));
const author = pairOf('//Bob');

let worlds: World[] = [];
afterEach(async () => {
  await Promise.all(worlds.map((world) => world.close()));
  worlds = [];
});

async function open(options: Parameters<typeof openWorld>[0] = {}): Promise<World> {
  const world = await openWorld({ beacon: 'quicknet', beaconPeriodMs: 3_000, genesisTimeMs: DUE_MS - 3 * 12_000, instantSeal: false, ...options });
  worlds.push(world);
  return world;
}

interface Pulse {
  readonly round: number;
  readonly randomness: string;
  readonly signature: string;
}

const realPulse: Pulse = { round: 1000, randomness: u8aToHex(pulseRandomness(Buffer.from(QUICKNET_PULSE.signature, 'hex'))), signature: `0x${QUICKNET_PULSE.signature}` };

function ourPulse(round: number): Pulse {
  const signature = signRound(KEY.secretKey, round);
  return { round, randomness: u8aToHex(pulseRandomness(signature)), signature: u8aToHex(signature) };
}

interface Written {
  readonly pulses: readonly Pulse[];
  readonly blockNumber?: number;
  readonly pair?: ReturnType<typeof pairOf>;
  readonly type?: 'Sr25519' | 'Ed25519';
  readonly signature?: object | null;
}

/** An unsigned extrinsic whose payload is signed. */
function writePulse({ api }: World, { pulses, blockNumber = 0, pair = author, type = 'Sr25519', signature }: Written): Call {
  const payload = { blockNumber, pulses, public: { [type]: u8aToHex(pair.publicKey) } };
  const unsigned = tx(api, 'drand', 'writePulse', payload, null);
  const signed = signature === undefined ? { [type]: u8aToHex(pair.sign(unsigned.args[0]?.toU8a() as Uint8Array)) } : signature;
  return tx(api, 'drand', 'writePulse', payload, signed);
}

const OUR_CONFIG = { publicKey: u8aToHex(KEY.publicKey), period: 3, genesisTime: 1_000, hash: '0x01', groupHash: '0x02', schemeId: '0x03', metadata: { beaconId: '0x04' } };

function setConfig({ api }: World, { blockNumber = 0, isSigned = true } = {}): Call {
  const payload = { blockNumber, config: OUR_CONFIG, public: { Sr25519: u8aToHex(author.publicKey) } };
  const unsigned = tx(api, 'drand', 'setBeaconConfig', payload, null);
  return isSigned ? tx(api, 'drand', 'setBeaconConfig', payload, { Sr25519: u8aToHex(author.sign(unsigned.args[0]?.toU8a() as Uint8Array)) }) : unsigned;
}

/** What a pulse of a round provides, by the pallet's source. */
function tagOf(round: number): string {
  const hash = blake2AsU8a(u8aConcat(new TextEncoder().encode('drand'), new Uint8Array(new BigUint64Array([BigInt(round)]).buffer)));
  return u8aToHex(u8aConcat(new Uint8Array([19 << 2]), new TextEncoder().encode('DrandOffchainWorker'), hash));
}

const submit = ({ net }: World, call: Call): Promise<unknown> => ask(net.endpoint, 'author_submitExtrinsic', call.toHex());
const lastRound = (world: World, at?: string): Promise<unknown> => read(world.api, 'drand', 'lastStoredRound', [], at);
/** Events of a block's extrinsics, but of the first one, which says the time. */
const eventsOf = async ({ api }: World): Promise<string[]> =>
  ((await api.query['system']?.['events']?.()) as unknown as { event: { section: string; method: string }; phase: { isApplyExtrinsic: boolean; asApplyExtrinsic: { toNumber(): number } } }[] | undefined ?? [])
    .filter(({ phase }) => phase.isApplyExtrinsic && phase.asApplyExtrinsic.toNumber() > 0)
    .map(({ event }) => `${event.section}.${event.method}`);
const followOurs = ({ net }: World): void =>
  net.setStorage([{ pallet: 'Drand', item: 'BeaconConfig', keys: [], value: { public_key: OUR_CONFIG.publicKey, period: 3, genesis_time: 0, hash: '0x', group_hash: '0x', scheme_id: '0x', metadata: { beacon_id: '0x' } } }]);

/** What `TaggedTransactionQueue` says. */
async function validity({ api, net }: World, call: Call): Promise<{ priority: bigint; rest: object }> {
  const input = u8aToHex(u8aConcat(new Uint8Array([2]), call.toU8a(), api.genesisHash.toU8a()));
  const answer = api.registry.createType<TransactionValidity>('TransactionValidity', (await ask(net.endpoint, 'state_call', 'TaggedTransactionQueue_validate_transaction', input)) as string);
  const { priority, requires, provides, longevity, propagate } = answer.asOk;
  return { priority: priority.toBigInt(), rest: { requires: requires.toJSON(), provides: provides.toJSON(), longevity: longevity.toNumber(), propagate: propagate.isTrue } };
}

describe('an unsigned write_pulse', () => {
  it('that has a real pulse of quicknet is taken, included and stored', async () => {
    const world = await open();
    const call = writePulse(world, { pulses: [realPulse] });
    expect(await submit(world, call)).toBe(call.hash.toHex());
    expect(await world.api.rpc.author.pendingExtrinsics()).toHaveLength(1);
    world.net.sealBlocks(1);
    expect(await lastRound(world)).toBe(1000);
    expect(await read(world.api, 'drand', 'pulses', [1000])).toEqual(realPulse);
    expect(await read(world.api, 'drand', 'oldestStoredRound')).toBe(1000);
    expect(await read(world.api, 'drand', 'nextUnsignedAt')).toBe(1);
    expect(await eventsOf(world)).toEqual(['drand.NewPulse', 'system.ExtrinsicSuccess']);
    expect(await world.api.rpc.author.pendingExtrinsics()).toHaveLength(0);
    const { block } = await world.api.rpc.chain.getBlock();
    expect(block.extrinsics[1]?.toHex()).toBe(call.toHex());
    expect(await failureOf(submit(world, call))).toMatch(/1010.*outdated/);
  });

  it('gets a block at once where transactions do, and is watched as they are', async () => {
    const world = await open({ instantSeal: true });
    const statuses: string[] = [];
    await new Promise<void>((resolve, reject) => {
      writePulse(world, { pulses: [realPulse] }).send(({ status }) => {
        statuses.push(status.type);
        if (status.isFinalized) resolve();
      }).catch(reject);
    });
    expect(statuses).toEqual(['Ready', 'InBlock', 'Finalized']);
    expect(await lastRound(world)).toBe(1000);
  });

  it.each<[string, (world: World) => Call, RegExp]>([
    ['without the signature of its payload', (world) => writePulse(world, { pulses: [realPulse], signature: null }), /1010.*Invalid signing address/],
    ['with the signature of something else', (world) => writePulse(world, { pulses: [realPulse], signature: { Sr25519: u8aToHex(author.sign('0x00')) } }), /1010.*bad signature/],
    ['signed with ed25519', (world) => writePulse(world, { pulses: [realPulse], pair: pairOf('//Bob', 'ed25519'), type: 'Ed25519' }), /1010.*bad signature/],
    ['of a later block', (world) => writePulse(world, { pulses: [realPulse], blockNumber: 2 }), /1010.*valid in the future/],
    ['without a pulse', (world) => writePulse(world, { pulses: [] }), /1010.*call is not expected/],
    ['with two pulses', (world) => writePulse(world, { pulses: [realPulse, realPulse] }), /1010.*call is not expected/],
    ['of round 0', (world) => writePulse(world, { pulses: [{ ...realPulse, round: 0 }] }), /1010.*outdated/],
    ['that is another call of the pallet', ({ api }) => tx(api, 'drand', 'setOldestStoredRound', 1), /1010.*call is not expected/],
    ['of another pallet', ({ api }) => tx(api, 'system', 'remark', '0x00'), /1011.*unsigned validator/],
    ['that only a block author makes', ({ api }) => tx(api, 'timestamp', 'set', 1), /1010.*dispatch is mandatory/],
  ])('%s is refused', async (_name, make, reason) => {
    const world = await open();
    expect(await failureOf(submit(world, make(world)))).toMatch(reason);
    expect(await world.api.rpc.author.pendingExtrinsics()).toHaveLength(0);
  });

  it('is verified: of another signature nothing is stored, bytes that are none make it fail', async () => {
    const world = await open();
    await submit(world, writePulse(world, { pulses: [{ ...ourPulse(1000) }] }));
    world.net.sealBlocks(1);
    expect(await eventsOf(world)).toEqual(['system.ExtrinsicSuccess']);
    const none = '0xb0a8b04e009cf72534321aca0f50048da596a3feec1172a0244d9a4a623a3123d0402da79854d4c705e94bc73224c341';
    for (const signature of [none, realPulse.signature.slice(0, -2)]) {
      await submit(world, writePulse(world, { pulses: [{ ...realPulse, signature }] }));
      world.net.sealBlocks(1);
      expect(await eventsOf(world)).toEqual(['system.ExtrinsicFailed']);
    }
    expect(await lastRound(world)).toBe(0);
    await submit(world, writePulse(world, { pulses: [{ ...realPulse, signature: `${realPulse.signature}00` }] }));
    world.net.sealBlocks(1);
    expect(await lastRound(world)).toBe(1000);
  });

  it('has the tag and the priority of the pallet, so that one of a round waits, and earlier rounds go first', async () => {
    const world = await open();
    followOurs(world);
    const [later, earlier] = [writePulse(world, { pulses: [ourPulse(2_000_010)] }), writePulse(world, { pulses: [ourPulse(2_000_000)] })];
    const priority = (1n << 64n) - 1n - 2_000_010n + (1n << 20n);
    expect(await validity(world, later)).toEqual({ priority, rest: { requires: [], provides: [tagOf(2_000_010)], longevity: 3, propagate: false } });
    await submit(world, later);
    await submit(world, earlier);
    expect(await failureOf(submit(world, writePulse(world, { pulses: [ourPulse(2_000_010)], pair: pairOf('//Charlie') })))).toMatch(/1014/);
    expect(await failureOf(submit(world, later))).toMatch(/1013/);
    world.net.sealBlocks(1);
    const { block } = await world.api.rpc.chain.getBlock();
    expect(block.extrinsics.slice(1).map((extrinsic) => extrinsic.toHex())).toEqual([earlier.toHex(), later.toHex()]);
    expect([await lastRound(world), await read(world.api, 'drand', 'pulses', [2_000_000])]).toEqual([2_000_010, ourPulse(2_000_000)]);
  });

  it('waits for three blocks, and no longer than its round is new', async () => {
    const world = await open();
    followOurs(world);
    await submit(world, writePulse(world, { pulses: [ourPulse(5)] }));
    // A block without transactions does not take it.
    for (const waiting of [1, 1, 0]) {
      world.net.fund(author.address, 1n);
      expect(await world.api.rpc.author.pendingExtrinsics()).toHaveLength(waiting);
    }
    await submit(world, writePulse(world, { pulses: [ourPulse(6)] }));
    world.net.setStorage([{ pallet: 'Drand', item: 'LastStoredRound', keys: [], value: 6 }]);
    expect(await world.api.rpc.author.pendingExtrinsics()).toHaveLength(0);
  });

  it('costs nothing, and can be tried without', async () => {
    const world = await open();
    const call = writePulse(world, { pulses: [realPulse] });
    expect(await ask(world.net.endpoint, 'payment_queryInfo', call.toHex())).toMatchObject({ partialFee: '0', class: 'normal' });
    expect(await ask(world.net.endpoint, 'payment_queryFeeDetails', call.toHex())).toEqual({ inclusionFee: null });
    expect(await ask(world.net.endpoint, 'system_dryRun', call.toHex())).toBe('0x0000');
  });

  it('waits again in a reorganisation that replaces its block', async () => {
    const world = await open({ finalityLagBlocks: 3 });
    await submit(world, writePulse(world, { pulses: [realPulse] }));
    world.net.sealBlocks(1);
    world.net.reorganize(1);
    expect(await lastRound(world)).toBe(1000);
  });

  it('is as the block author writes it', async () => {
    const world = await open({ beacon: 'built-in', genesisTimeMs: 0, blockTimeMs: 3_000 });
    world.net.sealBlocks(1);
    const { block } = await world.api.rpc.chain.getBlock();
    expect(await failureOf(submit(world, block.extrinsics[1] as unknown as Call))).toMatch(/1010.*outdated/);
    world.net.setStorage([{ pallet: 'Drand', item: 'LastStoredRound', keys: [], value: 0 }]);
    expect(await submit(world, block.extrinsics[1] as unknown as Call)).toMatch(/^0x/);
  });
});

describe('set_beacon_config', () => {
  it('of root sets the key that pulses are verified with, and ends the chain’s own', async () => {
    const world = await open({ beacon: 'built-in', genesisTimeMs: 0, instantSeal: true });
    const before = await lastRound(world);
    expect(await sudo(world.api, setConfig(world, { isSigned: false }))).toBeUndefined();
    expect(await read(world.api, 'drand', 'beaconConfig')).toEqual(OUR_CONFIG);
    const last = Number(await lastRound(world));
    expect([last, await read(world.api, 'drand', 'nextUnsignedAt')]).toEqual([expect.any(Number), world.net.blockNumber() + 1]);
    expect(last).toBeGreaterThan(Number(before));
    world.net.sealBlocks(2);
    expect(await lastRound(world)).toBe(last);
    await submit(world, writePulse(world, { pulses: [ourPulse(last + 7)] }));
    await expect.poll(() => lastRound(world)).toBe(last + 7);
    await world.net.jump(2, { skipPulses: true });
    expect(await lastRound(world)).toBe(last + 7);
  });

  it('takes no more pulses of quicknet by the controls then', async () => {
    const world = await open({ instantSeal: true });
    expect(await sudo(world.api, setConfig(world))).toBeUndefined();
    await expect(world.net.givePulses([QUICKNET_PULSE])).rejects.toMatchObject({ code: 'bad-control', message: expect.stringMatching(/another beacon's key/) as string });
  });

  it('unsigned waits in the pool and fails in its block, signed fails for who is not root', async () => {
    const world = await open();
    const call = setConfig(world, { blockNumber: 1 });
    expect(await validity(world, call)).toMatchObject({ priority: 1n << 20n, rest: { requires: [], longevity: 1, propagate: true } });
    expect(await failureOf(submit(world, setConfig(world, { isSigned: false })))).toMatch(/1010.*Invalid signing address/);
    expect(await failureOf(submit(world, setConfig(world, { blockNumber: 2 })))).toMatch(/1010.*valid in the future/);
    await submit(world, call);
    world.net.sealBlocks(1);
    expect(await eventsOf(world)).toEqual(['system.ExtrinsicFailed']);
    world.net.setBlockMode({ type: 'instant' });
    expect((await send(world.api, setConfig(world), author)).error).toBe('BadOrigin');
    expect((await send(world.api, writePulse(world, { pulses: [realPulse] }), author)).error).toBe('BadOrigin');
    expect(await sudo(world.api, setConfig(world))).toBeUndefined();
    expect(await failureOf(submit(world, setConfig(world, { blockNumber: 1 })))).toMatch(/1010.*outdated/);
  });

  it('with a key that is none makes every pulse fail', async () => {
    const world = await open({ instantSeal: true });
    world.net.setStorage([{ pallet: 'Drand', item: 'BeaconConfig', keys: [], value: { public_key: '0x00', period: 3, genesis_time: 0, hash: '0x', group_hash: '0x', scheme_id: '0x', metadata: { beacon_id: '0x' } } }]);
    world.net.setBlockMode({ type: 'manual' });
    await submit(world, writePulse(world, { pulses: [realPulse] }));
    world.net.sealBlocks(1);
    expect(await eventsOf(world)).toEqual(['system.ExtrinsicFailed']);
  });
});
