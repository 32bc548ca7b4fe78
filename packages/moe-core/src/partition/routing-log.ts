/**
 * A compact log of who was routed where, three bytes per entry: what a worker writes while text goes through a model, and what relevance,
 * co-activation and groups are computed from. ROUTING-LOG.md beside the README is the format, byte by byte.
 *
 * Weights are whole multiples of 1 / `weightUnits`. With 10,000 units the published text logs are carried over exactly; for routers whose
 * weights do not exceed 1, 65,535 is the finest.
 * @module
 */
import { fromBytes, type ByteSource } from '../safetensors/byte-source.ts';
import { MoeError } from '../errors.ts';
import { openRelevanceTally, type ExpertRelevance, type LayerRouting } from './expert-relevance.ts';

/** What a log says about itself. */
export interface RoutingLogHeader {
  /** E, up to 65,536. Up to 256 an id takes one byte, above two. */
  readonly experts: number;
  /** K */
  readonly expertsPerToken: number;
  /** Units that make a weight of 1, from 1 to 2^24; the largest weight is 65,535 units. */
  readonly weightUnits: number;
  /** Layers that samples may name, ascending. */
  readonly layers: readonly number[];
}

/** A log that is open for reading. */
export interface RoutingLog {
  readonly header: RoutingLogHeader;
  /** Every sample in the order written; arrays are the caller's. Each call reads from the start. @throws routing-log-invalid */
  samples(): AsyncGenerator<RoutingSample, void, undefined>;
}

/** Tokens of one forward pass in one layer, `[T, K]`. */
export interface RoutingSample extends LayerRouting {
  readonly ids: Uint8Array | Uint16Array;
  readonly weights: Float64Array;
}

/** As in PNG: a byte that is no text, line breaks that a transfer as text would change, an end of file for old shells. */
const MAGIC = Uint8Array.of(0x89, 0x43, 0x52, 0x4c, 0x0d, 0x0a, 0x1a, 0x0a);
const VERSION = 1;
const FIXED_HEADER_BYTES = 28;
const RECORD_HEADER_BYTES = 8;
/** In the place of a record's layer. */
const END = 0xffffffff;

/** As in the names of text logs: six digits. */
const MAX_LAYER = 999_999;
const MAX_LAYERS = 65_536;
const MAX_EXPERTS = 65_536;
const MAX_WEIGHT_UNITS = 2 ** 24;

/** One sample is held in memory; 2^20 tokens of K = 16 and two-byte ids are 64 MiB. */
const MAX_RECORD_BYTES = 2 ** 26;

/** Small samples are read many at a time. */
const BLOCK_BYTES = 2 ** 20;

/**
 * Writes a log, a chunk per sample.
 * @param samples weights from 0 to 65,535 / `weightUnits`, rounded to the nearest unit, halves up; at least one token each
 * @throws routing-log-invalid a header or sample that the format cannot hold
 * @example
 * await writeFileAtomic('text.routes', encodeRoutingLog({ experts: 64, expertsPerToken: 6, weightUnits: 65_535, layers: [1, 2] }, samples));
 */
export async function* encodeRoutingLog(header: RoutingLogHeader, samples: Iterable<LayerRouting> | AsyncIterable<LayerRouting>): AsyncGenerator<Uint8Array, void, undefined> {
  assertHeader(header);
  yield encodeHeader(header);
  const layers = new Set(header.layers);
  const check = createIdCheck(header);
  let records = 0;
  for await (const sample of samples) {
    if (!layers.has(sample.layer)) throw invalid('layer', `layer ${sample.layer} is not among the header's`);
    yield encodeRecord(header, sample, check);
    records++;
  }
  const end = new DataView(new ArrayBuffer(RECORD_HEADER_BYTES));
  end.setUint32(0, END, true);
  end.setUint32(4, records, true);
  yield new Uint8Array(end.buffer);
}

/**
 * Opens a log: checks its header. Samples are checked as they are read, and memory holds one of them and a block of 1 MiB.
 * @throws routing-log-invalid, and what the source throws
 * @example
 * const log = await openRoutingLog(fromBytes(bytes));
 * const relevance = await addRoutingLog(createExpertRelevance(log.header), log);
 */
export async function openRoutingLog(source: ByteSource | Uint8Array): Promise<RoutingLog> {
  const bytes = source instanceof Uint8Array ? fromBytes(source) : source;
  const { header, headerBytes } = await readHeader(bytes);
  return { header, samples: () => readSamples(bytes, { header, headerBytes }) };
}

/**
 * Adds every sample of a log to an accumulator.
 * @throws routing-log-invalid E or K differ, or the log is broken; relevance-invalid
 */
export async function addRoutingLog(relevance: ExpertRelevance, log: RoutingLog): Promise<ExpertRelevance> {
  const { experts, expertsPerToken } = log.header;
  if (experts !== relevance.experts || expertsPerToken !== relevance.expertsPerToken) {
    throw invalid('header', `the log is of ${expertsPerToken} of ${experts} experts, expected ${relevance.expertsPerToken} of ${relevance.experts}`);
  }
  const tally = openRelevanceTally(relevance);
  for await (const sample of log.samples()) tally.add(sample);
  return tally.finish();
}

function encodeHeader(header: RoutingLogHeader): Uint8Array {
  const bytes = new Uint8Array(FIXED_HEADER_BYTES + 4 * header.layers.length);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  view.setUint16(8, VERSION, true);
  view.setUint32(12, header.experts, true);
  view.setUint32(16, header.expertsPerToken, true);
  view.setUint32(20, header.weightUnits, true);
  view.setUint32(24, header.layers.length, true);
  header.layers.forEach((layer, index) => view.setUint32(FIXED_HEADER_BYTES + 4 * index, layer, true));
  return bytes;
}

function encodeRecord(header: RoutingLogHeader, sample: LayerRouting, check: IdCheck): Uint8Array {
  const { expertsPerToken, weightUnits } = header;
  const { ids, weights } = sample;
  const count = ids.length;
  if (count === 0 || count !== weights.length || count % expertsPerToken !== 0) throw invalid('ids', `expected ${expertsPerToken} ids for each of at least one token, and as many weights, got ${count} and ${weights.length}`);
  const idBytes = idSize(header);
  const size = RECORD_HEADER_BYTES + count * (idBytes + 2);
  if (size > MAX_RECORD_BYTES) throw invalid('ids', `a sample of ${count / expertsPerToken} tokens takes ${size} bytes, the limit is ${MAX_RECORD_BYTES}; split it`);
  check(ids, `the sample of layer ${sample.layer}`);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, sample.layer, true);
  view.setUint32(4, count / expertsPerToken, true);
  const weightsFrom = RECORD_HEADER_BYTES + count * idBytes;
  for (let i = 0; i < count; i++) {
    const id = ids[i]!;
    const units = Math.round(weights[i]! * weightUnits);
    if (!(units >= 0 && units <= 65_535)) throw invalid('weights', `expected weights from 0 to ${65_535 / weightUnits}, got ${weights[i]}; fewer weightUnits allow larger ones`);
    if (idBytes === 1) bytes[RECORD_HEADER_BYTES + i] = id;
    else view.setUint16(RECORD_HEADER_BYTES + 2 * i, id, true);
    view.setUint16(weightsFrom + 2 * i, units, true);
  }
  return bytes;
}

async function readHeader(source: ByteSource): Promise<{ header: RoutingLogHeader; headerBytes: number }> {
  if (source.sizeBytes < FIXED_HEADER_BYTES) throw invalid('header', `expected at least ${FIXED_HEADER_BYTES} bytes, got ${source.sizeBytes}`);
  const fixed = await source.read(0, FIXED_HEADER_BYTES);
  const view = viewOf(fixed);
  if (MAGIC.some((byte, index) => fixed[index] !== byte)) throw invalid('magic', 'these are no bytes of a routing log');
  if (view.getUint16(8, true) !== VERSION) throw invalid('version', `expected version ${VERSION}, got ${view.getUint16(8, true)}`);
  if (view.getUint16(10, true) !== 0) throw invalid('reserved', `expected 0, got ${view.getUint16(10, true)}`);
  const count = view.getUint32(24, true);
  if (count > MAX_LAYERS) throw invalid('layers', `expected at most ${MAX_LAYERS} layers, got ${count}`);
  const headerBytes = FIXED_HEADER_BYTES + 4 * count;
  if (source.sizeBytes < headerBytes) throw invalid('layers', `${count} layers need a header of ${headerBytes} bytes, the log has ${source.sizeBytes}`);
  const list = viewOf(await source.read(FIXED_HEADER_BYTES, 4 * count));
  const layers = Array.from({ length: count }, (_, index) => list.getUint32(4 * index, true));
  const header = { experts: view.getUint32(12, true), expertsPerToken: view.getUint32(16, true), weightUnits: view.getUint32(20, true), layers };
  assertHeader(header);
  return { header, headerBytes };
}

function assertHeader({ experts, expertsPerToken, weightUnits, layers }: RoutingLogHeader): void {
  assertInteger('experts', experts, MAX_EXPERTS);
  assertInteger('expertsPerToken', expertsPerToken, experts);
  assertInteger('weightUnits', weightUnits, MAX_WEIGHT_UNITS);
  if (layers.length > MAX_LAYERS) throw invalid('layers', `expected at most ${MAX_LAYERS} layers, got ${layers.length}`);
  layers.forEach((layer, index) => {
    if (!Number.isInteger(layer) || layer < 0 || layer > MAX_LAYER) throw invalid('layers', `expected layer indices up to ${MAX_LAYER}, got ${layer}`);
    if (index > 0 && layer <= layers[index - 1]!) throw invalid('layers', `expected ascending layers, got ${layer} after ${layers[index - 1]}`);
  });
}

function assertInteger(field: string, value: number, max: number): void {
  if (!Number.isInteger(value) || value < 1 || value > max) throw invalid(field, `expected an integer from 1 to ${max}, got ${value}`);
}

async function* readSamples(source: ByteSource, { header, headerBytes }: { header: RoutingLogHeader; headerBytes: number }): AsyncGenerator<RoutingSample, void, undefined> {
  const layers = new Set(header.layers);
  const check = createIdCheck(header);
  const weightOf = Float64Array.from({ length: 65_536 }, (_, units) => units / header.weightUnits);
  const entryBytes = (idSize(header) + 2) * header.expertsPerToken;
  let offset = headerBytes;
  let block = new Uint8Array(0);
  let blockFrom = offset;
  const at = async (length: number): Promise<Uint8Array> => {
    if (offset + length > source.sizeBytes) throw invalid('record', `the log ends at ${source.sizeBytes}, inside a record at ${offset}; was it cut off?`);
    if (offset + length > blockFrom + block.length) {
      block = (await source.read(offset, Math.min(Math.max(length, BLOCK_BYTES), source.sizeBytes - offset))) as Uint8Array<ArrayBuffer>;
      blockFrom = offset;
    }
    return block.subarray(offset - blockFrom, offset - blockFrom + length);
  };
  for (let records = 0; ; records++) {
    const head = viewOf(await at(RECORD_HEADER_BYTES));
    const layer = head.getUint32(0, true);
    const tokens = head.getUint32(4, true);
    if (layer === END) return assertEnd({ records, said: tokens, offset, sizeBytes: source.sizeBytes });
    if (!layers.has(layer)) throw invalid('layer', `the record at ${offset} is of layer ${layer}, which is not among the header's`);
    const size = RECORD_HEADER_BYTES + tokens * entryBytes;
    if (tokens === 0 || size > MAX_RECORD_BYTES) throw invalid('tokens', `the record at ${offset} has ${tokens} tokens, expected at least one and at most ${MAX_RECORD_BYTES} bytes`);
    const record = await at(size);
    yield { layer, ...decodeEntries(record.subarray(RECORD_HEADER_BYTES), { idBytes: idSize(header), weightOf, check, offset }) };
    offset += size;
  }
}

function assertEnd({ records, said, offset, sizeBytes }: { records: number; said: number; offset: number; sizeBytes: number }): void {
  if (said !== records >>> 0) throw invalid('end', `the log has ${records} records, its end says ${said}`);
  const after = sizeBytes - offset - RECORD_HEADER_BYTES;
  if (after > 0) throw invalid('end', `${after} bytes follow the end at ${offset}`);
}

function decodeEntries(bytes: Uint8Array, { idBytes, weightOf, check, offset }: { idBytes: 1 | 2; weightOf: Float64Array; check: IdCheck; offset: number }): Pick<RoutingSample, 'ids' | 'weights'> {
  const count = bytes.length / (idBytes + 2);
  const ids = idBytes === 1 ? bytes.slice(0, count) : new Uint16Array(count);
  if (idBytes === 2) for (let i = 0; i < count; i++) ids[i] = bytes[2 * i]! | (bytes[2 * i + 1]! << 8);
  check(ids, `the record at ${offset}`);
  const weights = new Float64Array(count);
  for (let i = 0, from = count * idBytes; i < count; i++, from += 2) weights[i] = weightOf[bytes[from]! | (bytes[from + 1]! << 8)]!;
  return { ids, weights };
}

/** Refuses ids from E on and ids twice in a token: what a router cannot do, a log must not say. One check serves a whole log. */
type IdCheck = (ids: ArrayLike<number>, where: string) => void;

function createIdCheck({ experts, expertsPerToken }: RoutingLogHeader): IdCheck {
  const lastToken = new Int32Array(experts);
  let token = 0;
  return (ids, where) => {
    for (let i = 0; i < ids.length; ) {
      if (++token === 2 ** 31) {
        lastToken.fill(0);
        token = 1;
      }
      for (const end = i + expertsPerToken; i < end; i++) {
        const id = ids[i]!;
        const last = lastToken[id];
        if (last === undefined) throw invalid('ids', `${where}: expected expert ids below ${experts}, got ${id}`);
        if (last === token) throw invalid('ids', `${where}: token ${Math.floor(i / expertsPerToken)} names expert ${id} twice`);
        lastToken[id] = token;
      }
    }
  };
}

function idSize({ experts }: Pick<RoutingLogHeader, 'experts'>): 1 | 2 {
  return experts <= 256 ? 1 : 2;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function invalid(field: string, message: string): MoeError<'routing-log-invalid'> {
  return new MoeError('routing-log-invalid', { message: `routing log, ${field}: ${message}`, context: { field } });
}
