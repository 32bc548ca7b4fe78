/**
 * The loss curves as inline SVG: one line per split over the model's versions, labelled at their ends.
 *
 * @module
 */
import { html, type Html } from './html.ts';
import { nats, signedPercent, type ReportLosses } from './report.ts';

type Split = 'target' | 'general' | 'test';

/** Size and text of one drawing of the chart; a narrow one is drawn anew, so that its text keeps its size on a phone. */
interface ChartSize {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly longLabels: boolean;
  readonly className: string;
}

const SIZES: readonly ChartSize[] = [
  { width: 920, height: 380, left: 62, right: 196, longLabels: true, className: 'chart wide' },
  { width: 350, height: 300, left: 52, right: 74, longLabels: false, className: 'chart narrow' },
];

const TOP = 18;
const BOTTOM = 50;
/** Least distance of two labels' baselines. */
const LABEL_STEP = 17;
const LABEL_STEP_TWO_LINES = 32;

const SPLITS: readonly { readonly key: Split; readonly label: string }[] = [
  { key: 'target', label: 'target' },
  { key: 'test', label: 'test' },
  { key: 'general', label: 'general' },
];

/** The chart in both sizes; the page's style shows the one that fits. */
export function renderLossChart(losses: readonly ReportLosses[]): Html {
  if (!losses.some((row) => SPLITS.some(({ key }) => Number.isFinite(row[key])))) return html`<p class="quiet">No loss was measured.</p>`;
  return html`${SIZES.map((size) => renderChart(losses, size))}`;
}

function renderChart(losses: readonly ReportLosses[], size: ChartSize): Html {
  const { width, height, left, right, className } = size;
  const values = losses.flatMap((row) => SPLITS.map(({ key }) => row[key])).filter(Number.isFinite);
  const ticks = niceTicks(Math.min(...values), Math.max(...values), size.longLabels ? 6 : 5);
  const [low, high] = [ticks[0] ?? 0, ticks.at(-1) ?? 1];
  const x = (index: number): number => left + (losses.length === 1 ? 0.5 : index / (losses.length - 1)) * (width - left - right);
  const y = (value: number): number => TOP + ((high - value) / (high - low)) * (height - TOP - BOTTOM);
  const first = losses[0] as ReportLosses;
  const last = losses.at(-1) as ReportLosses;
  const summary = SPLITS.map(({ key, label }) => `${label} from ${nats(first[key])} to ${nats(last[key])}`).join(', ');
  return html`<svg class="${className}" viewBox="0 0 ${width} ${height}" role="img" aria-label="Held-out loss per version: ${summary}">
    ${ticks.map((tick) => html`<line class="grid" x1="${left}" x2="${width - right}" y1="${round(y(tick))}" y2="${round(y(tick))}"/><text class="tick" x="${left - 8}" y="${round(y(tick) + 4)}" text-anchor="end">${tickLabel(tick, ticks)}</text>`)}
    ${losses.map((row, index) => renderVersionTick(row, x(index), height, losses.length, size))}
    <text class="axis" transform="translate(13 ${round(TOP + (height - TOP - BOTTOM) / 2)}) rotate(-90)" text-anchor="middle">loss, nats per token</text>
    <text class="axis" x="${round(left + (width - left - right) / 2)}" y="${height - 6}" text-anchor="middle">version of the model</text>
    ${SPLITS.map(({ key, label }) => renderSplit(losses, key, label, x, y))}
    ${renderLabels(first, last, x(losses.length - 1), y, size)}
  </svg>`;
}

function renderVersionTick({ version, afterCycle }: ReportLosses, x: number, height: number, count: number, { longLabels }: ChartSize): Html {
  const label = version === 0 ? 'base' : longLabels && afterCycle !== null && count <= 12 ? `${version} (cycle ${afterCycle})` : String(version);
  return html`<text class="tick" x="${round(x)}" y="${height - BOTTOM + 20}" text-anchor="middle">${label}</text>`;
}

function renderSplit(losses: readonly ReportLosses[], key: Split, label: string, x: (index: number) => number, y: (value: number) => number): Html {
  const points = losses.map((row, index) => ({ x: round(x(index)), y: round(y(row[key])), value: row[key], version: row.version })).filter(({ value }) => Number.isFinite(value));
  return html`<g class="split ${key}"><polyline points="${points.map((point) => `${point.x},${point.y}`).join(' ')}"/>${points.map(
    (point) => html`<g>${marker(key, point.x, point.y)}<title>${label}, ${point.version === 0 ? 'base' : `version ${point.version}`}: ${nats(point.value)} nats per token</title></g>`,
  )}</g>`;
}

/** Each split has a shape of its own, so that colour is not needed to tell them apart. */
function marker(key: Split, x: number, y: number): Html {
  if (key === 'target') return html`<circle cx="${x}" cy="${y}" r="4.5"/>`;
  if (key === 'test') return html`<rect x="${x - 4}" y="${y - 4}" width="8" height="8"/>`;
  return html`<path d="M${x} ${y - 5.5}L${x + 5.5} ${y}L${x} ${y + 5.5}L${x - 5.5} ${y}Z"/>`;
}

/** The curves' names at their ends, moved apart where they would touch; a thin line leads to a label that had to move. */
function renderLabels(first: ReportLosses, last: ReportLosses, endX: number, y: (value: number) => number, { longLabels, height }: ChartSize): Html {
  const step = longLabels ? LABEL_STEP : LABEL_STEP_TWO_LINES;
  const wanted = SPLITS.filter(({ key }) => Number.isFinite(last[key]))
    .map(({ key, label }) => ({ key, label, anchor: y(last[key]) }))
    .sort((a, b) => a.anchor - b.anchor);
  const placed = spread(wanted.map(({ anchor }) => anchor), step, TOP + 6, height - BOTTOM - (longLabels ? 0 : 14));
  return html`${wanted.map(({ key, label, anchor }, index) => {
    const labelY = placed[index] ?? anchor;
    const change = signedPercent(last[key] / first[key] - 1);
    const textX = round(endX + 18);
    const lead = html`<line class="lead" x1="${round(endX + 7)}" y1="${round(anchor)}" x2="${textX - 3}" y2="${round(labelY)}"/>`;
    if (longLabels) return html`${lead}<text class="label ${key}" x="${textX}" y="${round(labelY + 4)}"><tspan class="name">${label}</tspan> ${nats(last[key])} <tspan class="quiet">(${change})</tspan></text>`;
    return html`${lead}<text class="label ${key}" x="${textX}" y="${round(labelY + 1)}"><tspan class="name">${label}</tspan><tspan class="quiet" x="${textX}" dy="14">${change}</tspan></text>`;
  })}`;
}

/** Positions at least `step` apart, as near to `wanted` (rising) as pushing down and then up again leaves them. */
export function spread(wanted: readonly number[], step: number, low: number, high: number): number[] {
  const placed: number[] = [];
  for (const position of wanted) placed.push(Math.max(position, (placed.at(-1) ?? low - step) + step, low));
  let ceiling = high;
  for (let index = placed.length - 1; index >= 0; index -= 1) {
    placed[index] = Math.min(placed[index] ?? ceiling, ceiling);
    ceiling = (placed[index] ?? ceiling) - step;
  }
  return placed;
}

/** Round numbers that enclose `low` to `high`, about `count` of them. */
export function niceTicks(low: number, high: number, count: number): number[] {
  const span = Math.max(high - low, Math.abs(high) * 1e-9, Math.abs(low) * 1e-9) || 1;
  const rough = Math.max(span, 1e-9) / Math.max(1, count - 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  const start = Math.floor(low / step);
  const end = Math.max(start + 1, Math.ceil(high / step));
  return Array.from({ length: end - start + 1 }, (_, index) => Number(((start + index) * step).toPrecision(12)));
}

function tickLabel(tick: number, ticks: readonly number[]): string {
  const digits = Math.max(...ticks.map((value) => (String(value).split('.')[1] ?? '').length));
  return tick.toFixed(Math.min(digits, 4));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
