import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeHtml, html } from '../../src/demo/html.ts';
import { niceTicks, renderLossChart, spread } from '../../src/demo/report-chart.ts';
import { renderReportHtml } from '../../src/demo/report-html.ts';
import { renderReportTable, reportPassed, reportVerdict, rootsLine, type DemoReport } from '../../src/demo/report.ts';
import { displayWidth } from '../../src/terminal.ts';
import { hostileReport, report } from './report-fixture.ts';

const empty: DemoReport = { ...report, miners: [], validators: [], cycles: [], losses: [], checks: [], commands: [] };

describe('renderReportTable', () => {
  it('shows verdict, losses, scores and checks', () => {
    const text = renderReportTable(report, { width: 110, color: false }).join('\n');
    expect(text).toMatchInlineSnapshot(`
      "The network learned: test loss fell by 21.2 %

      Held-out loss, nats per token
      VERSION  AFTER    TARGET           GENERAL            TEST
      base              2.8333            2.6751          2.8401
      1        cycle 0  2.5183  −11.1 %   2.6779  +0.1 %  2.5301  −10.9 %
      2        cycle 1  2.3421  −17.3 %   2.6811  +0.2 %  2.3592  −16.9 %
      3        cycle 2  2.2214  −21.6 %   2.6836  +0.3 %  2.2389  −21.2 %

      Cycle 0: version 1 by manifest
      gate: gain +0.3183 (at least +0.2653), forgetting at most +0.0031 of 0.0500 allowed
      root 3333333333333333 of both validators; 8.4 MB on the wire, 40.4 s
      MINER    BEHAVIOUR     GAIN           INTERVAL   SCORE  CODE         WEIGHT  INCENTIVE
      miner-1  honest     +0.3121  +0.2626 … +0.3616  0.2626  scored       54.0 %     52.0 %
      miner-2  honest     +0.2977  +0.2500 … +0.3454  0.2500  scored       46.0 %     48.0 %
      miner-3  resubmit   +0.0113  −0.0021 … +0.0247  0.0000  below-floor   0.0 %      0.0 %
      miner-4  noise      +0.0061  −0.0066 … +0.0188  0.0000  below-floor   0.0 %      0.0 %

      Cycle 1: version 2 by average
      gate: gain +0.1768 (at least +0.1473), forgetting at most +0.0062 of 0.0500 allowed
      root 4444444444444444 of both validators; 8.4 MB on the wire, 40.4 s
      MINER    BEHAVIOUR     GAIN           INTERVAL   SCORE  CODE          WEIGHT  INCENTIVE
      miner-1  honest     +0.1733  +0.1405 … +0.2061  0.1405  scored        54.0 %     52.0 %
      miner-2  honest     +0.1614  +0.1300 … +0.1928  0.1300  scored        46.0 %     48.0 %
      miner-3  resubmit                               0.0000  resubmission   0.0 %      0.0 %
      miner-4  noise      −0.0312  −0.0469 … −0.0155  0.0000  below-floor    0.0 %      0.0 %

      Cycle 2: version 3 by manifest
      gate: gain +0.1213 (at least +0.1011), forgetting at most +0.0093 of 0.0500 allowed
      root 5555555555555555 of both validators; 8.4 MB on the wire, 40.4 s
      MINER    BEHAVIOUR     GAIN           INTERVAL   SCORE  CODE          WEIGHT  INCENTIVE
      miner-1  honest     +0.1189  +0.0926 … +0.1452  0.0926  scored        54.0 %     52.0 %
      miner-2  honest     +0.1242  +0.0973 … +0.1511  0.0973  scored        46.0 %     48.0 %
      miner-3  resubmit                               0.0000  resubmission   0.0 %      0.0 %
      miner-4  noise      +0.0021  −0.0102 … +0.0144  0.0000  below-floor    0.0 %      0.0 %

      ✓ at least 2 of 3 cycles accepted  3 of 3
      ✓ test loss fell by at least 2 %  21.2 %, from 2.8401 to 2.2389 nats per token
      ✓ paired 99 % lower bound of the gain above 0  +0.5713 on 256 documents
      ✓ general loss within its allowance  +0.0085 nats per token, allowed 0.05
      ✓ resubmitter and noise end with zero weight  miner-3 0.0 %, miner-4 0.0 %
      ✓ both validators committed the same root in every cycle  333333333333, 444444444444, 555555555555"
    `);
  });

  it('keeps to any width', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 160 }), fc.boolean(), fc.constantFrom(report, hostileReport, empty), (width, color, given) => {
        for (const line of renderReportTable(given, { width, color })) {
          expect(displayWidth(line)).toBeLessThanOrEqual(width);
          expect(color || !/\p{Cc}/u.test(line)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('passes only when every check does, and there is one', () => {
    expect([report, hostileReport, empty].map(reportPassed)).toEqual([true, false, false]);
    expect([report, hostileReport, empty].map(reportVerdict)).toEqual(['The network learned: test loss fell by 21.2 %', '1 of 1 checks failed', 'Nothing was checked']);
  });

  it('says which roots differ', () => {
    const [cycle] = report.cycles;
    if (cycle === undefined) throw new Error('the fixture has cycles');
    const [a, b] = cycle.roots;
    expect(rootsLine(cycle)).toBe(`root ${'3'.repeat(16)} of both validators`);
    expect(rootsLine({ ...cycle, roots: [a!, { ...b!, root: 'f'.repeat(64) }] })).toBe('roots differ: validator-1 333333333333, validator-2 ffffffffffff');
    expect(rootsLine({ ...cycle, roots: [] })).toBe('no root');
  });
});

describe('renderReportHtml', () => {
  const page = renderReportHtml(report);

  it('needs nothing from outside and runs no script', () => {
    expect(page).not.toMatch(/<script|<link|<img|<iframe|\bsrc=|@import|url\(|javascript:|\bon[a-z]+="/i);
    expect(page).not.toMatch(/https?:/);
    expect(page).toContain(`default-src 'none'`);
  });

  it('holds every figure that it should', () => {
    for (const text of ['The network learned: test loss fell by 21.2 %', 'loss, nats per token', '2.8401', '2.2389', '+0.5713', 'miner-4', 'below-floor', 'resubmission', '8.4 MB', '3'.repeat(64), 'connito pol check', '258,048']) {
      expect(page).toContain(text);
    }
  });

  it('balances its tags', () => {
    for (const tag of ['main', 'section', 'table', 'tr', 'td', 'th', 'svg', 'g', 'div', 'span', 'dl', 'dd', 'ul', 'li', 'details', 'p', 'text', 'tspan']) {
      expect([tag, page.split(new RegExp(`<${tag}[ >]`)).length]).toEqual([tag, page.split(`</${tag}>`).length]);
    }
  });

  it('escapes what other parties wrote', () => {
    const hostile = renderReportHtml(hostileReport);
    expect(hostile).not.toMatch(/<script|<img|<b>|<i>alert|<\/style><i>/);
    expect(hostile.split('</style>')).toHaveLength(2);
    expect(hostile.split('</pre>')).toHaveLength(2);
    expect(hostile).toContain('&#60;script&#62;alert(1)');
    expect(hostile).not.toContain('\u001b');
  });

  it('does without cycles, losses and commands, and with figures that are not finite', () => {
    expect(renderReportHtml(empty)).toContain('Nothing was checked');
    const broken = { ...report, losses: report.losses.map((row) => ({ ...row, target: Number.NaN })), cycles: report.cycles.map((cycle) => ({ ...cycle, miners: cycle.miners.map((row) => ({ ...row, upperBound: Infinity })) })) };
    expect(renderReportHtml(broken)).not.toMatch(/(?:x|y|left|width|points|x1|y1)[=:]"?NaN/);
  });
});

describe('the loss chart', () => {
  it('has ticks that enclose the values, in round steps', () => {
    fc.assert(
      fc.property(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.double({ min: 0, max: 1e6, noNaN: true }), fc.integer({ min: 2, max: 8 }), (low, span, count) => {
        const ticks = niceTicks(low, low + span, count);
        const slack = 1e-9 * Math.max(1, Math.abs(low), span);
        expect(ticks[0]).toBeLessThanOrEqual(low + slack);
        expect(ticks.at(-1)).toBeGreaterThanOrEqual(low + span - slack);
        expect(ticks.length).toBeGreaterThanOrEqual(2);
        expect(ticks.length).toBeLessThanOrEqual(count + 3);
      }),
    );
    expect(niceTicks(2.2214, 2.8401, 6)).toEqual([2.2, 2.4, 2.6, 2.8, 3]);
  });

  it('keeps labels apart and inside', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 300, noNaN: true }), { minLength: 1, maxLength: 3 }), (wanted) => {
        const placed = spread(wanted.toSorted((a, b) => a - b), 17, 10, 290);
        for (const [index, position] of placed.slice(1).entries()) expect(position - placed[index]!).toBeGreaterThanOrEqual(17 - 1e-9);
        for (const position of placed) expect(position).toBeLessThanOrEqual(290);
      }),
    );
  });

  it('draws a single version', () => {
    expect(renderLossChart(report.losses.slice(0, 1)).markup).not.toContain('NaN');
  });
});

describe('html', () => {
  it('escapes text, keeps markup, flattens lists and drops nothing-values', () => {
    expect(html`<a title="${'"'}">${['<', html`<b>${1}</b>`]}${null}${false}${undefined}</a>`.markup).toBe('<a title="&#34;">&#60;<b>1</b></a>');
    expect(escapeHtml(`&<>"'\`\u0000\u009b\n`)).toBe('&#38;&#60;&#62;&#34;&#39;&#96;\n');
  });
});
