/**
 * report.html: the whole run on one page that needs nothing else.
 *
 * @module
 */
import { html, type Html } from './html.ts';
import { niceTicks, renderLossChart } from './report-chart.ts';
import { formatBytes } from '../terminal.ts';
import { REPORT_STYLE } from './report-style.ts';
import { MOMENT_LABELS, type MomentName } from './view-state.ts';
import { nats, percent, reportPassed, reportVerdict, signedNats, signedPercent, type DemoReport, type ReportCycle, type ReportMinerScore } from './report.ts';

/** A complete HTML document. Every name, code and command of the report is escaped. */
export function renderReportHtml(report: DemoReport): string {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Connito demo: ${reportVerdict(report)}</title>
<style>${{ markup: REPORT_STYLE }}</style>
</head>
<body><main>
${renderHead(report)}
${renderTiles(report)}
${renderChecks(report)}
${renderLosses(report)}
${renderCycles(report)}
${renderCosts(report)}
${renderTask(report)}
${renderCommands(report)}
<footer>${report.format} · seed ${report.seed} · started ${report.startedAt}. The same seed gives the same model roots on a machine of any speed. All figures also stand in report.json.</footer>
</main></body>
</html>
`;
  return page.markup;
}

function renderHead(report: DemoReport): Html {
  const { cycles, miners, validators, seconds, device, task, seed } = report;
  const passed = reportPassed(report);
  return html`<header>
<div class="over">connito demo · seed ${seed} <span class="badge ${passed ? 'good' : 'bad'}">${passed ? 'all checks passed' : 'not passed'}</span></div>
<h1>${reportVerdict(report)}</h1>
<p class="lead-in">${miners.length} miners and ${validators.length} validators trained the ${task.domain} experts through ${count(cycles.length, 'cycle')} in ${duration(seconds)} (ONNX Runtime, ${device}), each as a process of its own, talking only through the chain and the artifact store.</p>
</header>`;
}

function renderTiles({ test, cycles, miners }: DemoReport): Html {
  const accepted = cycles.filter((cycle) => cycle.accepted).length;
  const last = cycles.at(-1);
  const weightOf = (behaviour: boolean): number =>
    (last?.miners ?? []).filter(({ uid }) => (miners.find((miner) => miner.uid === uid)?.behaviour === 'honest') === behaviour).reduce((sum, row) => sum + row.weight, 0);
  const tiles: readonly (readonly [string, string, string])[] = [
    ['Test loss', `${test.baseLoss.toFixed(3)} → ${test.finalLoss.toFixed(3)}`, `${signedPercent(-test.relativeFall)}, nats per token`],
    ['Gain on unseen text', signedNats(test.gain), `at least ${signedNats(test.lowerBound)} at 99 %`],
    ['Cycles accepted', `${accepted} of ${cycles.length}`, 'by the gate, on rows no score has seen'],
    ['Weight of honest miners', percent(weightOf(true)), `the cheats hold ${percent(weightOf(false))}`],
  ];
  return html`<div class="tiles">${tiles.map(([name, figure, note]) => html`<div class="tile"><div class="name">${name}</div><div class="figure">${figure}</div><div class="note">${note.replaceAll(' %', '\u00a0%')}</div></div>`)}</div>`;
}

function renderChecks({ checks }: DemoReport): Html {
  return html`<h2>What was promised</h2><div class="card"><ul class="checks">${checks.map(
    ({ name, ok, detail }) => html`<li class="${ok ? 'ok' : 'failed'}"><span class="mark" role="img" aria-label="${ok ? 'passed' : 'failed'}">${ok ? '✓' : '✗'}</span><span class="name">${name}</span><span class="detail">${detail}</span></li>`,
  )}</ul></div>`;
}

function renderLosses({ losses }: DemoReport): Html {
  const rows = losses.map(
    (row) => html`<tr><td>${row.version === 0 ? 'base' : row.version}</td><td>${row.afterCycle === null ? '' : `cycle ${row.afterCycle}`}</td><td class="number">${nats(row.target)}</td><td class="number">${nats(row.general)}</td><td class="number">${nats(row.test)}</td></tr>`,
  );
  return html`<h2>Loss on text that no miner trained on</h2>
<p class="lead-in">Target is the domain that is paid for, general is what must not be forgotten, and test is a third split of the domain that selection, scores and gate never see.</p>
<div class="card">${renderLossChart(losses)}
<details><summary>The figures</summary><div class="scroll"><table><thead><tr><th>Version</th><th>After</th><th class="number">Target</th><th class="number">General</th><th class="number">Test</th></tr></thead><tbody>${rows}</tbody></table></div></details></div>`;
}

function renderCycles(report: DemoReport): Html {
  const scale = gainScale(report);
  return html`<h2>Cycle by cycle</h2>
<p class="lead-in">Gain is how far a miner's update lowers the held-out loss, in nats per token. The whisker is its confidence interval; the score is the interval's lower end where that passes the floor.</p>
${report.cycles.map((cycle) => renderCycle(report, cycle, scale))}`;
}

function renderCycle(report: DemoReport, cycle: ReportCycle, scale: Scale): Html {
  const { accepted, step, version } = cycle;
  return html`<section class="card cycle">
<div class="cycle-head"><h3>Cycle ${cycle.cycle}</h3><span class="badge ${accepted ? 'good' : 'bad'}">${accepted ? 'accepted' : 'rejected'}</span><span class="quiet">${accepted ? `version ${version}, step: ${step}` : `version ${version} stays`}</span></div>
<dl>${renderGate(cycle)}${renderRoots(cycle)}</dl>
<table class="miners"><thead><tr><th>Miner</th><th class="gains">${renderScale(scale)}</th><th class="number">Gain</th><th class="number">Score</th><th>Code</th><th class="number">Weight</th><th class="number">Incentive</th></tr></thead>
<tbody>${cycle.miners.map((row) => renderMiner(report, row, scale))}</tbody></table>
</section>`;
}

function renderGate({ gate }: ReportCycle): Html | undefined {
  if (gate === undefined) return undefined;
  const { targetGain, targetLowerBound, forgetting, forgettingUpperBound, allowance } = gate;
  return html`<dt>Gate, target</dt><dd>gain ${signedNats(targetGain)}, at least ${signedNats(targetLowerBound)}</dd>
<dt>Gate, forgetting</dt><dd>${signedNats(forgetting)}, at most ${signedNats(forgettingUpperBound)}; allowed ${nats(allowance)}</dd>`;
}

function renderRoots({ roots }: ReportCycle): Html {
  const distinct = [...new Set(roots.map(({ root }) => root))];
  if (distinct.length === 1) return html`<dt>Root</dt><dd><span class="root">${distinct[0]}</span> <span class="quiet">committed by ${listed(roots.map(({ validator }) => validator).sort())}</span></dd>`;
  return html`${roots.map(({ validator, root }) => html`<dt>Root of ${validator}</dt><dd class="root">${root}</dd>`)}`;
}

function renderMiner({ miners }: DemoReport, row: ReportMinerScore, scale: Scale): Html {
  const miner = miners.find(({ uid }) => uid === row.uid);
  const paid = row.score > 0;
  return html`<tr>
<td class="named"><span class="who">${miner?.name ?? `uid ${row.uid}`}</span> <span class="sub">${miner?.behaviour}</span></td>
<td class="whole">${renderInterval(row, scale)}</td>
<td class="number" data-label="gain">${row.gain === undefined ? '–' : signedNats(row.gain)}</td>
<td class="number score${paid ? ' paid' : ''}" data-label="score">${nats(row.score)}</td>
<td class="coded"><span class="code">${row.code}</span></td>
<td class="number" data-label="weight">${percent(row.weight)}<span class="share" aria-hidden="true"><i style="width:${share(row.weight)}%"></i></span></td>
<td class="number last" data-label="incentive">${percent(row.incentive)}</td>
</tr>`;
}

/** Where a gain stands between the axis' ends. */
interface Scale {
  readonly ticks: readonly number[];
  /** In percent of the axis. */
  at(gain: number): number;
}

/** One scale for all cycles, so that their whiskers compare; intervals that leave it are cut at its ends. */
function gainScale({ cycles }: DemoReport): Scale {
  const values = cycles.flatMap(({ miners }) => miners.flatMap(({ gain, lowerBound, upperBound }) => [gain, lowerBound, upperBound])).filter((value): value is number => value !== undefined && Number.isFinite(value));
  const [least, most] = [Math.min(0, ...values), Math.max(0, ...values)];
  const margin = (most - least || 1) * 0.04;
  const [low, high] = [least - margin, most + margin];
  const ticks = niceTicks(low, high, 6).filter((tick) => tick >= low && tick <= high);
  return { ticks, at: (gain) => Math.round(Math.min(1, Math.max(0, (gain - low) / (high - low))) * 10_000) / 100 };
}

function renderScale({ ticks, at }: Scale): Html {
  return html`<div class="scale">${ticks.map((tick) => {
    const edge = at(tick) < 6 ? 'first' : at(tick) > 94 ? 'last' : '';
    return html`<span class="${edge}" style="left:${at(tick)}%">${tick < 0 ? `−${Math.abs(tick)}` : tick}</span>`;
  })}</div>`;
}

function renderInterval({ gain, lowerBound, upperBound, score }: ReportMinerScore, { at }: Scale): Html {
  const zero = html`<span class="zero" style="left:${at(0)}%"></span>`;
  if (gain === undefined) return html`<div class="interval no" role="img" aria-label="not measured">${zero}</div>`;
  const [from, to] = [at(lowerBound ?? gain), at(upperBound ?? gain)];
  const label = lowerBound === undefined || upperBound === undefined ? `gain ${signedNats(gain)}` : `gain ${signedNats(gain)}, from ${signedNats(lowerBound)} to ${signedNats(upperBound)}`;
  return html`<div class="interval ${score > 0 ? 'yes' : 'no'}" role="img" aria-label="${label}" title="${label}">${zero}<span class="range" style="left:${from}%;width:${Math.max(0, to - from).toFixed(2)}%"></span><span class="mean" style="left:${at(gain)}%"></span></div>`;
}

function renderCosts({ cycles }: DemoReport): Html {
  const phases = [...new Set(cycles.flatMap(({ phaseSeconds }) => Object.keys(phaseSeconds)))];
  const rows = cycles.map(
    (cycle) => html`<tr><td>${cycle.cycle}</td>${phases.map((phase) => html`<td class="number">${(cycle.phaseSeconds[phase] ?? 0).toFixed(1)}</td>`)}<td class="number">${formatBytes(cycle.bytesOnWire)}</td><td class="number">${formatBytes(cycle.bytesOnDisk)}</td></tr>`,
  );
  return html`<h2>What it cost</h2>
<p class="lead-in">Seconds of wall-clock time in each part of a cycle, bytes that went to the chain and through the store, bytes that lie on disk after the cycle.</p>
<div class="card scroll"><table><thead><tr><th>Cycle</th>${phases.map((phase) => html`<th class="number">${MOMENT_LABELS[phase as MomentName] ?? phase}</th>`)}<th class="number">on the wire</th><th class="number">on disk</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

function renderTask({ task, miners, validators }: DemoReport): Html {
  const experts = Object.entries(task.selection).map(([layer, ids]) => html`<li><span class="quiet">layer ${layer}:</span> ${ids.join(', ')}</li>`);
  const people = [
    ...validators.map(({ uid, name, hotkey, stakeRao }) => html`<tr><td>${name}</td><td class="number">${uid}</td><td>validator, ${tao(stakeRao)} τ</td><td class="root">${hotkey}</td></tr>`),
    ...miners.map(({ uid, name, hotkey, behaviour }) => html`<tr><td>${name}</td><td class="number">${uid}</td><td>miner, ${behaviour}</td><td class="root">${hotkey}</td></tr>`),
  ];
  return html`<h2>What was trained</h2>
<div class="card"><p>${task.trainableParameters.toLocaleString('en')} of ${task.totalParameters.toLocaleString('en')} parameters (${percent(task.trainableParameters / task.totalParameters)}) on netuid ${task.netuid}: the experts that the ${task.domain} text uses most. Everything else, the router too, stayed as it was.</p>
<ul class="experts">${experts}</ul>
<details><summary>Who took part</summary><div class="scroll"><table><thead><tr><th>Name</th><th class="number">Uid</th><th>Role</th><th>Hotkey</th></tr></thead><tbody>${people}</tbody></table></div></details></div>`;
}

function renderCommands({ commands }: DemoReport): Html | undefined {
  if (commands.length === 0) return undefined;
  return html`<h2>See for yourself</h2><p class="lead-in">These commands compute the figures again from the files that the demo left.</p><pre>${commands.join('\n')}</pre>`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function duration(seconds: number): string {
  const rounded = Math.round(seconds);
  return rounded < 60 ? `${rounded}\u00a0s` : `${Math.floor(rounded / 60)}\u00a0min ${rounded % 60}\u00a0s`;
}

function listed(names: readonly string[]): string {
  if (names.length <= 2) return names.join(' and ');
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

function share(weight: number): number {
  return Math.round(Math.min(1, Math.max(0, weight)) * 1000) / 10;
}

/** 1 τ = 10⁹ rao; whole τ suffice here. */
function tao(rao: string): string {
  return /^\d{1,30}$/.test(rao) ? (BigInt(rao) / 1_000_000_000n).toLocaleString('en') : rao;
}
