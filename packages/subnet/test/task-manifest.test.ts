import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeTaskManifest, hashTaskManifest, MAX_MANIFEST_BYTES, parseRules, parseTaskManifest, updateRulesOf } from '../src/task-manifest.ts';
import { isSubnetError } from '../src/error.ts';
import { withRules } from '../src/owner-plan.ts';
import type { TopKUpdateRules } from '../src/update-rules.ts';
import { exampleManifest } from './example-manifest.ts';

const topK: TopKUpdateRules = { encoding: 'top-k', chunkSize: 4096, keep: 64, valueBits: 2, decay: 0.95 };
const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

/** The manifest with the value at a dotted path replaced; `undefined` removes it. */
function withValue(path: string, value: unknown): unknown {
  const copy = structuredClone(exampleManifest) as unknown as Record<string, unknown>;
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  const parent = keys.reduce<Record<string, unknown>>((node, key) => node[key] as Record<string, unknown>, copy);
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return copy;
}

describe('parseTaskManifest', () => {
  it('reads what encodeTaskManifest wrote, byte for byte', () => {
    const bytes = encodeTaskManifest(exampleManifest);
    expect(parseTaskManifest(bytes)).toEqual(exampleManifest);
    expect(encodeTaskManifest(parseTaskManifest(bytes))).toEqual(bytes);
  });

  it('gives equal manifests equal hashes, whatever the order of their keys', () => {
    const reordered = Object.fromEntries(Object.entries(exampleManifest).toReversed()) as unknown as typeof exampleManifest;
    expect(hashTaskManifest(encodeTaskManifest(reordered))).toEqual(hashTaskManifest(encodeTaskManifest(exampleManifest)));
  });

  it.each([
    ['format', 'connito/task/v2'],
    ['netuid', 0],
    ['netuid', 70_000],
    ['genesis', 'ABCDEF'],
    ['cycles', 0],
    ['schedule.trainMs', 0],
    ['schedule.trainMs', 1.5],
    ['beacon.publicKey', '00'],
    ['model.baseRoot', '0x00'],
    ['model.selection', { first: [1] }],
    ['model.selection', { 0: [] }],
    ['model.files.0.name', '../config.json'],
    ['model.files.0.name', '/etc/passwd'],
    ['model.files.0.name', ''],
    ['data.sequenceLength', 1],
    ['data.heldOut', []],
    ['training.learningRate', -1],
    ['training.learningRate', '3e-4'],
    ['training.beta1', 1],
    ['scoring.errorRate', 0],
    ['scoring.maxBytes', undefined],
    ['merge.step', { kind: 'median' }],
    ['gate.level', 1],
    ['weights.window', 65],
    ['training.partial', 'full'],
    ['update', {}],
    ['update', { encoding: 'gzip' }],
    ['update', { encoding: 'dense', keep: 64 }],
    ['update', { encoding: 'top-k' }],
    ['update', { ...topK, keep: 4097 }],
    ['update', { ...topK, valueBits: 3 }],
    ['update', { ...topK, chunkSize: 65_537 }],
    ['update', { ...topK, decay: 1.1 }],
    ['surprise', true],
  ])('refuses %s = %j and names it', (path, value) => {
    const error = thrownBy(() => parseTaskManifest(encode(withValue(path, value))));
    expect(isSubnetError(error, 'invalid-manifest')).toBe(true);
    const named = path === 'surprise' ? 'surprise' : (path.split('.')[0] ?? '');
    expect(String((error as Error).message)).toContain(named);
  });

  it.each([{ encoding: 'dense' } as const, topK])('keeps the update encoding %j, byte for byte', (update) => {
    const bytes = encodeTaskManifest({ ...exampleManifest, update });
    expect(updateRulesOf(parseTaskManifest(bytes))).toEqual(update);
    expect(encodeTaskManifest(parseTaskManifest(bytes))).toEqual(bytes);
  });

  it('says which partial model miners train, where they train one', () => {
    for (const partial of ['natural', 'masked'] as const) {
      const bytes = encodeTaskManifest({ ...exampleManifest, training: { ...exampleManifest.training, partial } });
      expect(parseTaskManifest(bytes).training.partial).toBe(partial);
      expect(withRules(parseRules({ training: { partial } }, 'rules')).training.partial).toBe(partial);
    }
    expect(new TextDecoder().decode(encodeTaskManifest(exampleManifest))).not.toContain('partial');
  });

  it('reads a manifest from before there was a choice as dense, and leaves its hash', () => {
    const bytes = encodeTaskManifest(exampleManifest);
    expect(new TextDecoder().decode(bytes)).not.toContain('update"');
    expect(updateRulesOf(parseTaskManifest(bytes))).toEqual({ encoding: 'dense' });
  });

  it.each([
    ['one held-out shard a cycle', withValue('cycles', 3), 'data.heldOut'],
    ['enough rows for score and gate', withValue('scoring.rows', 500), 'data.heldOut.0.rows'],
    ['enough general rows', withValue('gate.generalRows', 100_000), 'data.general.rows'],
    ['each file once', withValue('model.files.1.name', 'config.json'), 'model.files'],
  ])('wants %s', (_rule, manifest, field) => {
    expect(thrownBy(() => parseTaskManifest(encode(manifest)))).toMatchObject({ code: 'invalid-manifest', context: { field } });
  });

  it('refuses what is too large before it parses it', () => {
    expect(thrownBy(() => parseTaskManifest(new Uint8Array(MAX_MANIFEST_BYTES + 1)))).toMatchObject({ code: 'invalid-manifest' });
  });

  it('answers any bytes with a manifest or a typed error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const error = thrownBy(() => parseTaskManifest(bytes));
        return isSubnetError(error, 'invalid-manifest');
      }),
    );
  });

  it('answers any JSON with a manifest or a typed error', () => {
    fc.assert(fc.property(fc.json(), (text) => isSubnetError(thrownBy(() => parseTaskManifest(new TextEncoder().encode(text))), 'invalid-manifest')));
  });
});

describe("the update part of an owner's rules", () => {
  it('is dense where nothing is said, and fills what top-k leaves out', () => {
    expect(withRules(parseRules({}, 'rules')).update).toEqual({ encoding: 'dense' });
    expect(withRules(parseRules({ update: { encoding: 'top-k' } }, 'rules')).update).toEqual(topK);
    expect(withRules(parseRules({ update: { encoding: 'top-k', keep: 32 } }, 'rules')).update).toEqual({ ...topK, keep: 32 });
  });

  it.each([
    [{ keep: 32 }, "'dense' or 'top-k'"],
    [{ encoding: 'top-k', kept: 32 }, 'known are encoding, and for top-k chunkSize, keep, valueBits, decay'],
    [{ encoding: 'top-k', chunkSize: 32 }, 'at most chunkSize'],
  ])('refuses %j and says what it may be', (update, message) => {
    expect(thrownBy(() => parseRules({ update }, 'rules'))).toMatchObject({ code: 'invalid-rules', message: expect.stringContaining(message) as string });
  });
});

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}
