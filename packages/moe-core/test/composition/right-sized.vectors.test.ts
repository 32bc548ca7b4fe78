import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { FAMILIES, formatExpertConfig, fromFloat32, parseTopology, rightSizeModel } from '../../src/index.ts';
import { openCheckpoint, writeModelDirectory, writeSafetensorsFile } from '../../src/node.ts';
import { fullTensors, openFull, rightSizedCases, selectionIn, type RightSizedCase } from './right-sized-fixture.ts';

const cases = rightSizedCases();
const python = process.env['PYTHON'];

describe('against transformers', () => {
  it('has a case of every family', () => expect(new Set(cases.map(({ config }) => parseTopology(JSON.parse(config)).family)).size).toBe(FAMILIES.length));

  it.each(cases)('$name: config and tensors are those that transformers saved', async (model) => {
    const full = await openFull(model);
    const { checkpoint, config, experts } = rightSizeModel(full, { selection: selectionIn(model), config: model.config });
    expect(config).toBe(model.smallConfig);
    for (const [layer, ids] of experts) expect(ids).toEqual(model.experts[layer]!.toSorted((a, b) => a - b));
    const made: Record<string, unknown> = {};
    for (const { name, shape } of checkpoint.tensors.values()) {
      const bytes = fromFloat32(await checkpoint.readFloat32(name), 'F32');
      made[name] = [shape, createHash('sha256').update(bytes).digest('hex').slice(0, 16)];
    }
    expect(made).toEqual(model.smallTensors);
  });

  // Python loads what this package wrote; the vectors above hold what Python wrote.
  it.runIf(python !== undefined && process.env['CONNITO_SLOW'])('transformers loads the files, and their logits are those of the masked full models', { timeout: 600_000 }, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'right-sized-'));
    try {
      const pairs = await Promise.all(cases.map((model, i) => writePair(join(directory, String(i)), model)));
      const script = fileURLToPath(new URL('../vectors/right-sized.py', import.meta.url));
      const { stdout } = await promisify(execFile)(python!, [script, 'check', ...pairs.flat()]);
      expect(stdout.match(/masking moves logits by/g)).toHaveLength(cases.length);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

/** The full model and the smaller one, in shards; their directories. */
async function writePair(directory: string, model: RightSizedCase): Promise<readonly [string, string]> {
  const [full, small] = [join(directory, 'full'), join(directory, 'small')];
  await mkdir(full, { recursive: true });
  await writeFile(join(full, 'config.json'), model.config);
  await writeSafetensorsFile(join(full, 'model.safetensors'), fullTensors(model), { format: 'pt' });
  const opened = await openCheckpoint(full);
  const { checkpoint, config, experts } = rightSizeModel(opened, { selection: selectionIn(model), config: model.config });
  const files = new Map([['config.json', config], ['expert_cfg.json', formatExpertConfig({ experts, sharedExperts: false, nonExpertModules: false })]]);
  await writeModelDirectory(small, { checkpoint, copyFrom: full, files, maxShardBytes: 4096 });
  await checkpoint.close();
  return [full, small];
}
