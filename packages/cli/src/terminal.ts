/**
 * Text for terminals: widths as a terminal counts them, colours that can be off, tables that give up columns before they overflow.
 *
 * @module
 */

/** Colours of the CLI; each takes and gives text of the same width. */
export interface Paint {
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  accent(text: string): string;
}

/** A column of a table; the lowest `priority` is given up first when the width is short. */
export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** Without one a column is never given up. */
  readonly priority?: number;
  /** May be cut down to this many cells before columns are given up. */
  readonly minWidth?: number;
  /** Takes at least so many cells where there is room, so that a table that changes does not jump. */
  readonly reserve?: number;
}

/** A cell: its text, and how it is painted after it has been fitted. */
export interface Cell {
  readonly text: string;
  readonly paint?: (text: string) => string;
}

/** Cells between two columns. */
const GAP = 2;

/** ANSI colours, or none. */
export function createPaint(color: boolean): Paint {
  const style = (open: number, close: number) => (text: string) => (color && text !== '' ? `\u001b[${open}m${text}\u001b[${close}m` : text);
  return { bold: style(1, 22), dim: style(2, 22), good: style(32, 39), bad: style(31, 39), accent: style(36, 39) };
}

/** How many terminal cells `text` takes; escape sequences take none, East Asian wide characters two. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of stripStyles(text)) width += characterWidth(character);
  return width;
}

/**
 * `raw` cut to `width` cells, with an ellipsis where something is lost. It must be unstyled: control characters vanish, so that text
 * of another party cannot move the cursor.
 */
export function cutText(raw: string, width: number): string {
  if (width <= 0) return '';
  const text = dropControls(raw);
  if (displayWidth(text) <= width) return text;
  let kept = '';
  let used = 0;
  for (const character of text) {
    used += characterWidth(character);
    if (used > width - 1) break;
    kept += character;
  }
  return `${kept}…`;
}

/** `text` cut or padded to exactly `width` cells. */
export function fitText(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const cut = cutText(text, width);
  const padding = ' '.repeat(Math.max(0, width - displayWidth(cut)));
  return align === 'left' ? cut + padding : padding + cut;
}

/** `text` broken at spaces into lines of at most `width` cells; a longer word is cut. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/).map(dropControls).filter((part) => part !== '')) {
    const joined = `${lines.at(-1) ?? ''} ${word}`;
    if (lines.length > 0 && displayWidth(joined) <= width) lines[lines.length - 1] = joined;
    else lines.push(cutText(word, width));
  }
  return lines;
}

/** A table with its heading, each line at most `width` cells. */
export function renderTable(columns: readonly Column[], rows: readonly (readonly Cell[])[], width: number, paint: Paint): string[] {
  const layout = layOut(columns, rows, width);
  const heading = layout.map(({ column, size }) => paint.dim(fitText(column.title, size, column.align)));
  const lines = rows.map((row) => layout.map(({ column, index, size }) => paintCell(row[index], size, column.align)));
  return [heading, ...lines].map((cells) => trimEndCells(cells.join(' '.repeat(GAP)), width));
}

/** A bar of `width` cells, filled by `share` (0 to 1). */
export function renderBar(share: number, width: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share || 0)) * width);
  return '█'.repeat(filled) + '░'.repeat(Math.max(0, width - filled));
}

/** The last `width` values as a line of blocks, the lowest value lowest. */
export function renderSparkline(values: readonly number[], width: number): string {
  const shown = values.filter(Number.isFinite).slice(-width);
  const low = Math.min(...shown);
  const span = Math.max(...shown) - low;
  return shown.map((value) => BLOCKS[span === 0 ? 0 : Math.round(((value - low) / span) * (BLOCKS.length - 1))]).join('');
}

/** `1.2 MB`, in powers of 1,000. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'] as const;
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}

const BLOCKS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;

interface PlacedColumn {
  readonly column: Column;
  readonly index: number;
  readonly size: number;
}

/** `least` is what a column needs at least. */
function layOut(columns: readonly Column[], rows: readonly (readonly Cell[])[], width: number): PlacedColumn[] {
  const placed = columns.map((column, index) => {
    const content = Math.max(displayWidth(column.title), ...rows.map((row) => displayWidth(row[index]?.text ?? '')));
    return { column, index, least: Math.min(column.minWidth ?? content, content), size: Math.max(content, column.reserve ?? 0) };
  });
  for (;;) {
    const excess = placed.reduce((sum, { size }) => sum + size, GAP * (placed.length - 1)) - width;
    if (excess <= 0) return placed;
    if (shrink(placed, excess)) return placed;
    const victim = placed.reduce<PlacedColumn | undefined>((least, candidate) => {
      if (candidate.column.priority === undefined) return least;
      return least === undefined || candidate.column.priority < (least.column.priority ?? Infinity) ? candidate : least;
    }, undefined);
    if (victim === undefined) return cutToFit(placed, width);
    placed.splice(placed.indexOf(victim as (typeof placed)[number]), 1);
  }
}

/** Takes the excess from columns with reserves or that may be cut, if they have that much to give. */
function shrink(placed: { readonly least: number; size: number }[], excess: number): boolean {
  const slack = placed.map(({ least, size }) => size - least);
  if (slack.reduce((sum, part) => sum + part, 0) < excess) return false;
  let left = excess;
  placed.forEach((entry, index) => {
    const taken = Math.min(slack[index] ?? 0, left);
    entry.size -= taken;
    left -= taken;
  });
  return true;
}

function cutToFit(placed: readonly PlacedColumn[], width: number): PlacedColumn[] {
  const kept: PlacedColumn[] = [];
  let left = width;
  for (const entry of placed) {
    const size = Math.min(entry.size, left);
    if (size <= 0) break;
    kept.push({ ...entry, size });
    left -= size + GAP;
  }
  return kept;
}

function paintCell(cell: Cell | undefined, size: number, align: Column['align']): string {
  const text = fitText(cell?.text ?? '', size, align);
  return cell?.paint === undefined ? text : cell.paint(text);
}

function trimEndCells(line: string, width: number): string {
  return displayWidth(line) > width ? line : line.trimEnd();
}

function dropControls(text: string): string {
  return text.replace(/\p{Cc}/gu, '');
}

function stripStyles(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replace(/\u001b\[[\d;?]*[a-zA-Z]/g, '');
}

function characterWidth(character: string): number {
  if (/\p{M}|\p{Cf}|\p{Cc}/u.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** Unicode TR11's wide and full-width blocks, coarsely, and emoji. */
const WIDE = /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
