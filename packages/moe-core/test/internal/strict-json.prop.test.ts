import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isMoeError } from '../../src/index.ts';
import { parseStrictJson, toPlainValue } from '../../src/internal/strict-json.ts';
import { expectCode } from '../expect-code.ts';

const runs = Number(process.env['FUZZ_RUNS'] ?? 300);
const plain = (text: string): unknown => toPlainValue(parseStrictJson(text, 'test'));

function outcome(parse: () => unknown): string {
  try {
    parse();
    return 'valid';
  } catch (error) {
    if (isMoeError(error)) return error.code;
    if (error instanceof SyntaxError) return 'invalid';
    throw error;
  }
}

describe('parseStrictJson', () => {
  it('agrees with JSON.parse on valid JSON', () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom(0, 1, '\t'), (text, indent) => {
        fc.pre(!text.includes('__proto__'));
        const spaced = JSON.stringify(JSON.parse(text), undefined, indent);
        expect(JSON.stringify(plain(spaced))).toBe(JSON.stringify(JSON.parse(spaced)));
      }),
      { numRuns: runs },
    );
  });

  it('agrees with JSON.parse on what is not JSON', () => {
    const piece = fc.constantFrom('{', '}', '[', ']', ',', ':', '"', '"a"', '"b"', '1', '-', '0', '.', 'e', '+', 'true', 'null', ' ', '\n', '\\', '\\u00', 'é', '\u0001');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join('');
        // A duplicate key is valid JSON, and found before what comes after it: it says nothing here.
        const verdict = outcome(() => plain(text));
        fc.pre(verdict !== 'json-duplicate-key');
        expect({ text, valid: verdict === 'valid' }).toEqual({ text, valid: outcome(() => JSON.parse(text)) === 'valid' });
      }),
      { numRuns: runs * 5 },
    );
  });

  it('refuses what JSON.parse lets through', async () => {
    await expectCode('json-duplicate-key', () => plain('{"a":1,"\\u0061":2}'));
    await expectCode('json-forbidden-key', () => plain('{"a":{"__proto__":1}}'));
    await expectCode('json-invalid', () => plain('"\\udc00"'));
    await expectCode('json-invalid', () => plain('['.repeat(65) + ']'.repeat(65)));
    expect(plain('['.repeat(64) + ']'.repeat(64))).toBeDefined();
    expect((await expectCode('json-invalid', () => plain('{"a":1,}'))).message).toBe('test is not valid JSON: expected a key in double quotes at offset 7, found "}"');
    expect((await expectCode('json-invalid', () => plain(''))).message).toContain('the end of the text');
  });
});
