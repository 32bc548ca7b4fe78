import { connectChain, openKeypair, phaseWindow, readCommitments, registerNetwork, type Chain } from '@connito/chain';
import { decodeRecord, type ChainRecord } from '@connito/commit-reveal';
import { startLocalnet, type Localnet } from '@connito/localnet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commitInPhase } from '../src/commitment-writer.ts';
import type { RoleContext } from '../src/context.ts';
import { exampleManifest } from './example-manifest.ts';

const keypair = openKeypair('//Bob');
const record: ChainRecord = { kind: 'sheet', cycle: 0, sheetSha256: new Uint8Array(32).fill(5) };

let localnet: Localnet;
let chain: Chain;
let netuid = 0;

beforeAll(async () => {
  localnet = await startLocalnet({ seed: 'commitment-writer', commitRevealWeights: false });
  chain = await connectChain({ endpoint: localnet.endpoint });
  ({ netuid } = await registerNetwork(chain, { hotkey: keypair.hotkey, signer: openKeypair('//Alice') }));
});
afterAll(async () => {
  await chain.close();
  await localnet.close();
});

/** A role whose score phase of cycle 0 ends so long after the chain's present time. */
async function contextWith(remainingMs: number): Promise<RoleContext> {
  const schedule = { ...exampleManifest.schedule, t0Ms: 0 };
  const { timestampMs } = await chain.finalisedHead();
  const t0Ms = timestampMs + remainingMs - phaseWindow(schedule, 0, 'score').endMs;
  return { chain, keypair, manifest: { ...exampleManifest, netuid }, timetable: { schedule: { ...schedule, t0Ms } } } as unknown as RoleContext;
}

const dated = { cycle: 0, phase: 'score', record } as const;

describe('commitInPhase', () => {
  it('refuses what comes after the end of the phase, and writes nothing', async () => {
    await expect(commitInPhase(await contextWith(0), dated)).rejects.toMatchObject({ code: 'late', context: { cycle: 0, phase: 'score' } });
    expect((await readCommitments(chain, { netuid })).get(keypair.hotkey)).toBeUndefined();
  });

  it('says so when the block that has it is stamped after the end', async () => {
    await expect(commitInPhase(await contextWith(1), { ...dated, record: { ...record, cycle: 1 } })).rejects.toMatchObject({ code: 'late' });
  });

  it('writes it once, and takes the one that stands as in time however late it is asked again', async () => {
    const context = await contextWith(60_000);
    const blockNumber = await commitInPhase(context, dated);
    expect(decodeRecord((await readCommitments(chain, { netuid })).get(keypair.hotkey)?.fields ?? [])).toEqual(record);
    localnet.sealBlocks(10);
    expect(await commitInPhase(context, dated)).toBe(blockNumber);
  });
});
