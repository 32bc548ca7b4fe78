import * as fc from 'fast-check';
import { packDocuments, type TrainingDocument } from '@connito/moe-engine';
import { describe, expect, it } from 'vitest';

const numRuns = Number(process.env['FUZZ_RUNS'] ?? 300);

const documentsOf = fc.array(
  fc.array(fc.record({ token: fc.nat(99), label: fc.nat(1) }), { maxLength: 14 }).map((entries) => ({ tokens: entries.map(({ token }) => token), labelMask: entries.map(({ label }) => label) })),
  { minLength: 1, maxLength: 20 },
);

/** Documents that stand in the rows, as text, in the order of the alphabet. */
function unpacked(packed: ReturnType<typeof packDocuments>, sequenceLength: number): string[] {
  const found = new Map<string, [number, number][]>();
  for (const [position, document] of packed.documents.entries()) {
    if (document < 0) continue;
    const key = `${Math.floor(position / sequenceLength)}/${document}`;
    found.set(key, [...(found.get(key) ?? []), [packed.tokens[position]!, packed.labelMask[position]!]]);
  }
  return [...found.values()].map((entries) => JSON.stringify(entries)).toSorted();
}

function pieces(documents: readonly TrainingDocument[], length: number): string[] {
  return documents
    .flatMap(({ tokens, labelMask }) => {
      const entries = Array.from(tokens, (token, index) => [token, labelMask![index]!]);
      return Array.from({ length: Math.ceil(entries.length / length) }, (_, piece) => entries.slice(piece * length, (piece + 1) * length));
    })
    .map((entries) => JSON.stringify(entries))
    .toSorted();
}

/** Padding counts nowhere; the first document of a row is 0, and a position is of the same document as the one before it, or of the next. */
function isWellPlaced({ tokens, labelMask, documents, position, document, isFirst }: ReturnType<typeof packDocuments> & { readonly position: number; readonly document: number; readonly isFirst: boolean }): boolean {
  if (document < 0) return tokens[position] === 7 && labelMask[position] === 0;
  return isFirst ? document === 0 : document === documents[position - 1] || document === documents[position - 1]! + 1;
}

describe('packDocuments', () => {
  it('keeps every token and label once, contiguously, cut where a row ends; padding counts nowhere; few rows', () => {
    fc.assert(
      fc.property(documentsOf, fc.integer({ min: 2, max: 9 }), (documents, sequenceLength) => {
        const total = documents.reduce((sum, { tokens }) => sum + tokens.length, 0);
        fc.pre(total > 0);
        const packed = packDocuments(documents, { sequenceLength, paddingToken: 7 });
        expect(unpacked(packed, sequenceLength)).toEqual(pieces(documents, sequenceLength));
        expect(packed.textPositions).toBe(total);
        expect([packed.tokens.length, packed.documents.length, packed.labelMask.length]).toEqual([packed.rows, packed.rows, packed.rows].map((rows) => rows * sequenceLength));
        expect([...packed.documents.entries()].every(([position, document]) => isWellPlaced({ ...packed, position, document, isFirst: position % sequenceLength === 0 }))).toBe(true);
        // Best fit decreasing leaves at most one row half empty.
        const fill = Array.from({ length: packed.rows }, (_, row) => packed.documents.subarray(row * sequenceLength, (row + 1) * sequenceLength).filter((document) => document >= 0).length);
        expect(fill.filter((count) => 2 * count <= sequenceLength).length).toBeLessThanOrEqual(1);
      }),
      { numRuns },
    );
  });

  it('counts every token where there is no label mask', () => {
    const { labelMask, documents } = packDocuments([{ tokens: [1, 2, 3] }, { tokens: Int32Array.of(4) }], { sequenceLength: 5 });
    expect([...labelMask]).toEqual([1, 1, 1, 1, 0]);
    expect([...documents]).toEqual([0, 0, 0, 1, -1]);
  });

  it('refuses a mask of another length, nothing at all, and rows of one token', () => {
    expect(() => packDocuments([{ tokens: [1, 2], labelMask: [1] }], { sequenceLength: 4 })).toThrow(expect.objectContaining({ code: 'bad-shape', context: { name: 'documents', expected: 'a label mask of 2 entries, as many as tokens', actual: '1' } }));
    expect(() => packDocuments([[1, 2, 3] as never], { sequenceLength: 4 })).toThrow(expect.objectContaining({ code: 'bad-shape', message: 'documents: expected objects such as { tokens: [1, 2, 3] }, got one without tokens' }));
    expect(() => packDocuments([{ tokens: [] }], { sequenceLength: 4 })).toThrow(expect.objectContaining({ code: 'bad-shape' }));
    expect(() => packDocuments([{ tokens: [1] }], { sequenceLength: 1 })).toThrow(expect.objectContaining({ code: 'bad-option' }));
  });
});
