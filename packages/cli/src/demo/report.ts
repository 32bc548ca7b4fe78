/**
 * The demo's report: its shape in `report.json`, and its rendering for a terminal.
 *
 * @module
 */
import { printable } from '../context.ts';
import { createPaint, cutText, displayWidth, formatBytes, renderTable, wrapText, type Cell, type Column, type Paint } from '../terminal.ts';
import type { Behaviour } from './view-state.ts';

/** What `connito demo` leaves as `report.json`. Losses and gains in nats per token, chain amounts in rao. */
export interface DemoReport {
  readonly format: 'connito/demo-report/v1';
  readonly seed: number;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly seconds: number;
  /** Where ONNX Runtime computed: `cpu`, `wasm`, `webgpu` or `cuda`. */
  readonly device: string;
  readonly task: {
    readonly domain: string;
    /** Layer → ids of the trained experts. */
    readonly selection: Readonly<Record<string, readonly number[]>>;
    readonly trainableParameters: number;
    readonly totalParameters: number;
    readonly netuid: number;
  };
  readonly miners: readonly { readonly uid: number; readonly name: string; readonly hotkey: string; readonly behaviour: Behaviour }[];
  readonly validators: readonly { readonly uid: number; readonly name: string; readonly hotkey: string; readonly stakeRao: string }[];
  readonly cycles: readonly ReportCycle[];
  /** One entry per version, the base first. */
  readonly losses: readonly ReportLosses[];
  /** The split that selection, score and gate never see. */
  readonly test: {
    readonly baseLoss: number;
    readonly finalLoss: number;
    readonly gain: number;
    /** Paired, at 99 %. */
    readonly lowerBound: number;
    /** `gain / baseLoss`. */
    readonly relativeFall: number;
  };
  /** What the demo promises, each with its figure. */
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly detail: string }[];
  /** Commands that reproduce the figures. */
  readonly commands: readonly string[];
}

/** One cycle of the report. */
export interface ReportCycle {
  readonly cycle: number;
  readonly accepted: boolean;
  /** The merge step that passed the gate, or `none`. */
  readonly step: string;
  readonly version: number;
  readonly roots: readonly { readonly validator: string; readonly root: string }[];
  readonly miners: readonly ReportMinerScore[];
  readonly gate?: {
    readonly targetGain: number;
    readonly targetLowerBound: number;
    readonly forgetting: number;
    readonly forgettingUpperBound: number;
    readonly allowance: number;
  };
  readonly phaseSeconds: Readonly<Record<string, number>>;
  readonly bytesOnWire: number;
  readonly bytesOnDisk: number;
}

/** One miner in one cycle. */
export interface ReportMinerScore {
  readonly uid: number;
  readonly code: string;
  readonly score: number;
  readonly gain?: number;
  readonly lowerBound?: number;
  readonly upperBound?: number;
  readonly weight: number;
  readonly incentive: number;
}

/** Held-out losses of one version. */
export interface ReportLosses {
  readonly version: number;
  readonly afterCycle: number | null;
  readonly target: number;
  readonly general: number;
  readonly test: number;
}

/** Whether the demo kept everything that it promises. */
export function reportPassed({ checks }: DemoReport): boolean {
  return checks.length > 0 && checks.every(({ ok }) => ok);
}

/** The verdict in one sentence. */
export function reportVerdict(report: DemoReport): string {
  const failed = report.checks.filter(({ ok }) => !ok).length;
  if (reportPassed(report)) return `The network learned: test loss fell by ${percent(report.test.relativeFall)}`;
  if (report.checks.length === 0) return 'Nothing was checked';
  return `${failed} of ${report.checks.length} checks failed`;
}

/** The report as lines of at most `width` cells. */
export function renderReportTable(report: DemoReport, { width = 100, color = false }: { readonly width?: number; readonly color?: boolean } = {}): string[] {
  const paint = createPaint(color);
  const verdict = reportPassed(report) ? paint.good : paint.bad;
  return [
    verdict(paint.bold(cutText(reportVerdict(report), width))),
    '',
    ...renderLosses(report, width, paint),
    ...report.cycles.flatMap((cycle) => ['', ...renderCycle(report, cycle, width, paint)]),
    '',
    ...report.checks.flatMap(({ name, ok, detail }) => renderCheck({ name, ok, detail }, width, paint)),
  ];
}

function renderLosses({ losses }: DemoReport, width: number, paint: Paint): string[] {
  const base = losses[0];
  const columns: readonly Column[] = [
    { title: 'VERSION' },
    { title: 'AFTER', priority: 1 },
    { title: 'TARGET', align: 'right' },
    { title: '', align: 'right', priority: 4 },
    { title: 'GENERAL', align: 'right', priority: 5 },
    { title: '', align: 'right', priority: 2 },
    { title: 'TEST', align: 'right' },
    { title: '', align: 'right', priority: 3 },
  ];
  const rows = losses.map((row): Cell[] => {
    const against = (key: 'target' | 'general' | 'test'): Cell[] => [{ text: nats(row[key]) }, { text: base === undefined || row === base ? '' : signedPercent(row[key] / base[key] - 1), paint: paint.dim }];
    return [{ text: row.version === 0 ? 'base' : String(row.version) }, { text: row.afterCycle === null ? '' : `cycle ${row.afterCycle}`, paint: paint.dim }, ...against('target'), ...against('general'), ...against('test')];
  });
  return [paint.bold(cutText('Held-out loss, nats per token', width)), ...renderTable(columns, rows, width, paint)];
}

function renderCycle(report: DemoReport, cycle: ReportCycle, width: number, paint: Paint): string[] {
  const columns: readonly Column[] = [
    { title: 'MINER' },
    { title: 'BEHAVIOUR', priority: 3 },
    { title: 'GAIN', align: 'right', priority: 5 },
    { title: 'INTERVAL', align: 'right', priority: 2 },
    { title: 'SCORE', align: 'right' },
    { title: 'CODE', priority: 6 },
    { title: 'WEIGHT', align: 'right', priority: 7 },
    { title: 'INCENTIVE', align: 'right', priority: 4 },
  ];
  const rows = cycle.miners.map((row): Cell[] => {
    const miner = report.miners.find(({ uid }) => uid === row.uid);
    const paid = row.score > 0 ? { paint: paint.good } : {};
    const interval = row.lowerBound === undefined || row.upperBound === undefined ? '' : `${signedNats(row.lowerBound)} … ${signedNats(row.upperBound)}`;
    return [
      { text: miner?.name ?? `uid ${row.uid}`, paint: paint.bold },
      { text: miner?.behaviour ?? '', paint: paint.dim },
      { text: row.gain === undefined ? '' : signedNats(row.gain) },
      { text: interval, paint: paint.dim },
      { text: nats(row.score), ...paid },
      { text: row.code, ...(row.score > 0 ? paid : { paint: paint.dim }) },
      { text: percent(row.weight), ...(row.weight > 0 ? { paint: paint.good } : {}) },
      { text: percent(row.incentive) },
    ];
  });
  return [...renderCycleHeading(cycle, width, paint), ...renderTable(columns, rows, width, paint)];
}

function renderCycleHeading(cycle: ReportCycle, width: number, paint: Paint): string[] {
  const { accepted, step, version, gate } = cycle;
  const result = accepted ? `version ${version} by ${step}` : `rejected, version ${version} stays`;
  const seconds = Object.values(cycle.phaseSeconds).reduce((sum, part) => sum + part, 0);
  const title = `Cycle ${cycle.cycle}: ${result}`;
  const lines = [paint.bold(cutText(title, width))];
  if (gate !== undefined) {
    lines.push(paint.dim(cutText(`gate: gain ${signedNats(gate.targetGain)} (at least ${signedNats(gate.targetLowerBound)}), forgetting at most ${signedNats(gate.forgettingUpperBound)} of ${nats(gate.allowance)} allowed`, width)));
  }
  lines.push(paint.dim(cutText(`${rootsLine(cycle)}; ${formatBytes(cycle.bytesOnWire)} on the wire, ${seconds.toFixed(1)} s`, width)));
  return lines;
}

/** `root 0123456789ab of both`, or each validator's own where they differ. */
export function rootsLine({ roots }: ReportCycle): string {
  const distinct = [...new Set(roots.map(({ root }) => root))];
  const [first] = distinct;
  if (first === undefined) return 'no root';
  if (distinct.length === 1) return `root ${first.slice(0, 16)} of ${roots.length === 2 ? 'both validators' : `${roots.length} validators`}`;
  return `roots differ: ${roots.map(({ validator, root }) => `${validator} ${root.slice(0, 12)}`).join(', ')}`;
}

/** `✓ name  detail`, the detail on lines of its own where it does not fit. */
function renderCheck({ name, ok, detail }: DemoReport['checks'][number], width: number, paint: Paint): string[] {
  const mark = ok ? paint.good('✓') : paint.bad('✗');
  if (width < 6) return [mark];
  const label = cutText(name, width - 2);
  const text = printable(detail, 1000);
  if (displayWidth(label) + displayWidth(text) + 4 <= width) return [`${mark} ${label}  ${paint.dim(text)}`];
  return [`${mark} ${label}`, ...wrapText(text, width - 4).map((line) => `    ${paint.dim(line)}`)];
}

/** Four decimals. */
export function nats(value: number): string {
  return Number.isFinite(value) ? value.toFixed(4) : String(value);
}

/** With its sign, minus as a real minus. */
export function signedNats(value: number): string {
  return `${value < 0 ? '−' : '+'}${nats(Math.abs(value))}`;
}

/** `12.3 %`. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** `−12.3 %`. */
export function signedPercent(share: number): string {
  return `${share < 0 ? '−' : '+'}${percent(Math.abs(share))}`;
}
