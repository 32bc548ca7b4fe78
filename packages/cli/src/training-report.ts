/**
 * A training run as its user sees it: a line that moves, JSON lines, or a line of the log for every tenth of the run; figures at the end.
 *
 * @module
 */
import type { ExpertSelection } from '@connito/moe-core';
import type { LayerLoad, StepReport, TrainingEvent, TrainingResult, TrainingStep } from '@connito/moe-engine';
import { wantsColor, type CliContext } from './context.ts';
import { countExperts } from './expert-config-file.ts';
import { openProgress } from './progress.ts';
import { createPaint, formatBytes } from './terminal.ts';
import type { TrainingData } from './training-data.ts';

/** What a report is about. */
export interface TrainingReportOptions {
  readonly data: TrainingData;
  readonly selection: ExpertSelection;
  readonly flags: { readonly out: string; readonly as: string; readonly resume?: string; readonly json?: true };
  readonly context: CliContext;
}

/** A finished run. */
export interface ReportedTraining {
  readonly result: TrainingResult;
  /** Says what was written. */
  finish(sizeBytes: number): void;
}

/** Follows a run to its end. An abort says how to go on. @throws what the run throws */
export async function reportTraining(events: AsyncIterable<TrainingEvent | { readonly kind: 'done'; readonly result: TrainingResult }>, options: TrainingReportOptions): Promise<ReportedTraining> {
  const { context, flags } = options;
  const progress = openProgress(context);
  const share = openRoutingShare(options.selection);
  const begun = performance.now();
  let steps = 0;
  try {
    for await (const event of events) {
      if (event.kind === 'done') return { result: event.result, finish: (sizeBytes) => finish(event.result, { ...options, sizeBytes, share: share.of(), seconds: (performance.now() - begun) / 1000 }) };
      if (flags.json) context.stdout.write(`${JSON.stringify(event)}\n`);
      if (event.kind === 'started') {
        steps = event.steps;
        if (event.completedSteps > 0 && !flags.json) context.log.info(`going on after step ${event.completedSteps} of ${steps}`);
      }
      if (event.kind !== 'step') continue;
      share.add(event.expertLoad);
      progress.show(describeStep(event, steps));
      if (isTenth(event.step, steps) && !flags.json && context.stderr.isTTY !== true) context.log.info(describeStep(event, steps));
    }
  } catch (error) {
    progress.clear();
    if (flags.resume !== undefined && isAbort(error)) context.log.info(`${error.message}; the state is in ${flags.resume}: the same command goes on from there`);
    throw error;
  } finally {
    progress.clear();
  }
  throw new TypeError('a run ends with its result or an error');
}

/** Whether a step is the last of a tenth of the run. */
export function isTenth(step: number, steps: number): boolean {
  return Math.floor((step * 10) / steps) > Math.floor(((step - 1) * 10) / steps);
}

function describeStep({ step, loss, gradientNorm, learningRate, tokensPerSecond, skipped }: TrainingStep, steps: number): string {
  const figures = skipped ? 'skipped: not finite, or nothing to learn' : `loss ${loss.toFixed(4)}, gradient norm ${gradientNorm.toPrecision(3)}`;
  return `step ${step} of ${steps}: ${figures}, rate ${learningRate.toPrecision(3)}, ${wholeTokens(tokensPerSecond)} tokens/s`;
}

function wholeTokens(count: number): string {
  return Math.round(count).toLocaleString('en');
}

function isAbort(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && error.code === 'aborted';
}

/** Share of all routing decisions that went to the trained experts. */
function openRoutingShare(selection: ExpertSelection): { add(load: readonly LayerLoad[]): void; of(): number } {
  let [trained, all] = [0, 0];
  return {
    add(load) {
      for (const { layer, counts } of load) {
        for (const expert of selection.get(layer) ?? []) trained += counts[expert] ?? 0;
        all += counts.reduce((sum, count) => sum + count, 0);
      }
    },
    of: () => (all === 0 ? Number.NaN : trained / all),
  };
}

interface Finished extends TrainingReportOptions {
  readonly sizeBytes: number;
  readonly share: number;
  readonly seconds: number;
}

function finish({ experts, steps, skippedSteps, device }: TrainingResult, { data, selection, flags, context, sizeBytes, share, seconds }: Finished): void {
  const { rows, sequenceLength, textPositions } = data;
  const [firstLoss, lastLoss] = [meanLoss(steps, 'first'), meanLoss(steps, 'last')];
  const { out, as } = flags;
  const figures = { out, as, experts: countExperts(selection), tensors: experts.size, sizeBytes, device, rows, sequenceLength, textPositions, steps: steps.length, skippedSteps, firstLoss, lastLoss, routingShare: share, seconds };
  if (flags.json) return void context.stdout.write(`${JSON.stringify({ kind: 'done', ...figures })}\n`);
  const paint = createPaint(wantsColor(context.stdout, context.env));
  const skipped = skippedSteps === 0 ? '' : paint.bad(`, ${skippedSteps} skipped`);
  const lines: [string, string][] = [
    ['loss', `${firstLoss.toFixed(4)} → ${lastLoss.toFixed(4)} nats per token (first and last tenth of the steps)`],
    ['steps', `${steps.length}${skipped} on ${rows} rows of ${sequenceLength} tokens, ${((100 * textPositions) / (rows * sequenceLength)).toFixed(1)} % of them text (${device})`],
    ...(Number.isFinite(share) ? [['routing', `${(100 * share).toFixed(1)} % of it went to the trained experts`] as [string, string]] : []),
    ['experts', `${figures.experts} of ${selection.size} layers`],
    [as, `${out}, ${formatBytes(sizeBytes)}`],
  ];
  context.print(lines.map(([name, value]) => `${paint.dim(name.padEnd(8))} ${value}`).join('\n'));
}

/** Over the first or last tenth of the steps that were not skipped; NaN where all were. */
export function meanLoss(steps: readonly StepReport[], end: 'first' | 'last'): number {
  const losses = steps.filter(({ skipped }) => !skipped).map(({ loss }) => loss);
  const count = Math.ceil(losses.length / 10);
  const chosen = end === 'first' ? losses.slice(0, count) : losses.slice(-count);
  return chosen.reduce((sum, loss) => sum + loss, 0) / chosen.length;
}
