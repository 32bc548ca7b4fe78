/**
 * Blocks of the localnet as they are made: on a terminal a line for each transaction and its events, with empty blocks counted on one line
 * that is rewritten; one line of JSON per block elsewhere.
 *
 * @module
 */
import type { BlockReport, EventReport, ExtrinsicReport, Json } from '@connito/localnet';
import { printable, wantsColor, type CliContext } from '../context.ts';
import { createPaint, cutText, displayWidth, fitText, type Paint } from '../terminal.ts';

/** Shows blocks until it is closed. */
export interface BlockView {
  show(block: BlockReport): void;
  close(): void;
}

/** Events that every transaction has: they say nothing about it. */
const PLUMBING: ReadonlySet<string> = new Set(['System.ExtrinsicSuccess', 'System.ExtrinsicFailed', 'TransactionPayment.TransactionFeePaid', 'Balances.Withdraw', 'Balances.Deposit', 'Sudo.Sudid', 'Utility.ItemCompleted']);
const CALL_WIDTH = 44;
const MAX_EVENTS = 6;

/** One line of JSON per block. */
export function openJsonView({ stdout }: Pick<CliContext, 'stdout'>): BlockView {
  return { show: (block) => void stdout.write(`${JSON.stringify({ kind: 'block', ...block })}\n`), close: () => undefined };
}

/** Lines for people. */
export function openTerminalView({ stdout, env }: Pick<CliContext, 'stdout' | 'env'>): BlockView {
  const paint = createPaint(wantsColor(stdout, env));
  let quiet: { readonly first: BlockReport; readonly last: BlockReport } | undefined;
  return {
    show(block) {
      const width = Math.max(20, (stdout.columns ?? 80) - 1);
      const isQuiet = shownExtrinsics(block).length === 0 && shownEvents(block.events).length === 0;
      const follows = quiet !== undefined && block.number === quiet.last.number + 1;
      if (isQuiet) {
        const rewrite = quiet !== undefined && follows ? '\u001b[1A\u001b[2K' : '';
        quiet = { first: quiet !== undefined && follows ? quiet.first : block, last: block };
        stdout.write(`${rewrite}${renderQuiet(quiet, width, paint)}\n`);
        return;
      }
      quiet = undefined;
      stdout.write(renderBlock(block, { width, paint }).map((line) => `${line}\n`).join(''));
    },
    close: () => undefined,
  };
}

/** A block in which something happened: its head, a line for each transaction, and what events tell besides. */
export function renderBlock(block: BlockReport, { width, paint }: { readonly width: number; readonly paint: Paint }): string[] {
  const transactions = shownExtrinsics(block).flatMap((extrinsic) => renderExtrinsic(extrinsic, width, paint));
  return [renderHead(block, paint), ...transactions, ...renderEvents(block.events, width, paint)].map((line) => (displayWidth(line) > width ? cutText(line, width) : line));
}

function renderHead({ number, hash, timestampMs, finalizedNumber }: BlockReport, paint: Paint): string {
  const lag = number === finalizedNumber ? '' : `  final #${finalizedNumber}`;
  return `${paint.bold(`#${number}`)}  ${paint.dim(`${clock(timestampMs)}  ${hash.slice(0, 10)}…${lag}`)}`;
}

function renderQuiet({ first, last }: { readonly first: BlockReport; readonly last: BlockReport }, width: number, paint: Paint): string {
  const range = first.number === last.number ? `#${last.number}` : `#${first.number}–${last.number}`;
  return paint.dim(cutText(`${range}  ${clock(last.timestampMs)}  ${first.number === last.number ? 'empty' : `${last.number - first.number + 1} empty blocks`}`, width));
}

function renderExtrinsic({ pallet, call, args, signer, error, events }: ExtrinsicReport, width: number, paint: Paint): string[] {
  const inner = innerCall(args);
  const name = inner === undefined ? `${pallet}.${call}` : `${pallet}.${call} ▸ ${inner}`;
  const outcome = error === undefined ? paint.good('ok') : paint.bad(printable(error));
  const callWidth = Math.min(CALL_WIDTH, Math.max(10, width - 26));
  return [`  ${paint.accent(fitText(name, callWidth))}  ${fitText(shortAccount(signer ?? ''), 13)}  ${outcome}`, ...renderEvents(events, width, paint)];
}

/** What a sudo or proxy call carries out. */
function innerCall(args: Json): string | undefined {
  const { call } = (typeof args === 'object' && args !== null && !Array.isArray(args) ? args : {}) as Readonly<Record<string, Json>>;
  if (typeof call !== 'object' || call === null || Array.isArray(call)) return undefined;
  const { pallet, call: name } = call as Readonly<Record<string, Json>>;
  return typeof pallet === 'string' && typeof name === 'string' ? `${pallet}.${name}` : undefined;
}

function renderEvents(events: readonly EventReport[], width: number, paint: Paint): string[] {
  const shown = shownEvents(events);
  const lines = shown.slice(0, MAX_EVENTS).map(({ pallet, event, data }) => paint.dim(cutText(`    ${pallet}.${event} ${compact(data)}`, width)));
  return shown.length > MAX_EVENTS ? [...lines, paint.dim(`    and ${shown.length - MAX_EVENTS} more events`)] : lines;
}

function shownExtrinsics({ extrinsics }: BlockReport): readonly ExtrinsicReport[] {
  return extrinsics.filter(({ signer }) => signer !== undefined);
}

function shownEvents(events: readonly EventReport[]): readonly EventReport[] {
  return events.filter(({ pallet, event }) => !PLUMBING.has(`${pallet}.${event}`));
}

/** Values in short: addresses and hashes cut, names of fields left. */
function compact(value: Json): string {
  if (typeof value === 'string') return value.length > 20 ? shortAccount(printable(value)) : printable(value);
  if (Array.isArray(value)) return `(${value.map(compact).join(', ')})`;
  if (typeof value === 'object' && value !== null) return `{${Object.entries(value).map(([name, item]) => `${name}: ${compact(item)}`).join(', ')}}`;
  return String(value);
}

/** `5GrwvaEF…utQY`. */
export function shortAccount(address: string): string {
  return address.length > 14 ? `${address.slice(0, 8)}…${address.slice(-4)}` : address;
}

function clock(timestampMs: number): string {
  return new Date(timestampMs).toISOString().slice(0, 19).replace('T', ' ');
}
