/**
 * From what the roles told and what was measured after the run to the demo's report, with every promise checked by its figure.
 *
 * @module
 */
import { estimateMean } from '@connito/pol-scoring';
import type { CycleRecord, TaskManifest } from '@connito/subnet';
import { bytesOnWire, eventsOfKind, phaseSeconds, type LoggedEvent } from './event-log.ts';
import type { VersionLosses } from './measure-versions.ts';
import type { Participant } from './participants.ts';
import type { DemoReport } from './report.ts';

/** A participant with its place on chain. */
export interface PlacedParticipant extends Participant {
  readonly uid: number;
  readonly hotkey: string;
}

/** Everything that the report is made from. */
export interface ReportInputs {
  readonly seed: number;
  readonly startedAt: Date;
  readonly seconds: number;
  readonly endMs: number;
  readonly device: string;
  readonly netuid: number;
  readonly domain: string;
  readonly trainableParameters: number;
  readonly totalParameters: number;
  readonly manifest: TaskManifest;
  readonly participants: readonly PlacedParticipant[];
  readonly log: readonly LoggedEvent[];
  /** By cycle; undefined where no majority agreed on one. */
  readonly records: readonly (CycleRecord | undefined)[];
  /** By cycle: uid → incentive, 0 to 1, at the cycle's end. */
  readonly incentives: readonly ReadonlyMap<number, number>[];
  /** In the order of versions, the base first. */
  readonly measured: readonly VersionLosses[];
  /** By cycle, after it. */
  readonly bytesOnDisk: readonly number[];
  readonly commands: readonly string[];
}

/** The loss of the test split must fall by this share of the base's. */
const LEAST_RELATIVE_FALL = 0.02;
const LEVEL = 0.99;

/** The report. */
export function buildReport(inputs: ReportInputs): DemoReport {
  const { manifest, participants, seed, startedAt, seconds, device, domain, netuid, trainableParameters, totalParameters } = inputs;
  const cycles = Array.from({ length: manifest.cycles }, (_, cycle) => reportCycle(inputs, cycle));
  const losses = inputs.measured.map(({ version, target, general, test }) => ({
    version: version.number,
    afterCycle: version.number === 0 ? null : inputs.records.findIndex((record) => record?.accepted === true && record.version.number === version.number),
    target: meanLoss(target),
    general: meanLoss(general),
    test: meanLoss(test),
  }));
  const test = compareEnds(inputs.measured);
  return {
    format: 'connito/demo-report/v1',
    seed,
    startedAt: startedAt.toISOString(),
    seconds,
    device,
    task: { domain, selection: manifest.model.selection, trainableParameters, totalParameters, netuid },
    miners: participants.flatMap(({ role, uid, name, hotkey, strategy }) => (role === 'miner' ? [{ uid, name, hotkey, behaviour: strategy ?? 'honest' }] : [])),
    validators: participants.flatMap(({ role, uid, name, hotkey, stakeTao }) => (role === 'validator' ? [{ uid, name, hotkey, stakeRao: `${stakeTao ?? 0}000000000` }] : [])),
    cycles,
    losses,
    test,
    checks: checkPromises(inputs, { cycles, test }),
    commands: [...inputs.commands],
  };
}

type CycleReport = DemoReport['cycles'][number];

function reportCycle(inputs: ReportInputs, cycle: number): CycleReport {
  const { participants, log, records, manifest } = inputs;
  const merged = eventsOfKind(log, 'merged').find(({ event }) => event.cycle === cycle)?.event;
  const roots = eventsOfKind(log, 'root-committed').filter(({ event }) => event.cycle === cycle);
  const record = records[cycle];
  return {
    cycle,
    accepted: record?.accepted ?? false,
    step: record?.step ?? 'none',
    version: record?.version.number ?? inputs.records[cycle - 1]?.version.number ?? 0,
    roots: roots.map(({ name, event }) => ({ validator: name, root: event.root })),
    miners: participants.filter(({ role }) => role === 'miner').map(({ uid }) => reportMiner(inputs, cycle, uid)),
    ...(merged?.target && merged.general
      ? {
          gate: {
            targetGain: merged.target.gain,
            targetLowerBound: merged.target.lowerBound,
            forgetting: merged.general.forgetting,
            forgettingUpperBound: merged.general.upperBound,
            allowance: manifest.gate.forgettingAllowance,
          },
        }
      : {}),
    phaseSeconds: phaseSeconds(log, cycle, inputs.endMs),
    bytesOnWire: bytesOnWire(log, cycle),
    bytesOnDisk: inputs.bytesOnDisk[cycle] ?? 0,
  };
}

/** As the first validator saw it; validators agree to the sheet's 11 bits. */
function reportMiner({ log, incentives }: ReportInputs, cycle: number, uid: number): CycleReport['miners'][number] {
  const score = eventsOfKind(log, 'scored')
    .find(({ event }) => event.cycle === cycle)
    ?.event.scores.find((entry) => entry.uid === uid);
  const { code = 'void', score: points = 0, gain, lowerBound, upperBound } = score ?? {};
  return {
    uid,
    code,
    score: points,
    ...(gain === undefined ? {} : { gain }),
    ...(lowerBound === undefined ? {} : { lowerBound }),
    ...(upperBound === undefined ? {} : { upperBound }),
    weight: Math.max(0, ...weightsOf(log, cycle, uid)),
    incentive: incentives[cycle]?.get(uid) ?? 0,
  };
}

/** What every validator gave this uid. */
function weightsOf(log: readonly LoggedEvent[], cycle: number, uid: number): readonly number[] {
  return eventsOfKind(log, 'weights-set')
    .filter(({ event }) => event.cycle === cycle)
    .map(({ event }) => event.weights.find((entry) => entry.uid === uid)?.weight ?? 0);
}

function compareEnds(measured: readonly VersionLosses[]): DemoReport['test'] {
  const base = measured[0]?.test ?? new Float64Array();
  const final = measured.at(-1)?.test ?? new Float64Array();
  const { mean: gain, lowerBound } = estimateMean(
    base.map((loss, row) => loss - (final[row] ?? Number.NaN)),
    LEVEL,
  );
  const baseLoss = meanLoss(base);
  return { baseLoss, finalLoss: meanLoss(final), gain, lowerBound, relativeFall: gain / baseLoss };
}

function checkPromises(inputs: ReportInputs, { cycles, test }: { readonly cycles: readonly CycleReport[]; readonly test: DemoReport['test'] }): DemoReport['checks'] {
  const accepted = cycles.filter((cycle) => cycle.accepted).length;
  const leastAccepted = Math.ceil((2 * cycles.length) / 3);
  const forgetting = meanLoss(inputs.measured.at(-1)?.general ?? new Float64Array()) - meanLoss(inputs.measured[0]?.general ?? new Float64Array());
  const { forgettingAllowance } = inputs.manifest.gate;
  const validators = inputs.participants.filter(({ role }) => role === 'validator').length;
  const agreed = cycles.filter(({ roots }) => roots.length === validators && new Set(roots.map(({ root }) => root)).size === 1).length;
  return [
    { name: 'accepted cycles', ok: accepted >= leastAccepted, detail: `${accepted} of ${cycles.length} cycles accepted, at least ${leastAccepted} promised` },
    { name: 'gain on the test split', ok: test.lowerBound > 0, detail: `${test.gain.toFixed(4)} nats per token, 99 % lower bound ${test.lowerBound.toFixed(4)} on rows that nothing else has seen` },
    { name: 'relative fall', ok: test.relativeFall >= LEAST_RELATIVE_FALL, detail: `${test.baseLoss.toFixed(4)} → ${test.finalLoss.toFixed(4)}, ${(100 * test.relativeFall).toFixed(1)} %; at least ${100 * LEAST_RELATIVE_FALL} % promised` },
    { name: 'general loss', ok: forgetting <= forgettingAllowance, detail: `rose by ${forgetting.toFixed(4)} nats per token, ${forgettingAllowance} allowed` },
    ...checkCheats(inputs, cycles),
    { name: 'same root', ok: agreed === cycles.length, detail: `${validators} validators committed the same root in ${agreed} of ${cycles.length} cycles` },
  ];
}

function checkCheats({ participants, log }: ReportInputs, cycles: readonly CycleReport[]): DemoReport['checks'] {
  const last = cycles.length - 1;
  return participants.flatMap(({ role, strategy, name, uid }) => {
    if (role !== 'miner' || strategy === undefined || strategy === 'honest') return [];
    const weight = Math.max(0, ...weightsOf(log, last, uid));
    const codes = cycles.map(({ miners }) => miners.find((miner) => miner.uid === uid)?.code ?? 'void');
    return [{ name: `${strategy} is not paid`, ok: weight === 0, detail: `${name} ends with weight ${weight.toFixed(3)} (${codes.join(', ')})` }];
  });
}

/** Mean of losses by row. */
export function meanLoss(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
