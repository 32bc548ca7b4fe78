import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { textDirectory } from '../src/index.ts';

type Document = { text: string; source: string };

const isFromPackage = ({ source }: Document) => source.startsWith('npm:');
const files = readdirSync(textDirectory, { recursive: true, encoding: 'utf8' }).filter((name) => statSync(join(textDirectory, name)).isFile());

/** Documents of every JSON Lines file below one folder. */
function readDocuments(folder: string): Document[] {
  return files
    .filter((name) => name.startsWith(folder) && name.endsWith('.jsonl'))
    .flatMap((name) => {
      const lines = readFileSync(join(textDirectory, name), 'utf8').split('\n');
      expect(lines.pop()).toBe('');
      return lines.map((line) => JSON.parse(line) as Document);
    });
}

const pretraining = readDocuments('pretrain');
const target = readDocuments('target');
const general = readDocuments('general');

it('fits in 12 MB with every file below 4 MB', () => {
  const sizes = files.map((name) => statSync(join(textDirectory, name)).size);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(12_000_000);
  expect(Math.max(...sizes)).toBeLessThan(4_000_000);
});

it('has documents of text and source only', () => {
  const documents = [...pretraining, ...target, ...general];
  expect(documents.length).toBeGreaterThan(10_000);
  for (const document of documents) {
    expect(Object.keys(document)).toEqual(['text', 'source']);
    expect(document.text.trim()).not.toBe('');
    expect(document.source).toMatch(/^(npm:.+@\d+\.\d+\.\d+\/.+|generated:[a-z-]+)$/);
  }
});

it('has no document twice, so target and general text are disjoint from pretraining', () => {
  const documents = [...pretraining, ...target, ...general];
  expect(new Set(documents.map(({ text }) => text)).size).toBe(documents.length);
});

it('keeps held-out files and the hard kinds of mathematics out of pretraining', () => {
  const trainedOn = new Set(pretraining.filter(isFromPackage).map(({ source }) => source));
  expect(general.every(({ source }) => source.startsWith('npm:') && !trainedOn.has(source))).toBe(true);
  const kinds = (documents: Document[]) => new Set(documents.filter((document) => !isFromPackage(document)).map(({ source }) => source));
  expect(kinds(pretraining)).toEqual(new Set(['generated:addition', 'generated:subtraction', 'generated:short-product']));
  expect(kinds(target).size).toBe(9);
});

it('names every package it takes from, with its licence text', () => {
  const table = readFileSync(join(textDirectory, 'SOURCES.md'), 'utf8');
  const packages = new Set([...pretraining, ...general].flatMap(({ source }) => /^npm:(.+)@([\d.]+)\//.exec(source)?.slice(1).join('` ') ?? []));
  expect(packages.size).toBe(16);
  for (const name of packages) expect(table).toContain(`\`${name} |`);
  for (const [, path] of table.matchAll(/\]\((licences\/[^)]+)\)/g)) expect(files).toContain(path);
});
