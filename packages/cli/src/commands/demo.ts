/**
 * `connito demo`: a full network on this machine.
 *
 * @module
 */
import { basename, relative, resolve } from 'node:path';
import type { Command } from 'commander';
import type { DeviceChoice } from '@connito/moe-engine';
import { CliError } from '../cli-error.ts';
import { wantsColor, type CliContext } from '../context.ts';
import { addDeviceOption } from '../engine-options.ts';
import { describeUse, wholeNumber } from '../options.ts';

/** The manifest's limit on a task's name. */
const MAX_DOMAIN_LENGTH = 64;

interface DemoFlags {
  readonly cycles: number;
  readonly miners: number;
  readonly validators: number;
  readonly seed: number;
  readonly out: string;
  readonly model?: string;
  readonly text?: string;
  readonly device: DeviceChoice;
  readonly json?: true;
}

/** Adds `connito demo`. */
export function registerDemo(program: Command, context: CliContext): void {
  const command = program
    .command('demo')
    .description('Run a full network on this machine: an embedded chain, an owner, miners (two of them cheat) and validators, each a process, on a real model and real text.')
    .option('--cycles <n>', 'cycles to run', wholeNumber({ min: 1, max: 50 }), 3)
    .option('--miners <n>', 'miners; of four or more the last two cheat', wholeNumber({ min: 1, max: 64 }), 4)
    .option('--validators <n>', 'validators', wholeNumber({ min: 1, max: 16 }), 2)
    .option('--seed <n>', 'keys, chain, beacon and data splits follow from it', wholeNumber({ max: 0xffff_ffff }), 1)
    .option('--out <directory>', 'where everything goes; an earlier demo there is replaced', 'connito-demo')
    .option('--model <directory>', "another checkpoint, in Hugging Face layout; default: the demo's own")
    .option('--text <directory>', "other text, with folders target/ and general/; default: the demo's own")
    .action((flags: DemoFlags) => run(flags, context));
  addDeviceOption(command);
  describeUse(command, ['connito demo', 'connito demo --cycles 1 --json', 'connito demo --miners 6 --validators 3 --seed 7 --out ./run'], 'print the report as JSON instead of tables');
}

async function run(flags: DemoFlags, context: CliContext): Promise<void> {
  const { modelDirectory, textDirectory } = await import('@connito/demo-data');
  const { runDemo } = await import('../demo/run-demo.ts');
  const { openDemoView } = await import('../demo/view.ts');
  const { renderReportTable } = await import('../demo/report.ts');
  const view = openDemoView(context);
  try {
    const report = await runDemo({
      ...flags,
      out: resolve(flags.out),
      modelDirectory: resolve(flags.model ?? modelDirectory),
      textDirectory: resolve(flags.text ?? textDirectory),
      domain: flags.text === undefined ? 'mathematics' : basename(resolve(flags.text)).slice(0, MAX_DOMAIN_LENGTH) || 'text',
      signal: context.signal,
      show: (event) => view.handle(event),
    });
    view.close();
    if (flags.json) context.printJson(report);
    else context.print([...renderReportTable(report, { width: context.stdout.columns ?? 100, color: wantsColor(context.stdout, context.env) }), '', `Report: ${relative('', resolve(flags.out, 'report.html')) || 'report.html'}`].join('\n'));
    const broken = report.checks.filter(({ ok }) => !ok);
    if (broken.length > 0) throw new CliError('failed', `${broken.length} of ${report.checks.length} checks failed: ${broken.map(({ name }) => name).join(', ')}`);
  } finally {
    view.close();
  }
}
