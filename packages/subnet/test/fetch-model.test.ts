import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openFileStore } from '@connito/artifacts';
import { fetchModel } from '../src/task.ts';
import { exampleManifest } from './example-manifest.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'connito-model-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

it('fetches a file again that has the right size and other bytes', async () => {
  const store = await openFileStore(join(directory, 'store'));
  const file = { name: 'config.json', ...(await store.put(new TextEncoder().encode('{"a":1}'))) };
  const manifest = { ...exampleManifest, model: { ...exampleManifest.model, files: [file] } };
  const target = await fetchModel(store, manifest, join(directory, 'model'));
  writeFileSync(join(target, 'config.json'), '{"a":2}');
  await fetchModel(store, manifest, target);
  expect(readFileSync(join(target, 'config.json'), 'utf8')).toBe('{"a":1}');
});
