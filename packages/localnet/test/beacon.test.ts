import { firstRoundAt, pulseRandomness, verifyPulse, type Beacon } from '@connito/commit-reveal';
import { decodeScale, encodeScale } from '../src/scale/codec.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorld, read, sudo, tx, type World } from './support.ts';

const GENESIS_MS = 1_767_225_600_000;
let world: World;
beforeAll(async () => {
  world = await openWorld({ beaconPeriodMs: 3_000 });
});
afterAll(() => world.close());

interface PulseJson {
  readonly round: number;
  readonly randomness: string;
  readonly signature: string;
}
const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.slice(2), 'hex'));

async function beaconOf(): Promise<Beacon> {
  const config = (await read(world.api, 'drand', 'beaconConfig')) as { publicKey: string; genesisTime: number; period: number };
  return { publicKey: bytes(config.publicKey), genesisTimeMs: config.genesisTime * 1000, periodMs: config.period * 1000 };
}

async function pulseOf(round: number): Promise<PulseJson | null> {
  return (await read(world.api, 'drand', 'pulses', [round])) as PulseJson | null;
}

describe('the beacon', () => {
  it('writes each round in the block whose time has reached it', async () => {
    const beacon = await beaconOf();
    expect(beacon).toMatchObject({ genesisTimeMs: GENESIS_MS, periodMs: 3_000 });
    world.net.sealBlocks(2);
    expect(await read(world.api, 'drand', 'lastStoredRound')).toBe(9);
    expect(await read(world.api, 'drand', 'oldestStoredRound')).toBe(1);
    const first = (await world.api.rpc.chain.getBlockHash(1)).toHex();
    expect(await read(world.api, 'drand', 'lastStoredRound', [], first)).toBe(5);
    const round = firstRoundAt(beacon, GENESIS_MS + 12_001);
    expect(round).toBe(6);
    expect(await read(world.api, 'drand', 'pulses', [round], first)).toBeNull();
    expect((await pulseOf(round))?.round).toBe(6);
    expect(await pulseOf(10)).toBeNull();
  });

  it('signs with the key of BeaconConfig, as drand does', async () => {
    const beacon = await beaconOf();
    for (const round of [1, 7]) {
      const pulse = (await pulseOf(round)) as PulseJson;
      const signature = bytes(pulse.signature);
      expect(verifyPulse(beacon, { round, signature })).toBe(true);
      expect(verifyPulse(beacon, { round: round + 1, signature })).toBe(false);
      expect(bytes(pulse.randomness)).toEqual(pulseRandomness(signature));
    }
  });

  it('has another key for another seed', async () => {
    const other = await openWorld({ seed: 'other' });
    expect(await read(other.api, 'drand', 'beaconConfig')).not.toEqual(await read(world.api, 'drand', 'beaconConfig'));
    await other.close();
  });

  it('writes each in an unsigned extrinsic that anyone can decode', async () => {
    const { block } = await world.api.rpc.chain.getBlock(await world.api.rpc.chain.getBlockHash(2));
    expect(block.extrinsics.length).toBe(1 + 4);
    const extrinsic = block.extrinsics[1];
    expect(`${extrinsic?.method.section}.${extrinsic?.method.method} ${extrinsic?.isSigned}`).toBe('drand.writePulse false');
    const payload = extrinsic?.method.args[0]?.toJSON() as { pulses: unknown[] };
    expect(payload.pulses.length).toBe(1);
    const call = decodeScale('RuntimeCall', extrinsic?.method.toU8a() as Uint8Array);
    expect(encodeScale('RuntimeCall', call)).toEqual(extrinsic?.method.toU8a());
  });

  it('lets root, and nobody else, say what the oldest round is', async () => {
    expect(await sudo(world.api, tx(world.api, 'drand', 'setOldestStoredRound', 3))).toBeUndefined();
    expect(await read(world.api, 'drand', 'oldestStoredRound')).toBe(3);
  });
});
