/**
 * Snapshots: one block and the whole state after it, from which a chain can go on.
 *
 * A file is JSON, so that any language can read or make one: `{ format, checksum, blockTimeMs, genesis, parent, head, state, waitingPulses }`, where blocks are
 * `{ hash, header, timestampMs, extrinsics }` and state maps keys to values, bytes as `0x…` (hashes in headers without `0x`); `waitingPulses`, where there are any, is a list of
 * `[round, signature]`. The checksum is the BLAKE2b of the text of `[blockTimeMs, genesis, parent, head, state]`, and `waitingPulses` where there are any, without white space. The
 * file is written under another name and renamed when it is whole.
 * @module
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import type { WaitingPulse } from './beacon.ts';
import { hashHeader, type Block } from './block.ts';
import { MAX_WAITING_PULSES } from './drand-beacon.ts';
import { LocalnetError } from './errors.ts';
import { blake2, fromHex, parseHex, toHex } from './hex.ts';
import { stateRootOf } from './state-tries.ts';

/** A block and the state after it. */
export interface Snapshot {
  readonly genesis: Block;
  /** The block before, whose header clients look at. */
  readonly parent: Block | undefined;
  readonly head: Block;
  readonly blockTimeMs: number;
  readonly state: ReadonlyMap<string, Uint8Array>;
  /** Pulses that wait for their blocks, in order (none). */
  readonly waitingPulses?: readonly WaitingPulse[];
}

const FORMAT = 'connito-localnet-snapshot/1';

interface BlockJson {
  readonly hash: string;
  readonly header: Block['header'];
  readonly timestampMs: number;
  readonly extrinsics: readonly string[];
}

/** Writes a snapshot so that the file is either whole or what it was before. */
export function writeSnapshotFile(path: string, { genesis, parent, head, blockTimeMs, state, waitingPulses = [] }: Snapshot): void {
  const waiting = waitingPulses.length === 0 ? {} : { waitingPulses: waitingPulses.map(({ round, signature }) => [round, `0x${toHex(signature)}`]) };
  const content = { ...waiting, blockTimeMs, genesis: blockJson(genesis), parent: parent === undefined ? null : blockJson(parent), head: blockJson(head), state: Object.fromEntries([...state].map(([key, value]) => [`0x${key}`, `0x${toHex(value)}`])) };
  const partial = `${path}.${process.pid}.partial`;
  const file = openSync(partial, 'w');
  try {
    writeSync(file, JSON.stringify({ format: FORMAT, checksum: checksumOf(content), ...content }));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(partial, path);
}

/** Reads a snapshot file. @throws bad-snapshot */
export function readSnapshotFile(path: string): Snapshot {
  const found = parse(path);
  const { format, checksum, blockTimeMs, genesis, parent, head, state, waitingPulses } = found;
  if (format !== FORMAT) throw badSnapshot(path, `its format is ${JSON.stringify(format)?.slice(0, 60)}, expected "${FORMAT}"`);
  if (checksum !== checksumOf({ blockTimeMs, genesis, parent, head, state, waitingPulses })) throw badSnapshot(path, 'its checksum does not fit its content, so it is torn or was changed');
  if (!Number.isSafeInteger(blockTimeMs) || (blockTimeMs as number) < 1) throw badSnapshot(path, 'blockTimeMs is not a whole number of milliseconds');
  const snapshot = { genesis: blockFrom(path, genesis), parent: parent === null ? undefined : blockFrom(path, parent), head: blockFrom(path, head), blockTimeMs: blockTimeMs as number, state: stateFrom(path, state), waitingPulses: pulsesFrom(path, waitingPulses) };
  if (stateRootOf(snapshot.state) !== snapshot.head.header.stateRoot) throw badSnapshot(path, "its state is not the one that its block's header tells of");
  return snapshot;
}

function parse(path: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw badSnapshot(path, `it cannot be read (${(cause as NodeJS.ErrnoException).code})`, cause);
  }
  try {
    const value = JSON.parse(text) as unknown;
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (cause) {
    throw badSnapshot(path, 'it is not whole JSON, so it is torn or something else', cause);
  }
  throw badSnapshot(path, 'it is not a JSON object');
}

type Content = Record<'blockTimeMs' | 'genesis' | 'parent' | 'head' | 'state', unknown> & { readonly waitingPulses?: unknown };

function checksumOf({ blockTimeMs, genesis, parent, head, state, waitingPulses }: Content): string {
  const content = [blockTimeMs, genesis, parent, head, state, ...(waitingPulses === undefined ? [] : [waitingPulses])];
  return `0x${toHex(blake2(Buffer.from(JSON.stringify(content))))}`;
}

function blockJson({ hash, header, timestampMs, extrinsics }: Block): BlockJson {
  return { hash: `0x${hash}`, header, timestampMs, extrinsics: extrinsics.map((extrinsic) => `0x${toHex(extrinsic)}`) };
}

function blockFrom(path: string, value: unknown): Block {
  const { hash, header, timestampMs, extrinsics } = (value ?? {}) as Partial<BlockJson>;
  const bytes = Array.isArray(extrinsics) ? extrinsics.map(parseHex) : [undefined];
  const hashed = typeof header === 'object' && header !== null ? hashOf(header) : undefined;
  if (hashed === undefined || hash !== `0x${hashed}` || !Number.isSafeInteger(timestampMs) || bytes.includes(undefined)) {
    throw badSnapshot(path, 'a block in it is not one');
  }
  return { hash: hashed, header: header as Block['header'], timestampMs: timestampMs as number, extrinsics: bytes as Uint8Array[] };
}

function hashOf(header: Block['header']): string | undefined {
  const hashes = [header.parentHash, header.stateRoot, header.extrinsicsRoot];
  const sound = hashes.every((hash) => typeof hash === 'string' && /^[0-9a-f]{64}$/.test(hash)) && Number.isSafeInteger(header.number) && header.number >= 0 && header.number <= 0xffff_ffff;
  return sound ? hashHeader(header) : undefined;
}

function stateFrom(path: string, value: unknown): Map<string, Uint8Array> {
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  const state = new Map<string, Uint8Array>();
  for (const [key, hex] of entries.sort(([a], [b]) => (a < b ? -1 : 1))) {
    const bytes = parseHex(hex);
    if (!/^0x([0-9a-f]{2}){1,512}$/.test(key) || bytes === undefined) throw badSnapshot(path, `its state has an entry that is not bytes under a key: ${key.slice(0, 80)}`);
    state.set(toHex(fromHex(key.slice(2))), bytes);
  }
  if (state.size === 0) throw badSnapshot(path, 'it has no state');
  return state;
}

/** They are believed as the state is, which could hold the same pulses. */
function pulsesFrom(path: string, value: unknown = []): WaitingPulse[] {
  if (!Array.isArray(value) || value.length > MAX_WAITING_PULSES) throw badSnapshot(path, `its waitingPulses are no list of at most ${MAX_WAITING_PULSES}`);
  const pulses = value.map((pulse: unknown) => {
    const [round, hex] = Array.isArray(pulse) ? (pulse as unknown[]) : [];
    const signature = parseHex(hex);
    return { round: Number.isSafeInteger(round) ? (round as number) : 0, signature: signature?.length === 48 ? signature : undefined };
  });
  const isSound = ({ round, signature }: (typeof pulses)[number], index: number): boolean => signature !== undefined && round > (pulses[index - 1]?.round ?? 0);
  if (!pulses.every(isSound)) throw badSnapshot(path, 'its waitingPulses are not [round, signature of 48 bytes] in the order of their rounds');
  return pulses as WaitingPulse[];
}

function badSnapshot(path: string, problem: string, cause?: unknown): LocalnetError {
  return new LocalnetError('bad-snapshot', `${path} is no snapshot of a localnet that can be used: ${problem}. Take it again, or give another file.`, { context: { path }, ...(cause === undefined ? {} : { cause }) });
}
