/**
 * Reports of the steps of a run on disk, appended to, so that saving costs the same after ten thousand steps as after ten.
 *
 * Records of {@link COLUMNS} little-endian float64 values; the state's file says how many of them count. What a crash left beyond is written over.
 *
 * @module
 */
import { open } from 'node:fs/promises';
import type { StepReport } from './training-job.ts';

/** Step, loss, auxiliary loss, gradient norm, learning rate, targets, tokens per second, skipped. */
const COLUMNS = 8;
const RECORD_BYTES = COLUMNS * 8;

/**
 * Writes reports `from` to the last in their places and flushes them to disk.
 */
export async function writeReports(path: string, reports: readonly StepReport[], from: number): Promise<void> {
  const fresh = reports.slice(from);
  const bytes = new DataView(new ArrayBuffer(fresh.length * RECORD_BYTES));
  for (const [row, report] of fresh.entries()) {
    for (const [column, value] of toRecord(report).entries()) bytes.setFloat64(row * RECORD_BYTES + column * 8, value, true);
  }
  const handle = await open(path, from === 0 ? 'w' : 'r+');
  try {
    await handle.write(bytes, 0, bytes.byteLength, from * RECORD_BYTES);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Reads the first `count` reports.
 *
 * @throws RangeError there are fewer, or they are no reports
 */
export async function readReports(path: string, count: number): Promise<StepReport[]> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    if (size < count * RECORD_BYTES) throw new RangeError(`it has ${Math.floor(size / RECORD_BYTES)} records, expected ${count}`);
    const bytes = new DataView(new ArrayBuffer(count * RECORD_BYTES));
    await handle.read(bytes, 0, bytes.byteLength, 0);
    return Array.from({ length: count }, (_, index) => fromRecord(bytes, index));
  } finally {
    await handle.close();
  }
}

function toRecord({ step, loss, auxiliaryLoss, gradientNorm, learningRate, targets, tokensPerSecond, skipped }: StepReport): number[] {
  return [step, loss, auxiliaryLoss, gradientNorm, learningRate, targets, tokensPerSecond, Number(skipped)];
}

function fromRecord(bytes: DataView, index: number): StepReport {
  const at = (column: number): number => bytes.getFloat64(index * RECORD_BYTES + column * 8, true);
  if (at(0) !== index + 1) throw new RangeError(`record ${index} is of step ${at(0)}`);
  return { step: at(0), loss: at(1), auxiliaryLoss: at(2), gradientNorm: at(3), learningRate: at(4), targets: at(5), tokensPerSecond: at(6), skipped: at(7) === 1 };
}
