/**
 * Writes this role's one on-chain record, unless it already stands there, and says so when it came too late to count.
 *
 * @module
 */
import { phaseWindow, readBlock, readCommitments, setCommitment, type Phase } from '@connito/chain';
import { encodeRecord, equalBytes, type ChainRecord } from '@connito/commit-reveal';
import { chainTimeMs } from './chain-reader.ts';
import type { RoleContext } from './context.ts';
import { SubnetError } from './error.ts';

/** A record and the phase that it must stand in to count. */
export interface DatedRecord {
  readonly cycle: number;
  readonly phase: Phase;
  readonly record: ChainRecord;
}

/**
 * Writes a record within its phase; returns the block that has it.
 *
 * @throws SubnetError `late` when the phase has ended before the record stood in a block; then it counts for nobody
 */
export async function commitInPhase(context: RoleContext, { cycle, phase, record }: DatedRecord): Promise<number> {
  const { endMs } = phaseWindow(context.timetable.schedule, cycle, phase);
  const assertInTime = (timeMs: number): void => {
    if (timeMs >= endMs) throw new SubnetError('late', `The ${record.kind} record of cycle ${cycle} comes after the end of its ${phase} phase and does not count. This machine is too slow for the schedule, or the chain stalled`, { cycle, phase });
  };
  const fields = encodeRecord(record);
  const standing = await findStanding(context, fields);
  if (standing === undefined) assertInTime(await chainTimeMs(context));
  const blockNumber = standing ?? (await send(context, fields));
  assertInTime((await readBlock(context.chain, blockNumber)).timestampMs);
  return blockNumber;
}

type Writer = Pick<RoleContext, 'chain' | 'manifest' | 'keypair'>;

/** Writes a record at any time; returns the block that has it. */
export async function ensureCommitted(writer: Writer, fields: readonly Uint8Array[]): Promise<number> {
  return (await findStanding(writer, fields)) ?? (await send(writer, fields));
}

async function findStanding({ chain, manifest, keypair }: Writer, fields: readonly Uint8Array[]): Promise<number | undefined> {
  const { hash } = await chain.finalisedHead();
  const standing = (await readCommitments(chain, { netuid: manifest.netuid, at: hash })).get(keypair.hotkey);
  return standing && sameFields(standing.fields, fields) ? standing.blockNumber : undefined;
}

async function send({ chain, manifest, keypair }: Writer, fields: readonly Uint8Array[]): Promise<number> {
  return (await setCommitment(chain, { netuid: manifest.netuid, fields, signer: keypair })).blockNumber;
}

function sameFields(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.length === b.length && a.every((field, index) => equalBytes(field, b[index] ?? new Uint8Array()));
}
