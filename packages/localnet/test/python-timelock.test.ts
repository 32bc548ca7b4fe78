/**
 * Weights that the unmodified Python SDKs seal to drand's quicknet, revealed by localnet with the real pulse. The SDKs take the round from the clock, so they run
 * with one that stands still (libfaketime), at a moment for which they come to round 1000, whose signature `vectors/quicknet-commit.json` has. In `npm run
 * test:slow`, where `PYTHON_BITTENSOR_10` or `…_11` and `LIBFAKETIME` say where those are.
 */
import { QUICKNET, roundTimeMs } from '@connito/commit-reveal';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { makeSubnet, openWorld, pairOf, read, send, sudo, TAO, tx, type World } from './support.ts';

const { round, signature } = JSON.parse(readFileSync(new URL('vectors/quicknet-commit.json', import.meta.url), 'utf8')) as { round: number; signature: string };
const BLOCK_MS = 12_000;
const TEMPO = 20;
/** `SECURITY_BLOCK_OFFSET` of bittensor-drand: so many blocks behind the first of the epoch that reveals. */
const OFFSET_BLOCKS = 3;
/** bittensor-drand counts from 0 at quicknet's genesis, so it comes to a round one period after it is due. */
const SDK_ROUND_MS = roundTimeMs(QUICKNET, round + 1);

const slow = process.env['CONNITO_SLOW'] !== undefined;
const { LIBFAKETIME: fakeTime, PYTHON_BITTENSOR_10: python10, PYTHON_BITTENSOR_11: python11 } = process.env;
if (slow && fakeTime === undefined) console.warn("SKIPPED: the SDKs' timelocked weights; set LIBFAKETIME to libfaketime.so.1 (see test/python/requirements-10.txt).");

/** A subnet with commit-reveal on which //Bob has a permit, in the block after an epoch. */
async function openSubnet(epochModel: 'modulo' | 'stateful'): Promise<{ world: World; netuid: number }> {
  const world = await openWorld({ beacon: 'quicknet', beaconPeriodMs: QUICKNET.periodMs, epochModel, genesisTimeMs: SDK_ROUND_MS - 200 * BLOCK_MS });
  const { api, net } = world;
  const netuid = await makeSubnet(api);
  const hotkey = pairOf('//Bob//hotkey').address;
  await send(api, tx(api, 'subtensorModule', 'burnedRegister', netuid, hotkey), pairOf('//Bob'));
  await send(api, tx(api, 'subtensorModule', 'addStake', hotkey, netuid, 100n * TAO), pairOf('//Bob'));
  expect(await sudo(api, tx(api, 'adminUtils', 'sudoSetCommitRevealWeightsEnabled', netuid, true))).toBeUndefined();
  expect(await sudo(api, tx(api, 'adminUtils', 'sudoSetTempo', netuid, TEMPO))).toBeUndefined();
  await net.jumpToEpoch(netuid);
  return { world, netuid };
}

/** The first block of the next epoch. */
async function nextEpoch({ api, net }: World, { netuid, epochModel }: { netuid: number; epochModel: 'modulo' | 'stateful' }): Promise<number> {
  if (epochModel === 'stateful') return Number(await read(api, 'subtensorModule', 'lastEpochBlock', [netuid])) + TEMPO;
  const length = TEMPO + 1;
  return (Math.floor((net.blockNumber() + netuid + 1) / length) + 1) * length - (netuid + 1);
}

async function runAt(timeMs: number, { python, script, args }: { python: string; script: string; args: readonly string[] }): Promise<Record<string, { value?: unknown; error?: string }>> {
  const clock = { LD_PRELOAD: fakeTime, TZ: 'UTC', FAKETIME: new Date(timeMs).toISOString().slice(0, 19).replace('T', ' '), FAKETIME_DONT_FAKE_MONOTONIC: '1' };
  const path = fileURLToPath(new URL(`python/${script}`, import.meta.url));
  const { stdout } = await promisify(execFile)(python, [path, ...args], { env: { ...process.env, ...clock }, maxBuffer: 2 ** 24, timeout: 300_000 });
  return JSON.parse(stdout.trim().split('\n').at(-1) as string) as Record<string, { value?: unknown; error?: string }>;
}

const SDKS = [
  { sdk: '10.2.0', python: python10, script: 'timelocked10.py', epochModel: 'modulo' },
  { sdk: '11.3.0', python: python11, script: 'timelocked11.py', epochModel: 'stateful' },
] as const;

describe.each(SDKS)('timelocked weights of the Python SDK $sdk', ({ python = '', script, epochModel }) => {
  it.runIf(slow && python !== '' && fakeTime !== undefined)('are revealed by the pulse of quicknet, as the SDK set them', { timeout: 300_000 }, async () => {
    const { world, netuid } = await openSubnet(epochModel);
    const { api, net } = world;
    const first = await nextEpoch(world, { netuid, epochModel });
    const nowMs = SDK_ROUND_MS - (first + OFFSET_BLOCKS - (net.blockNumber() + 1)) * BLOCK_MS;
    net.setNextTime(nowMs);
    net.sealBlocks(1);
    const steps = await runAt(nowMs, { python, script, args: [net.endpoint, String(netuid)] });
    expect(Object.values(steps).map(({ error }) => error)).toEqual(Object.keys(steps).map(() => undefined));
    expect(steps['set weights']?.value).toBe(true);
    const commits = (await api.query['subtensorModule']?.['timelockedWeightCommits']?.entries(netuid))?.flatMap(([, value]) => value.toJSON() as [string, number, string, number][]);
    expect(commits?.map(([who, , , revealRound]) => [who, revealRound])).toEqual([[pairOf('//Bob//hotkey').address, round]]);
    net.sealBlocks(first + OFFSET_BLOCKS - net.blockNumber());
    expect(net.timestampMs()).toBeGreaterThanOrEqual(roundTimeMs(QUICKNET, round));
    expect(await read(api, 'subtensorModule', 'weights', [netuid, 1])).toEqual([]);
    await net.givePulses([{ round, signature }]);
    net.sealBlocks(2);
    expect(await read(api, 'subtensorModule', 'weights', [netuid, 1])).toEqual([[0, 16_384], [1, 65_535]]);
    await world.close();
  });
});
