import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const model = fileURLToPath(new URL('../../demo-data/model', import.meta.url));
const haveModel = existsSync(`${model}/model.safetensors`);
if (!haveModel) console.warn('SKIPPED: packages/demo-data/model is not there; the example of the README is not run');

describe.skipIf(!haveModel)('the example of the README', () => {
  it('runs', async () => {
    const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
    const example = /```js\n([\s\S]*?)```/.exec(readme)![1]!.replaceAll("'model'", JSON.stringify(model));
    const folder = fileURLToPath(new URL('../.connito/', import.meta.url));
    await mkdir(folder, { recursive: true });
    await writeFile(`${folder}readme.mjs`, example);
    const { stdout } = await promisify(execFile)(process.execPath, [`${folder}readme.mjs`]);
    await rm(folder, { recursive: true });
    expect(stdout).toMatch(/^base \d+\.\d+, trained \d+\.\d+ nats per token\n$/);
  });
});
