/**
 * The demo's task, made before any process starts: shards from text, and the experts that the target domain uses most.
 *
 * @module
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openShard, prepareDataset, takeRows, type DatasetManifest } from '@connito/dataset';
import { addRouting, createExpertRelevance, selectExperts, tokenScores, type ExpertSelection } from '@connito/moe-core';
import { openCheckpoint } from '@connito/moe-core/node';
import { collectRouting, type DeviceChoice } from '@connito/moe-engine';
import { CliError } from '../cli-error.ts';

/** The demo's task on disk. */
export interface PreparedTask {
  readonly dataDirectory: string;
  readonly dataset: DatasetManifest;
  readonly selection: ExpertSelection;
}

/** Tokens per row: the length that the demo's model was pretrained on. */
const SEQUENCE_LENGTH = 128;
const TRAIN_SHARDS = 12;
/** Score and gate draw 96 rows each; the rest is what nobody can foresee. */
const HELD_OUT_ROWS = 320;
const GENERAL_ROWS = 512;
const TEST_ROWS = 384;
const RELEVANCE_ROWS = 128;

/**
 * At 0.5 the selected experts beat equally many random ones for every seed tried (demo-data/EXPERTS.md); ESFT's 0.2 selects too few on a model this small.
 */
const RELEVANCE_THRESHOLD = 0.5;

/** Where the demo's text and model are. */
export interface TaskSources {
  readonly modelDirectory: string;
  /** Has `target` and `general` with .txt or .jsonl files. */
  readonly textDirectory: string;
  readonly out: string;
  readonly cycles: number;
  readonly seed: number;
  readonly device: DeviceChoice;
  readonly signal: AbortSignal;
}

/** Prepares data and selection under `out`. */
export async function prepareTask(sources: TaskSources): Promise<PreparedTask> {
  const { modelDirectory, textDirectory, out, cycles, seed, signal } = sources;
  const dataDirectory = join(out, 'data');
  const dataset = await prepareDataset({
    target: [await textFolder(textDirectory, 'target')],
    general: [await textFolder(textDirectory, 'general')],
    tokenizer: modelDirectory,
    out: dataDirectory,
    sequenceLength: SEQUENCE_LENGTH,
    cycles,
    trainShards: TRAIN_SHARDS,
    heldOutRows: HELD_OUT_ROWS,
    generalRows: GENERAL_ROWS,
    testRows: TEST_ROWS,
    seed,
    signal,
  });
  return { dataDirectory, dataset, selection: await selectTargetExperts(sources, dataDirectory, dataset) };
}

async function textFolder(directory: string, name: 'target' | 'general'): Promise<string> {
  const entries = await readdir(directory);
  if (entries.includes(name)) return join(directory, name);
  throw new CliError('data', `${directory} has no folder "${name}": --text needs target/ (the domain to learn) and general/ (what must not be forgotten), each with .txt or .jsonl files`);
}

/** ESFT: the experts that the target's training text is routed to most. */
async function selectTargetExperts({ modelDirectory, device, signal }: TaskSources, dataDirectory: string, dataset: DatasetManifest): Promise<ExpertSelection> {
  const checkpoint = await openCheckpoint(modelDirectory);
  try {
    const first = dataset.train[0];
    if (!first) throw new CliError('data', 'the prepared data has no training shard');
    const { topology } = checkpoint;
    const shard = await openShard(join(dataDirectory, first.file), { vocabularySize: topology.vocabularySize, sequenceLength: dataset.sequenceLength });
    const rows = Array.from({ length: Math.min(RELEVANCE_ROWS, shard.rows) }, (_, row) => row);
    const routing = await collectRouting({ checkpoint, tokens: takeRows(shard, rows), sequenceLength: dataset.sequenceLength, device, threads: 2, signal });
    let relevance = createExpertRelevance({ experts: topology.expertsPerLayer, expertsPerToken: topology.expertsPerToken });
    for (const layer of routing) relevance = addRouting(relevance, layer);
    return selectExperts(tokenScores(relevance), { threshold: RELEVANCE_THRESHOLD });
  } finally {
    await checkpoint.close();
  }
}
