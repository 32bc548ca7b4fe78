/**
 * `connito model diff`: where two models or files differ, and by how much.
 *
 * @module
 */
import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import type { CheckpointDiff, Difference, DiffPlace, TensorDifference, TensorSet } from '@connito/moe-core';
import { printable, wantsColor, type CliContext } from '../context.ts';
import { describeUse } from '../options.ts';
import { openProgress } from '../progress.ts';
import { createPaint, renderTable, type Cell, type Column } from '../terminal.ts';

interface DiffFlags {
  readonly tensors?: true;
  readonly json?: true;
}

/** Adds `connito model diff`. */
export function registerModelDiff(group: Command, context: CliContext): void {
  const command = group
    .command('diff')
    .description('Compare two models or safetensors files tensor by tensor: bytes first, and where they differ, by how much, for each layer and expert. Exits with 0 whether they differ or not.')
    .argument('<a>', 'directory in Hugging Face layout, or one .safetensors file')
    .argument('<b>', 'the other')
    .option('--tensors', 'list every tensor that differs')
    .action((a: string, b: string, flags: DiffFlags) => diff([a, b], flags, context));
  describeUse(command, ['connito model diff model/ law-model/', 'connito model diff before.safetensors after.safetensors --tensors', 'connito model diff model/ law-model/ --json']);
}

async function diff([pathA, pathB]: readonly [string, string], flags: DiffFlags, context: CliContext): Promise<void> {
  const { diffCheckpoints } = await import('@connito/moe-core');
  const progress = openProgress(context);
  const [a, b] = [await openSet(pathA), await openSet(pathB)];
  try {
    const onTensor = ({ name, done, total }: { name: string; done: number; total: number }): void => {
      context.signal.throwIfAborted();
      progress.show(`${done} of ${total}: ${printable(name)}`);
    };
    const result = await diffCheckpoints(a, b, { onTensor });
    progress.clear();
    if (flags.json) context.printJson({ a: pathA, b: pathB, ...result });
    else context.print(render(result, { flags, context }).join('\n'));
  } finally {
    progress.clear();
    await a.close();
    await b.close();
  }
}

async function openSet(path: string): Promise<TensorSet & { close(): Promise<void> }> {
  const { openCheckpoint, openSafetensorsFile } = await import('@connito/moe-core/node');
  if ((await stat(path)).isDirectory()) return openCheckpoint(path);
  const { tensors, read, close } = await openSafetensorsFile(path);
  return { tensors, readTensor: read, close };
}

const FIGURES: readonly Column[] = [
  { title: 'CHANGED', align: 'right', priority: 3 },
  { title: 'MAX ABS', align: 'right', priority: 2 },
  { title: 'L2', align: 'right', priority: 1 },
  { title: 'RELATIVE', align: 'right' },
  { title: 'COSINE', align: 'right', priority: 4 },
];

function render(result: CheckpointDiff, { flags, context }: { flags: DiffFlags; context: CliContext }): string[] {
  const { stdout, env } = context;
  const [width, paint] = [stdout.isTTY === true ? (stdout.columns ?? 100) : Infinity, createPaint(wantsColor(stdout, env))];
  const { groups, differing, onlyInA, onlyInB, compared, equalTensors, equal } = result;
  const lines: string[] = [];
  if (groups.length > 0) {
    const rows = groups.map(({ place, tensors, differing: count, difference }) => [cell(describePlace(place)), cell(`${count} of ${tensors}`), ...figures(difference)]);
    lines.push(...renderTable([{ title: 'WHERE' }, { title: 'TENSORS', align: 'right' }, ...FIGURES], rows, width, paint));
  }
  if (flags.tensors && differing.length > 0) lines.push('', ...renderTable([{ title: 'TENSOR', minWidth: 20 }, { title: 'TYPE' }, ...FIGURES], differing.map(tensorRow), width, paint));
  if (lines.length > 0) lines.push('');
  for (const [side, names] of [['a', onlyInA], ['b', onlyInB]] as const) lines.push(...listNames(side, names));
  const total = result.difference === undefined ? '' : `; together ‖a − b‖ / ‖a‖ = ${significant(result.difference.relativeL2)} over these`;
  lines.push(equal ? `equal: ${compared} tensors, byte for byte` : `${equalTensors} of ${compared} common tensors are equal, ${differing.length} differ${total}`);
  return lines;
}

/** More names than fit a screen help nobody; `--json` has them all. */
const LISTED = 8;

function listNames(side: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const more = names.length > LISTED ? ` and ${names.length - LISTED} more` : '';
  return [`only in ${side} (${names.length}): ${names.slice(0, LISTED).map((name) => printable(name)).join(', ')}${more}`];
}

function describePlace({ layer, expert }: DiffPlace): string {
  if (layer === undefined) return 'outside of layers';
  return expert === undefined ? `layer ${layer}` : `layer ${layer}, expert ${expert}`;
}

function tensorRow({ name, a, b, difference, changed }: TensorDifference): Cell[] {
  const [typeA, typeB] = [a, b].map(({ dtype, shape }) => `${dtype} [${shape.join(', ')}]`);
  const numbers = figures(difference);
  return [cell(printable(name)), cell(typeA === typeB ? typeA! : `${typeA} → ${typeB}`), difference === undefined ? cell(changed === undefined ? '' : String(changed)) : numbers[0]!, ...numbers.slice(1)];
}

function figures(difference: Difference | undefined): Cell[] {
  if (difference === undefined) return FIGURES.map(() => cell('–'));
  const { changed, elements, maxAbs, l2, relativeL2, cosine } = difference;
  return [`${changed.toLocaleString('en')} of ${elements.toLocaleString('en')}`, significant(maxAbs), significant(l2), significant(relativeL2), cosine === undefined ? '–' : cosine.toFixed(6)].map(cell);
}

function significant(value: number | undefined): string {
  return value === undefined ? '–' : value === 0 ? '0' : value.toPrecision(3);
}

function cell(text: string): Cell {
  return { text };
}
