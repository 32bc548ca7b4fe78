/**
 * The demo's terminal view: a pure rendering of {@link DemoViewState}, redrawn in place on a terminal, and one line per important
 * event elsewhere.
 *
 * @module
 */
import { printable, wantsColor, type CliContext, type OutputStream } from '../context.ts';
import { createPaint, cutText, displayWidth, renderBar, renderSparkline, renderTable, type Cell, type Column, type Paint } from '../terminal.ts';
import { demoViewState, initialDemoViewState, MOMENT_LABELS, MOMENTS, nameOf, type CycleRow, type DemoViewEvent, type DemoViewState, type KnownRoleEvent, type MomentName } from './view-state.ts';

/** Shown on stderr, so that stdout stays the report's. */
export interface DemoView {
  handle(event: DemoViewEvent): void;
  /** A line that stays, above the live part. */
  note(message: string): void;
  /** Draws the last state and gives the terminal back. */
  close(): void;
  readonly state: () => DemoViewState;
}

/** At most so often is the terminal redrawn. */
const FRAME_MS = 80;

/** The live view on a terminal, lines elsewhere. */
export function openDemoView({ stderr, env }: Pick<CliContext, 'stderr' | 'env'>): DemoView {
  return stderr.isTTY === true && env['TERM'] !== 'dumb' ? openLiveView(stderr, wantsColor(stderr, env)) : openLineView(stderr);
}

/** Everything as lines of at most `width` cells. */
export function renderDemoView(state: DemoViewState, { width, color }: { readonly width: number; readonly color: boolean }): string[] {
  const paint = createPaint(color);
  const blocks = [renderHead(state, width, paint), renderMiners(state, width, paint), renderValidators(state, width, paint), renderProgress(state, width, paint), renderNotes(state, width, paint)];
  return blocks.filter((block) => block.length > 0).flatMap((block, index) => (index === 0 ? block : ['', ...block]));
}

/** What `event` is worth on a terminal that cannot be redrawn: one line, or nothing. `state` is the one after the event. */
export function describeDemoEvent(before: DemoViewState, state: DemoViewState, event: DemoViewEvent): string | undefined {
  if ('role' in event) return describeRoleEvent(before, state, event as unknown as KnownRoleEvent);
  switch (event.kind) {
    case 'set-up':
      return `${state.miners.length} miners and ${state.validators.length} validators, ${state.cycles} cycles, seed ${event.seed}`;
    case 'progress':
      return state.progress === before.progress ? undefined : state.progress;
    case 'losses':
      return `version ${event.version}: loss ${nats(event.target)} target, ${nats(event.general)} general, ${nats(event.test)} test (nats per token)`;
    default:
      return undefined;
  }
}

function openLineView(stream: OutputStream): DemoView {
  let state = initialDemoViewState;
  return {
    handle(event) {
      const before = state;
      state = demoViewState(state, event);
      const line = describeDemoEvent(before, state, event);
      if (line !== undefined) stream.write(`${line}\n`);
    },
    note: (message) => void stream.write(`${message}\n`),
    close: () => undefined,
    state: () => state,
  };
}

function openLiveView(stream: OutputStream, color: boolean): DemoView {
  let state = initialDemoViewState;
  let drawn: readonly string[] = [];
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  const draw = (above: readonly string[] = []): void => {
    clearTimeout(timer);
    timer = undefined;
    const width = Math.max(1, (stream.columns ?? 80) - 1);
    const lines = renderDemoView(state, { width, color }).slice(0, Math.max(1, (stream.rows ?? 24) - 1));
    stream.write(frame({ drawn, lines, above, columns: stream.columns ?? 80 }));
    drawn = lines;
  };
  stream.write('\u001b[?25l');
  draw();
  return {
    handle(event) {
      state = demoViewState(state, event);
      if (!closed) timer ??= setTimeout(draw, FRAME_MS);
    },
    note: (message) => (closed ? void stream.write(`${message}\n`) : draw(message.split('\n'))),
    close() {
      if (closed) return;
      draw();
      closed = true;
      stream.write('\u001b[?25h');
    },
    state: () => state,
  };
}

/**
 * Moves up over the frame that stands, writes the new one over it and clears what is left: nothing is blank in between, and
 * terminals that know mode 2026 show it at once. After a resize the old lines may have wrapped, so their rows are counted anew.
 */
function frame({ drawn, lines, above, columns }: { readonly drawn: readonly string[]; readonly lines: readonly string[]; readonly above: readonly string[]; readonly columns: number }): string {
  const height = drawn.reduce((rows, line) => rows + Math.max(1, Math.ceil(displayWidth(line) / columns)), 0);
  const up = height > 0 ? `\u001b[${height}A` : '';
  const body = [...above, ...lines].map((line) => `\u001b[2K${line}\n`).join('');
  return `\u001b[?2026h\r${up}${body}\u001b[0J\u001b[?2026l`;
}

function renderHead(state: DemoViewState, width: number, paint: Paint): string[] {
  const { moment, seed, cycles, blockNumber } = state;
  const left = seed === null ? 'connito demo' : `connito demo · seed ${seed}`;
  const right = blockNumber > 0 ? `block ${blockNumber}` : '';
  const gap = width - displayWidth(left) - displayWidth(right);
  const title = gap >= 2 && right !== '' ? paint.bold(left) + ' '.repeat(gap) + paint.dim(right) : paint.bold(cutText(left, width));
  if (moment === null) return [title, paint.accent(cutText(state.progress, width))];
  return [title, renderPhases(`cycle ${moment.cycle} (${moment.cycle + 1} of ${cycles})`, moment.name, width, paint), renderTimeLeft(state, width, paint)];
}

/** `cycle 0 (1 of 3)   distribute ▸train commit …`, the present moment marked; only the present one where the width is short. */
function renderPhases(cycle: string, now: MomentName, width: number, paint: Paint): string {
  const position = MOMENTS.indexOf(now);
  const labels = MOMENTS.map((name, index) => (index === position ? `▸${MOMENT_LABELS[name]}` : MOMENT_LABELS[name]));
  if (displayWidth(`${cycle}   ${labels.join(' ')}`) > width) return paint.accent(cutText(`${cycle} ▸${MOMENT_LABELS[now]}`, width));
  const styles = labels.map((label, index) => (index === position ? paint.accent(label) : index < position ? label : paint.dim(label)));
  return `${cycle}   ${styles.join(' ')}`;
}

function renderTimeLeft({ moment, headMs }: DemoViewState, width: number, paint: Paint): string {
  if (moment === null) return '';
  const lengthMs = Math.max(1, moment.endsMs - moment.timeMs);
  const leftMs = Math.min(lengthMs, Math.max(0, moment.endsMs - Math.max(headMs, moment.timeMs)));
  const text = `${formatClock(leftMs)} of chain time left`;
  const barWidth = Math.min(40, width - displayWidth(text) - 2);
  if (barWidth < 5) return paint.dim(cutText(text, width));
  return `${paint.accent(renderBar(1 - leftMs / lengthMs, barWidth))}  ${paint.dim(text)}`;
}

const MINER_COLUMNS: readonly Column[] = [
  { title: 'MINER' },
  { title: 'BEHAVIOUR', priority: 4 },
  { title: 'UID', align: 'right', priority: 2 },
  { title: 'NOW', minWidth: 16, reserve: 20, priority: 5 },
  { title: 'LOSS', align: 'right', priority: 3, reserve: 6 },
  { title: 'CURVE', priority: 1 },
  { title: 'SCORE', align: 'right', reserve: 6 },
  { title: 'CODE', priority: 6, reserve: 12 },
  { title: 'WEIGHT', align: 'right', priority: 7 },
];

function renderMiners({ miners }: DemoViewState, width: number, paint: Paint): string[] {
  if (miners.length === 0) return [];
  const rows = miners.map((row): Cell[] => {
    const training = row.activity === 'training';
    const paid = row.score !== null && row.score > 0;
    return [
      { text: row.name, paint: paint.bold },
      { text: row.behaviour, paint: paint.dim },
      { text: String(row.uid) },
      { text: training ? `training ${row.step}/${row.steps}` : row.activity, ...(row.alive ? training ? { paint: paint.accent } : {} : { paint: paint.bad }) },
      { text: row.losses.length > 0 ? nats(row.losses.at(-1)) : '' },
      { text: renderSparkline(row.losses, 10).padEnd(10), paint: paint.dim },
      { text: row.score === null ? '' : nats(row.score), ...(paid ? { paint: paint.good } : {}) },
      { text: row.code, paint: paid ? paint.good : paint.dim },
      { text: row.weight === null ? '' : percent(row.weight), ...((row.weight ?? 0) > 0 ? { paint: paint.good } : {}) },
    ];
  });
  return renderTable(MINER_COLUMNS, rows, width, paint);
}

function renderValidators({ validators }: DemoViewState, width: number, paint: Paint): string[] {
  if (validators.length === 0) return [];
  const columns: readonly Column[] = [{ title: 'VALIDATOR' }, { title: 'UID', align: 'right', priority: 1 }, { title: 'NOW', minWidth: 10, reserve: 20, priority: 3 }, { title: 'ROOT', minWidth: 8, priority: 2 }];
  const rows = validators.map((row): Cell[] => [
    { text: row.name, paint: paint.bold },
    { text: String(row.uid) },
    { text: row.activity, ...(row.alive ? {} : { paint: paint.bad }) },
    { text: row.root.slice(0, 16), paint: paint.dim },
  ]);
  return renderTable(columns, rows, width, paint);
}

/** What each cycle brought, and the losses where they have been measured. */
function renderProgress({ outcomes, losses }: DemoViewState, width: number, paint: Paint): string[] {
  const base = losses.find(({ version }) => version === 0);
  if (outcomes.length === 0 && base === undefined) return [];
  const columns: readonly Column[] = [
    { title: 'CYCLE' },
    { title: 'RESULT', minWidth: 8, reserve: 14 },
    { title: 'GAIN', align: 'right', priority: 6, reserve: 7 },
    { title: 'BOUND', align: 'right', priority: 3, reserve: 9 },
    { title: 'TARGET', align: 'right', priority: 5 },
    { title: 'GENERAL', align: 'right', priority: 4 },
    { title: 'TEST', align: 'right', priority: 7 },
    { title: 'ROOTS', priority: 2 },
  ];
  const lossCells = (version: number): Cell[] => {
    const row = losses.find((candidate) => candidate.version === version);
    return [row?.target, row?.general, row?.test].map((value) => ({ text: value === undefined ? '' : nats(value) }));
  };
  const rows: Cell[][] = base === undefined ? [] : [[{ text: 'base' }, { text: 'v0', paint: paint.dim }, { text: '' }, { text: '' }, ...lossCells(0), { text: '' }]];
  for (const outcome of outcomes) rows.push([...outcomeCells(outcome, paint), ...lossCells(outcome.version), rootsCell(outcome, paint)]);
  return [...renderTable(columns, rows, width, paint), paint.dim(cutText('losses and gains in nats per token', width))];
}

function outcomeCells({ cycle, accepted, step, version, gain, lowerBound }: CycleRow, paint: Paint): Cell[] {
  return [
    { text: String(cycle) },
    { text: accepted ? `v${version} by ${step}` : `rejected, v${version} stays`, paint: accepted ? paint.good : paint.bad },
    { text: gain === null ? '' : signedNats(gain) },
    { text: lowerBound === null ? '' : `≥ ${signedNats(lowerBound)}`, paint: paint.dim },
  ];
}

function rootsCell({ roots }: CycleRow, paint: Paint): Cell {
  const distinct = new Set(Object.values(roots)).size;
  const count = Object.keys(roots).length;
  return distinct === 1 ? { text: `${count} agree`, paint: paint.dim } : { text: `${distinct} differ`, paint: paint.bad };
}

function renderNotes({ notes }: DemoViewState, width: number, paint: Paint): string[] {
  return notes.map((note) => paint.dim(cutText(note, width)));
}

function describeRoleEvent(before: DemoViewState, state: DemoViewState, event: KnownRoleEvent): string | undefined {
  const name = nameOf(state, event);
  switch (event.kind) {
    case 'moment':
      return state.moment === before.moment || state.moment === null ? undefined : `cycle ${state.moment.cycle} (${state.moment.cycle + 1} of ${state.cycles}): ${MOMENT_LABELS[state.moment.name]}`;
    case 'trained':
      return event.loss === null ? `${name} made its update` : `${name} trained ${event.steps} steps, loss ${nats(event.loss)}`;
    case 'scored':
      return `${name} scored ${event.scores.map(({ uid, score, code }) => `${minerName(state, uid)} ${code === 'scored' ? nats(score) : printable(code)}`).join(', ')}`;
    case 'weights-set':
      return `${name} set weights ${event.weights.map(({ uid, weight }) => `${minerName(state, uid)} ${percent(weight)}`).join(', ')}`;
    case 'merged':
      return describeMerge(name, event);
    case 'notice':
    case 'stopped':
      return state.notes.at(-1);
    case 'failed':
      return `${name}: ${event.effect} failed: ${state.notes.at(-1)?.split(': ').slice(2).join(': ') ?? ''}`;
    default:
      return undefined;
  }
}

function minerName({ miners }: DemoViewState, uid: number): string {
  return miners.find((row) => row.uid === uid)?.name ?? `uid ${uid}`;
}

function describeMerge(name: string, { accepted, version, step, root, target }: Extract<KnownRoleEvent, { kind: 'merged' }>): string {
  const gain = target === undefined ? '' : `, gain ${signedNats(target.gain)} (at least ${signedNats(target.lowerBound)})`;
  const verdict = accepted ? `accepted version ${version} by ${step}` : `kept version ${version}: nothing passed the gate`;
  return `${name} ${verdict}${gain}, root ${root.slice(0, 12)}`;
}

function nats(value: number | undefined): string {
  return value === undefined || !Number.isFinite(value) ? String(value ?? '') : value.toFixed(4);
}

function signedNats(value: number): string {
  return `${value < 0 ? '−' : '+'}${nats(Math.abs(value))}`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** `1:02:03`, or `2:03` below an hour. */
function formatClock(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const tail = `${String(minutes).padStart(hours > 0 ? 2 : 1, '0')}:${String(rest).padStart(2, '0')}`;
  return hours > 0 ? `${hours}:${tail}` : tail;
}
