/**
 * The style of report.html: no font, script or image from outside, light and dark, wide and narrow.
 *
 * @module
 */

/** The page's whole style sheet. The split colours keep 3:1 against both backgrounds and differ for the common colour blindnesses. */
export const REPORT_STYLE = `
:root { color-scheme: light dark; --page: #f6f6f3; --card: #ffffff; --ink: #17191c; --quiet: #62676f; --line: #e2e2dd; --soft: #f0f0ec;
  --good: #1a7f4b; --good-soft: #e3f3ea; --bad: #b3261e; --bad-soft: #fbe7e5; --target: #2166c2; --test: #c2571a; --general: #6a717c; }
@media (prefers-color-scheme: dark) { :root { --page: #121315; --card: #1b1d20; --ink: #ecedef; --quiet: #9da3ac; --line: #303339; --soft: #24272b;
  --good: #5bd08d; --good-soft: #17301f; --bad: #ff8a80; --bad-soft: #3a1c1a; --target: #6fabf5; --test: #f0935a; --general: #a3aab5; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  font-variant-numeric: tabular-nums; -webkit-text-size-adjust: 100%; }
main { max-width: 1000px; margin: 0 auto; padding: 40px 20px 64px; }
h1 { font-size: clamp(26px, 5vw, 40px); line-height: 1.15; letter-spacing: -.02em; margin: 6px 0 10px; text-wrap: balance; }
h2 { font-size: 20px; letter-spacing: -.01em; margin: 44px 0 4px; }
h3 { font-size: 17px; margin: 0; }
p { margin: 0 0 12px; max-width: 70ch; }
.quiet, .lead-in { color: var(--quiet); }
.lead-in { font-size: 15px; }
.over { font-size: 13px; color: var(--quiet); letter-spacing: .02em; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 20px; margin-top: 14px; }
.badge { display: inline-block; border-radius: 99px; padding: 1px 10px; font-size: 13px; font-weight: 600; white-space: nowrap; }
.badge.good { background: var(--good-soft); color: var(--good); }
.badge.bad { background: var(--bad-soft); color: var(--bad); }
.tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: 12px; margin-top: 24px; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 14px 16px; }
.tile .figure { font-size: 25px; font-weight: 650; letter-spacing: -.02em; line-height: 1.25; }
.tile .name, .tile .note { font-size: 13px; color: var(--quiet); }
.checks { list-style: none; margin: 0; padding: 0; }
.checks li { display: grid; grid-template-columns: 24px minmax(180px, 5fr) 6fr; gap: 4px 8px; padding: 8px 0; border-top: 1px solid var(--line); }
.checks li:first-child { border-top: 0; }
.checks .mark { font-weight: 700; }
.checks .ok .mark { color: var(--good); }
.checks .failed .mark, .checks .failed .name { color: var(--bad); }
.checks .detail { color: var(--quiet); font-size: 15px; overflow-wrap: anywhere; }
.chart { display: block; width: 100%; height: auto; overflow: visible; }
.chart.narrow { display: none; }
.chart text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; fill: var(--ink); font-variant-numeric: tabular-nums; }
.chart .tick, .chart .axis, .chart .quiet { fill: var(--quiet); }
.chart .grid { stroke: var(--line); }
.chart .lead { stroke: var(--quiet); stroke-width: 1; opacity: .6; }
.chart .split polyline { fill: none; stroke-width: 2.5; stroke-linejoin: round; }
.chart .split circle, .chart .split rect, .chart .split path { stroke: var(--card); stroke-width: 1.5; }
.chart .target { --series: var(--target); } .chart .test { --series: var(--test); } .chart .general { --series: var(--general); }
.chart .split polyline { stroke: var(--series); } .chart .split circle, .chart .split rect, .chart .split path { fill: var(--series); }
.chart .split.general polyline { stroke-dasharray: 6 4; }
.chart .label .name { font-weight: 650; fill: var(--series); }
.cycle-head { display: flex; flex-wrap: wrap; gap: 6px 12px; align-items: center; margin-bottom: 4px; }
.cycle dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 0 0 14px; font-size: 15px; }
.cycle dt { color: var(--quiet); } .cycle dd { margin: 0; overflow-wrap: anywhere; }
th.gains { width: 34%; }
table { border-collapse: collapse; width: 100%; font-size: 15px; }
th { text-align: left; font-weight: 500; font-size: 13px; color: var(--quiet); padding: 4px 10px 6px 0; vertical-align: bottom; }
td { border-top: 1px solid var(--line); padding: 8px 10px 8px 0; vertical-align: middle; }
th.number, td.number { text-align: right; white-space: nowrap; }
th:last-child, td:last-child { padding-right: 0; }
td .who { font-weight: 600; } td .sub { color: var(--quiet); font-size: 13px; }
td.paid { color: var(--good); font-weight: 650; }
td .code { font-size: 13px; color: var(--quiet); }
.interval { position: relative; height: 24px; min-width: 150px; }
.interval .zero { position: absolute; top: 0; bottom: 0; width: 1px; background: var(--quiet); opacity: .5; }
.interval .range { position: absolute; top: 11px; height: 2px; background: var(--bar); }
.interval .range::before, .interval .range::after { content: ""; position: absolute; top: -4px; width: 2px; height: 10px; background: var(--bar); }
.interval .range::before { left: 0; } .interval .range::after { right: 0; }
.interval .mean { position: absolute; top: 7px; width: 10px; height: 10px; margin-left: -5px; border-radius: 50%; background: var(--bar); border: 2px solid var(--card); }
.interval.yes { --bar: var(--target); } .interval.no { --bar: var(--general); }
.scale { position: relative; height: 16px; min-width: 150px; font-size: 12px; font-weight: 400; color: var(--quiet); }
.scale span { position: absolute; transform: translateX(-50%); white-space: nowrap; }
.scale span.first { transform: none; } .scale span.last { transform: translateX(-100%); }
.share { display: inline-block; width: 44px; height: 6px; margin-left: 8px; border-radius: 3px; background: var(--soft); vertical-align: middle; overflow: hidden; }
.share i { display: block; height: 100%; background: var(--target); }
.scroll { overflow-x: auto; }
.experts { display: flex; flex-wrap: wrap; gap: 6px 18px; margin: 0; padding: 0; list-style: none; font-size: 15px; }
.root { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: 13px; }
pre { margin: 14px 0 0; padding: 14px 16px; background: var(--card); border: 1px solid var(--line); border-radius: 12px; white-space: pre-wrap; overflow-wrap: anywhere;
  font: 13px/1.6 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
details { margin-top: 12px; } summary { cursor: pointer; color: var(--quiet); font-size: 14px; }
footer { margin-top: 48px; padding-top: 14px; border-top: 1px solid var(--line); color: var(--quiet); font-size: 13px; }
@media (max-width: 700px) {
  main { padding: 24px 14px 48px; }
  .card { padding: 16px 14px; }
  .tiles { grid-template-columns: repeat(2, 1fr); gap: 10px; }
  .tile { padding: 12px; } .tile .figure { font-size: 19px; white-space: nowrap; }
  .checks li { grid-template-columns: 22px 1fr; } .checks .detail { grid-column: 2; }
  .chart.wide { display: none; } .chart.narrow { display: block; }
  .cycle dl { grid-template-columns: 1fr; } .cycle dd { margin-bottom: 6px; }
  table.miners thead, table.miners thead tr { display: block; padding: 0; border: 0; }
  table.miners th { display: none; } table.miners th.gains { display: block; width: auto; padding: 6px 0 0; }
  table.miners, table.miners tbody { display: block; }
  table.miners tr { display: grid; grid-template-columns: 1fr 1fr; gap: 2px 14px; padding: 12px 0; border-top: 1px solid var(--line); }
  table.miners td { display: block; border: 0; padding: 0; text-align: left; }
  table.miners td[data-label]::before { content: attr(data-label) " "; color: var(--quiet); font-weight: 400; font-size: 13px; }
  table.miners td.whole { grid-column: 1 / -1; }
  table.miners td.score, table.miners td.coded, table.miners td.last { text-align: right; }
  table.miners td { order: 2; } table.miners td.named { order: 0; } table.miners td.coded { order: 1; }
  .interval, .scale { min-width: 0; }
}
@media print { body { background: #fff; } .card, .tile, pre { break-inside: avoid; } }
`;
