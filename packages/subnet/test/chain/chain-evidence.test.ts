import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import * as fc from 'fast-check';
import { encodeChainEvidence, MAX_EVIDENCE_BYTES, openChainEvidence, parseChainEvidence, type ChainEvidence, type EvidenceTrust } from '../../src/chain-evidence.ts';
import type { SnapshotPhase } from '../../src/chain-reader.ts';
import { encodeCycleRecord, parseCycleRecord, type CycleRecord } from '../../src/cycle-record.ts';
import { isSubnetError } from '../../src/error.ts';
import { verifyCycle } from '../../src/verify-cycle.ts';
import { playProvenCycle, type ProvenCycle } from './proven-cycle.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

let played: ProvenCycle;
let evidence: ChainEvidence;
let trust: EvidenceTrust & { readonly record: CycleRecord };

// From here on there is no chain.
beforeAll(async () => {
  played = await playProvenCycle('evidence');
  evidence = parseChainEvidence(readFileSync(join(played.directory, 'cycles', '0', 'evidence.json')));
  trust = { record: parseCycleRecord(played.record), store: played.store, publishBlock: played.publishBlock };
});
afterAll(() => played?.remove());

/** The evidence with other bytes in one phase's part, under their own hash. */
async function withPart(phase: SnapshotPhase, part: 'snapshot' | 'metadata', change: (bytes: Uint8Array) => Uint8Array): Promise<ChainEvidence> {
  const kept = evidence.phases[phase];
  if (kept === undefined) throw new TypeError(`no evidence of ${phase}`);
  const bytes = change(await played.store.getBytes({ ...kept[part], maxBytes: 1e8 }));
  return { ...evidence, phases: { ...evidence.phases, [phase]: { ...kept, [part]: await played.store.put(bytes) } } };
}

async function refusal(index: ChainEvidence, change: Partial<EvidenceTrust> = {}): Promise<unknown> {
  try {
    await openChainEvidence(index, { ...trust, ...change });
  } catch (error) {
    if (isSubnetError(error, 'invalid-evidence')) return error.context;
    throw error;
  }
  return 'none';
}

const verify = async (record: Uint8Array = played.record, change: Partial<EvidenceTrust> = {}) => verifyCycle({ record, manifest: played.manifest, sheets: played.sheets, snapshots: await openChainEvidence(evidence, { ...trust, ...change }) });
const named = (checks: ReturnType<typeof verifyCycle>['checks'], outcome: string) => checks.filter((check) => check.outcome === outcome).map(({ name }) => name);

describe('chain evidence', () => {
  it('shows without a chain what a node had shown, and passes every check', async () => {
    expect(await openChainEvidence(evidence, trust)).toEqual(played.read);
    const { checks } = await verify();
    expect(named(checks, 'passed')).toHaveLength(12);
  });

  it('fails a record that says something else than the chain did', async () => {
    const [first, ...others] = trust.record.sheets;
    const richer = encodeCycleRecord({ ...trust.record, sheets: [{ ...(first as CycleRecord['sheets'][number]), stakeRao: String(BigInt(first?.stakeRao ?? 0) + 1n) }, ...others] });
    expect(named((await verify(richer)).checks, 'failed')).toEqual(['counted-sheets', 'majority']);
    const emptied = encodeCycleRecord({ ...trust.record, miners: trust.record.miners.map((each) => ({ ...each, artifact: null })) });
    expect(named((await verify(emptied)).checks, 'failed')).toEqual(['participants', 'miners', 'majority']);
  });

  it("leaves the publish phase closed while its block is on the keeper's word only", async () => {
    const { checks, isSound } = await verify(played.record, { publishBlock: undefined });
    expect([named(checks, 'unchecked'), isSound]).toEqual([['majority'], true]);
    expect(await refusal(evidence, { publishBlock: `0x${'12'.repeat(32)}` })).toEqual({ phase: 'publish', reason: 'other-block' });
  });

  it('does not take a block after a phase for its end', async () => {
    const { commit } = trust.record.snapshots;
    const late = { number: played.read.publish.block.blockNumber, hash: played.publishBlock.slice(2) };
    const record = { ...trust.record, snapshots: { commit, score: late } };
    const snapshots = await openChainEvidence({ ...evidence, phases: { score: evidence.phases.publish as NonNullable<typeof evidence.phases.publish> } }, { ...trust, record });
    const { checks } = verifyCycle({ record: encodeCycleRecord(record), manifest: played.manifest, sheets: played.sheets, snapshots });
    expect(checks.find(({ name }) => name === 'quorum')).toMatchObject({ outcome: 'failed', detail: expect.stringMatching(/the score phase was over/) as unknown });
  });

  it('refuses snapshots that were changed or swapped, by phase and reason', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const index = await withPart('score', 'snapshot', (bytes) => bytes.map((byte, offset) => (offset === at % bytes.length ? byte ^ change : byte)));
        expect(await refusal(index)).toEqual({ phase: 'score', reason: expect.stringMatching(/^(malformed|other-block|other-subnet|too-large|too-many-nodes|malformed-node|missing-node|unused-node|duplicate-node)$/) as unknown });
      }),
      { numRuns: 12 },
    );
    const { commit, score } = evidence.phases;
    expect(await refusal({ ...evidence, phases: { commit: score, score: commit } as ChainEvidence['phases'] })).toEqual({ phase: 'commit', reason: 'other-block' });
    expect(await refusal(await withPart('commit', 'metadata', (bytes) => bytes.slice(0, 99)))).toEqual({ phase: 'commit', reason: 'bad-metadata' });
    const renamed = await withPart('commit', 'metadata', (bytes) => new Uint8Array(Buffer.from(Buffer.from(bytes).toString('latin1').replaceAll('Commitments', 'Kommitments'), 'latin1')));
    expect(await refusal(renamed)).toEqual({ phase: 'commit', reason: 'bad-metadata' });
  });

  it('refuses evidence of another cycle, subnet or chain', async () => {
    for (const change of [{ cycle: 1 }, { netuid: 99 }, { genesis: '12'.repeat(32) }]) expect(await refusal({ ...evidence, ...change })).toEqual({ reason: 'other-cycle' });
    const other = await playProvenCycle('another chain');
    try {
      const foreign = parseChainEvidence(readFileSync(join(other.directory, 'cycles', '0', 'evidence.json')));
      expect(await refusal(foreign, { store: other.store })).toEqual({ reason: 'other-cycle' });
      expect(await refusal({ ...foreign, genesis: evidence.genesis }, { store: other.store })).toEqual({ phase: 'commit', reason: 'other-block' });
    } finally {
      other.remove();
    }
  });

  it('is refused where it is none, and round-trips', () => {
    expect(parseChainEvidence(encodeChainEvidence(evidence))).toEqual(evidence);
    const none = [new Uint8Array(), Uint8Array.of(0xff), new Uint8Array(MAX_EVIDENCE_BYTES + 1), new TextEncoder().encode('{}'), new TextEncoder().encode(JSON.stringify({ ...evidence, more: 1 }))];
    for (const bytes of none) expect(() => parseChainEvidence(bytes)).toThrow(expect.objectContaining({ code: 'invalid-evidence' }));
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void expect(() => parseChainEvidence(bytes)).toThrow(expect.objectContaining({ code: 'invalid-evidence' }))));
  });

  it('costs a notice where the node proves nothing or the disk takes nothing, and has its metadata once', () => {
    expect(played.reports.map(({ kind }) => kind)).toEqual(['evidence-kept', 'notice', 'notice', 'evidence-kept']);
    expect(played.reports[1]).toMatchObject({ message: expect.stringMatching(/cycle 0: no evidence of the end of publish was kept \(.*state_getReadProof/) as unknown });
    const { commit, score, publish } = evidence.phases;
    expect(new Set([commit, score, publish].map((phase) => phase?.metadata.sha256)).size).toBe(1);
  });
});
