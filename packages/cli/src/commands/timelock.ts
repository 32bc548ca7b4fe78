/**
 * `connito timelock`: seals bytes to a moment of a drand beacon, and opens what was sealed, as Subtensor does.
 *
 * @module
 */
import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { Beacon, PortableTimelock } from '@connito/commit-reveal';
import { CliError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { decimalNumber, describeUse, wholeNumber } from '../options.ts';
import { addGroup } from '../program.ts';

/** More is refused: a ciphertext is held whole, and what is larger is sealed in frames with its key in a timelock. */
const MAX_INPUT_BYTES = 67_108_864;
const MS_PER_SECOND = 1_000;

interface BeaconFlags {
  readonly publicKey?: Uint8Array;
  readonly genesis?: number;
  readonly period?: number;
}

interface FileFlags {
  readonly in: string;
  readonly out: string;
  readonly hex?: true;
  readonly json?: true;
}

interface SealFlags extends BeaconFlags, FileFlags {
  readonly round?: number;
  readonly at?: number;
  readonly portable?: true;
}

interface OpenFlags extends BeaconFlags, FileFlags {
  readonly round?: number;
  readonly signature?: Uint8Array;
  readonly endpoint?: readonly string[];
  readonly chainHash?: string;
}

/** Adds `connito timelock`. */
export function registerTimelock(program: Command, context: CliContext): void {
  const group = addGroup(program, 'timelock', 'Seal bytes until a beacon has spoken, and open them.');
  registerSeal(group, context);
  registerOpen(group, context);
}

function registerSeal(group: Command, context: CliContext): void {
  const command = addFileOptions(
    group
      .command('seal')
      .description('Encrypt so that anybody can open it once the beacon (drand quicknet, unless another is named) has signed a round, and nobody before. The bytes are those that Subtensor opens on chain.')
      .addOption(new Option('--round <round>', "the beacon's round").argParser(wholeNumber({ min: 1 })).conflicts('at'))
      .addOption(new Option('--at <time>', 'instead of --round: the first round at or after this time, 2026-12-24T18:00Z or seconds since 1970').argParser(moment))
      .option('--portable', "write the round too, as `bittensor.timelock` of the Python SDK does; `open` then needs to be told nothing"),
  );
  addBeaconOptions(command).action((flags: SealFlags) => seal(flags, context));
  const examples = ['connito timelock seal --at 2026-12-24T18:00Z --portable --in answers.txt --out answers.sealed', 'connito timelock seal --round 40000000 --in row.bin --hex', 'printf hello | connito timelock seal --round 40000000 --public-key 83cf0f28… > hello.sealed'];
  describeUse(command, examples, 'print round, time and sizes as JSON; without --out the ciphertext too, as hex');
}

function registerOpen(group: Command, context: CliContext): void {
  const command = addFileOptions(
    group
      .command('open')
      .description("Open what was sealed, with the beacon's signature of its round: the one given, or the one fetched from the beacon where the round is known.")
      .addOption(new Option('--signature <hex>', "the beacon's signature of the round").argParser(hexBytes(48)))
      .addOption(new Option('--round <round>', 'the round; needed to fetch the signature unless the input says it (`seal --portable`)').argParser(wholeNumber({ min: 1 })))
      .addOption(new Option('--endpoint <url...>', 'HTTP endpoints of the beacon, in order of preference (default: those of the League of Entropy)').conflicts('signature'))
      .addOption(new Option('--chain-hash <hex>', "another beacon's chain hash, which its endpoints have in their paths").conflicts('signature')),
  );
  addBeaconOptions(command).action((flags: OpenFlags) => open(flags, context));
  const examples = ['connito timelock open --in answers.sealed --out answers.txt', 'connito timelock open --round 1000 --in row.sealed --out row.bin', 'connito timelock open --signature b44679b9… --hex --in row.hex'];
  describeUse(command, examples, 'print round and sizes as JSON; without --out the opened bytes too, as hex');
}

function addFileOptions(command: Command): Command {
  return command
    .option('--in <file>', 'what to read; - is standard input', '-')
    .option('--out <file>', 'where to write; - is standard output', '-')
    .option('--hex', 'the ciphertext is hexadecimal text, with or without 0x, as explorers show it');
}

function addBeaconOptions(command: Command): Command {
  return command
    .addOption(new Option('--public-key <hex>', "another beacon's key, 96 bytes (default: drand quicknet's)").argParser(hexBytes(96)))
    .addOption(new Option('--genesis <time>', "when the other beacon's round 1 was due (default: as quicknet)").argParser(moment))
    .addOption(new Option('--period <seconds>', "the other beacon's time between rounds (default: as quicknet, 3)").argParser(decimalNumber({ min: 0.001, max: 1e9 })));
}

async function seal(flags: SealFlags, context: CliContext): Promise<void> {
  const { encodePortableTimelock, encryptTimelock, firstRoundAt, roundTimeMs, toHex } = await import('@connito/commit-reveal');
  const beacon = await beaconOf(flags);
  const round = flags.round ?? (flags.at === undefined ? undefined : firstRoundAt(beacon, flags.at));
  if (round === undefined) throw new CliError('usage', 'Expected when to open: give --round, or --at with a time. See `connito timelock seal --help`');
  const plaintext = await readInput(flags.in);
  const dueMs = roundTimeMs(beacon, round);
  const ciphertext = encryptTimelock({ publicKey: beacon.publicKey, round, plaintext });
  if (dueMs <= Date.now()) context.log.warn(`round ${round} was due ${isoTime(dueMs)}, which is past: anybody can open this at once`);
  const sealed = flags.portable ? encodePortableTimelock({ ciphertext, round }) : ciphertext;
  const facts = { round, opensAt: isoTime(dueMs), plaintextBytes: plaintext.length, sealedBytes: sealed.length };
  await writeResult(flags.hex ? new TextEncoder().encode(`${toHex(sealed)}\n`) : sealed, { flags, context, facts, json: { ciphertext: toHex(sealed) }, isBinary: !flags.hex });
}

async function open(flags: OpenFlags, context: CliContext): Promise<void> {
  const { decodePortableTimelock, decryptTimelock, fromHex, toHex, verifyPulse } = await import('@connito/commit-reveal');
  const input = await readInput(flags.in);
  const bytes = flags.hex ? fromHex(new TextDecoder().decode(input).trim()) : input;
  const portable = decodePortableTimelock(bytes);
  const round = roundOf(flags, portable);
  const beacon = await beaconOf(flags);
  if (flags.signature !== undefined && round !== undefined && !verifyPulse(beacon, { round, signature: flags.signature })) {
    throw new CliError('data', `The signature is not the beacon's of round ${round}: check both, and --public-key where it is another beacon`);
  }
  const signature = flags.signature ?? (await fetchSignature(round, { beacon, flags, signal: context.signal }));
  const plaintext = decryptTimelock(portable?.ciphertext ?? bytes, signature);
  const facts = { ...(round === undefined ? {} : { round }), plaintextBytes: plaintext.length, sealedBytes: bytes.length };
  await writeResult(plaintext, { flags, context, facts, json: { plaintext: toHex(plaintext) }, isBinary: false });
}

function roundOf({ round }: OpenFlags, portable: PortableTimelock | undefined): number | undefined {
  if (portable === undefined || round === undefined || round === portable.round) return portable?.round ?? round;
  throw new CliError('usage', `The input was sealed to round ${portable.round}, --round says ${round}: leave --round out`);
}

interface FetchQuestion {
  readonly beacon: Beacon;
  readonly flags: OpenFlags;
  readonly signal: AbortSignal;
}

async function fetchSignature(round: number | undefined, { beacon, flags, signal }: FetchQuestion): Promise<Uint8Array> {
  const { fetchPulse, QUICKNET, roundTimeMs } = await import('@connito/commit-reveal');
  if (round === undefined) throw new CliError('usage', 'Expected the signature of the round, or the round in order to fetch it: give --signature or --round (the ciphertext does not hold it)');
  const { endpoint, chainHash = flags.publicKey === undefined ? QUICKNET.chainHash : undefined } = flags;
  if (chainHash === undefined || (flags.publicKey !== undefined && endpoint === undefined)) {
    throw new CliError('usage', 'To fetch from another beacon than quicknet, give its --chain-hash and --endpoint; or give --signature');
  }
  const dueMs = roundTimeMs(beacon, round);
  if (dueMs > Date.now()) throw new CliError('failed', `Not yet: round ${round} is due ${isoTime(dueMs)}, and this machine's clock says ${isoTime(Date.now())}; nobody can open this before`, { round });
  return (await fetchPulse({ beacon: { ...beacon, chainHash }, round, fetch, signal, ...(endpoint === undefined ? {} : { endpoints: endpoint }) })).signature;
}

async function beaconOf({ publicKey, genesis, period }: BeaconFlags): Promise<Beacon> {
  const { QUICKNET } = await import('@connito/commit-reveal');
  const { genesisTimeMs, periodMs } = QUICKNET;
  return { publicKey: publicKey ?? QUICKNET.publicKey, genesisTimeMs: genesis ?? genesisTimeMs, periodMs: period === undefined ? periodMs : Math.round(period * MS_PER_SECOND) };
}

async function readInput(path: string): Promise<Uint8Array> {
  if (path !== '-') {
    if ((await stat(path)).size > MAX_INPUT_BYTES) throw tooLarge();
    return readFile(path);
  }
  const parts: Buffer[] = [];
  let sizeBytes = 0;
  for await (const part of process.stdin) {
    sizeBytes += (part as Buffer).length;
    if (sizeBytes > MAX_INPUT_BYTES) throw tooLarge();
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts);
}

function tooLarge(): CliError {
  return new CliError('data', `Expected at most ${MAX_INPUT_BYTES / 2 ** 20} MiB: seal a key in the timelock and encrypt the rest with it (sealStream of @connito/commit-reveal)`);
}

interface Result {
  readonly flags: FileFlags;
  readonly context: CliContext;
  readonly facts: Readonly<Record<string, string | number>>;
  /** What JSON has beside the facts when there is no file. */
  readonly json: Readonly<Record<string, string>>;
  readonly isBinary: boolean;
}

async function writeResult(bytes: Uint8Array, { flags, context, facts, json, isBinary }: Result): Promise<void> {
  const toFile = flags.out !== '-';
  if (toFile) await writeFile(flags.out, bytes);
  if (flags.json) return context.printJson({ ...facts, ...(toFile ? { out: flags.out } : json) });
  if (toFile) return context.print(Object.entries({ ...facts, out: flags.out }).map(([name, value]) => `${name}: ${value}`).join('\n'));
  if (isBinary && context.stdout.isTTY === true) throw new CliError('usage', 'The ciphertext is binary and standard output is a terminal: give --out, --hex, or redirect it');
  // Everything else that this program prints is text; the stream below takes bytes as well.
  const stream = context.stdout as unknown as NodeJS.WritableStream;
  if (!stream.write(bytes)) await once(stream, 'drain', { signal: context.signal });
}

function hexBytes(length: number): (text: string) => Uint8Array {
  return (text) => {
    const [, digits = ''] = /^(?:0x)?([0-9a-fA-F]*)$/.exec(text) ?? [];
    if (digits.length === 2 * length) return new Uint8Array(Buffer.from(digits, 'hex'));
    throw new InvalidArgumentError(`Expected ${length} bytes as ${2 * length} hexadecimal digits.`);
  };
}

/** Unix milliseconds of an ISO 8601 time that says its offset, or of seconds since 1970. */
function moment(text: string): number {
  const isSeconds = /^\d{1,12}(\.\d{1,3})?$/.test(text);
  const isIso = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/.test(text);
  const timeMs = isSeconds ? Math.round(Number(text) * MS_PER_SECOND) : isIso ? Date.parse(text) : Number.NaN;
  if (Number.isFinite(timeMs)) return timeMs;
  throw new InvalidArgumentError('Expected a time such as 2026-12-24T18:00Z, 2026-12-24T18:00:00+01:00 or 1798135200.');
}

/** Rounds reach further than dates do. */
function isoTime(timeMs: number): string {
  const date = new Date(timeMs);
  return Number.isNaN(date.getTime()) ? `${timeMs} ms after 1970` : date.toISOString();
}
