/**
 * `connito model extract`: selected experts of a model in one file.
 *
 * @module
 */
import { Option, type Command } from 'commander';
import type { ExpertModule } from '@connito/moe-core';
import type { CliContext } from '../context.ts';
import { countExperts, readSelection } from '../expert-config-file.ts';
import { metaOption, provenanceOf } from '../module-provenance.ts';
import { describeUse } from '../options.ts';
import { openProgress } from '../progress.ts';
import { formatBytes } from '../terminal.ts';

interface ExtractFlags {
  readonly model: string;
  readonly experts: string;
  readonly dtype: 'base' | 'F32';
  readonly meta: ReadonlyMap<string, string>;
  readonly out: string;
  readonly json?: true;
}

/** Adds `connito model extract`. */
export function registerModelExtract(group: Command, context: CliContext): void {
  const command = group
    .command('extract')
    .description('Write selected experts of a model into one module file that says where they come from, for others to graft into the same model.')
    .requiredOption('--model <directory>', 'checkpoint in Hugging Face layout')
    .requiredOption('--experts <file>', 'expert_cfg.json of `connito experts select`')
    .addOption(new Option('--dtype <dtype>', "the model's own bytes, or float32").choices(['base', 'F32']).default('base'))
    .addOption(metaOption())
    .requiredOption('--out <file>', 'the module file')
    .action((flags: ExtractFlags) => extract(flags, context));
  describeUse(command, [
    'connito model extract --model model/ --experts expert_cfg.json --out law.safetensors',
    'connito model extract --model model/ --experts expert_cfg.json --dtype F32 --meta author=Ada --meta license=MIT --meta weight=0.5 --out law.safetensors',
  ]);
}

async function extract(flags: ExtractFlags, context: CliContext): Promise<void> {
  const { createExpertModule } = await import('@connito/moe-core');
  const { openCheckpoint, writeExpertModuleFile } = await import('@connito/moe-core/node');
  const selection = await readSelection(flags.experts);
  const checkpoint = await openCheckpoint(flags.model);
  const progress = openProgress(context);
  try {
    const module = createExpertModule({ checkpoint, selection, provenance: await provenanceOf(checkpoint, flags.meta), dtype: flags.dtype });
    const total = module.tensors.size;
    let done = 0;
    const readTensor: ExpertModule['readTensor'] = async (name) => {
      context.signal.throwIfAborted();
      progress.show(`tensor ${++done} of ${total}`);
      return module.readTensor(name);
    };
    const sizeBytes = await writeExpertModuleFile(flags.out, { ...module, readTensor });
    progress.clear();
    report(module, { flags, sizeBytes, context });
  } finally {
    progress.clear();
    await checkpoint.close();
  }
}

function report(module: ExpertModule, { flags, sizeBytes, context }: { flags: ExtractFlags; sizeBytes: number; context: CliContext }): void {
  const { selection, dtype, provenance, tensors } = module;
  const experts = countExperts(selection);
  if (flags.json) return context.printJson({ out: flags.out, experts, tensors: tensors.size, dtype, sizeBytes, provenance, selection });
  context.print(`${flags.out}: ${experts} experts of ${selection.size} layers in ${dtype}, ${formatBytes(sizeBytes)}, for the base ${provenance.base.fingerprint.slice(0, 12)}…`);
}
