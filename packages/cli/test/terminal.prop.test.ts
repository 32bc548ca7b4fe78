import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPaint, cutText, displayWidth, fitText, formatBytes, renderBar, renderSparkline, renderTable, wrapText, type Column } from '../src/terminal.ts';

const word = fc.string({ unit: fc.constantFrom('a', 'Z', '7', ' ', 'é', '漢', '−', '…', '🙂', 'e\u0301'), maxLength: 30 });

describe('widths', () => {
  it('counts cells, not code units', () => {
    expect(['abc', '漢字', '🙂', 'e\u0301', '\u001b[1mbold\u001b[22m', '−…█'].map(displayWidth)).toEqual([3, 4, 2, 1, 4, 3]);
  });

  it('fitText gives exactly the width; cutText at most', () => {
    fc.assert(
      fc.property(word, fc.integer({ min: 0, max: 40 }), fc.constantFrom('left' as const, 'right' as const), (text, width, align) => {
        expect(displayWidth(cutText(text, width))).toBeLessThanOrEqual(width);
        expect(displayWidth(fitText(text, width, align))).toBe(width);
      }),
    );
  });

  it('shows what is cut', () => {
    expect(cutText('abcdef', 4)).toBe('abc…');
    expect(cutText('漢字漢字', 4)).toBe('漢…');
    expect(cutText('abc', 3)).toBe('abc');
  });
});

describe('wrapText', () => {
  it('keeps every word, and every line within the width', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z]{1,8}$/)), fc.integer({ min: 8, max: 40 }), (words, width) => {
        const lines = wrapText(words.join(' '), width);
        expect(lines.join(' ').split(' ').filter(Boolean)).toEqual(words);
        for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(width);
      }),
    );
    expect(wrapText('a longerword b', 6)).toEqual(['a', 'longe…', 'b']);
  });
});

describe('renderTable', () => {
  const columns: readonly Column[] = [{ title: 'NAME' }, { title: 'NOW', minWidth: 4, priority: 3, reserve: 12 }, { title: 'SCORE', align: 'right' }, { title: 'CODE', priority: 1 }];

  it('never exceeds the width', () => {
    fc.assert(
      fc.property(fc.array(fc.array(word, { minLength: 4, maxLength: 4 }), { maxLength: 5 }), fc.integer({ min: 1, max: 90 }), fc.boolean(), (rows, width, color) => {
        const paint = createPaint(color);
        const lines = renderTable(columns, rows.map((row) => row.map((text) => ({ text, paint: paint.good }))), width, paint);
        expect(lines).toHaveLength(rows.length + 1);
        for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(width);
      }),
    );
  });

  it('gives up reserves first, then cuts what may be cut, then drops columns by priority', () => {
    const rows = [[{ text: 'miner-1' }, { text: 'training' }, { text: '0.2626' }, { text: 'scored' }]];
    const at = (width: number): string[] => renderTable(columns, rows, width, createPaint(false));
    expect(at(40)).toEqual(['NAME     NOW            SCORE  CODE', 'miner-1  training      0.2626  scored']);
    expect(at(33)).toEqual(['NAME     NOW        SCORE  CODE', 'miner-1  training  0.2626  scored']);
    expect(at(29)).toEqual(['NAME     NOW    SCORE  CODE', 'miner-1  tra…  0.2626  scored']);
    expect(at(25)).toEqual(['NAME     NOW        SCORE', 'miner-1  training  0.2626']);
    expect(at(15)).toEqual(['NAME      SCORE', 'miner-1  0.2626']);
    expect(at(7)).toEqual(['NAME', 'miner-1']);
  });

  it('cuts more than once where two reserves overlap with the width', () => {
    expect(renderTable([{ title: 'A', reserve: 10 }, { title: 'B', reserve: 10 }], [], 8, createPaint(false))).toEqual(['A  B']);
  });
});

describe('small drawings', () => {
  it('bars are as wide as asked, whatever the share', () => {
    fc.assert(fc.property(fc.double(), fc.integer({ min: 0, max: 30 }), (share, width) => void expect(renderBar(share, width)).toHaveLength(width)));
    expect(renderBar(0.5, 4)).toBe('██░░');
  });

  it('a sparkline shows the last values, the lowest lowest', () => {
    expect(renderSparkline([9, 3, 2, 1], 3)).toBe('█▅▁');
    expect(renderSparkline([2, 2], 5)).toBe('▁▁');
    expect(renderSparkline([Number.NaN], 5)).toBe('');
  });

  it('formats bytes in powers of 1,000', () => {
    expect([0, 999, 1000, 5_420_000, 3e9, 2e18].map(formatBytes)).toEqual(['0 B', '999 B', '1.0 kB', '5.4 MB', '3.0 GB', '2000000.0 TB']);
  });
});
