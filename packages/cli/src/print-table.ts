/**
 * A table on stdout.
 *
 * @module
 */
import { wantsColor, type CliContext } from './context.ts';
import { createPaint, renderTable, type Cell } from './terminal.ts';

/** Prints rows under titles, as wide as the terminal is; into a pipe or file with all columns. */
export function printTable(columns: Parameters<typeof renderTable>[0], rows: readonly (readonly Cell[])[], context: CliContext): void {
  const paint = createPaint(wantsColor(context.stdout, context.env));
  context.print(renderTable(columns, rows, context.stdout.isTTY === true ? (context.stdout.columns ?? 120) : Infinity, paint).join('\n'));
}

/** Prints names and values below one another. */
export function printFacts(facts: readonly (readonly [name: string, value: string])[], context: CliContext): void {
  const width = Math.max(...facts.map(([name]) => name.length));
  for (const [name, value] of facts) context.print(`${name.padEnd(width)}  ${value}`);
}
