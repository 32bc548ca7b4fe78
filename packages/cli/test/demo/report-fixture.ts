/** A made-up run with the figures of a plausible one, and some that try to break the page. @module */
import type { DemoReport } from '../../src/demo/report.ts';

const root = (digit: string): string => digit.repeat(64);
const cycle = (index: number, gains: readonly [number, number, number, number]): DemoReport['cycles'][number] => ({
  cycle: index,
  accepted: true,
  step: index === 1 ? 'average' : 'manifest',
  version: index + 1,
  roots: ['validator-1', 'validator-2'].map((validator) => ({ validator, root: root(String(index + 3)) })),
  miners: gains.map((gain, uid) => {
    const half = 0.012 + Math.abs(gain) * 0.12;
    const paid = uid < 2;
    const code = paid ? 'scored' : uid === 2 ? (index === 0 ? 'below-floor' : 'resubmission') : 'below-floor';
    return { uid: uid + 3, code, score: paid ? gain - half : 0, ...(code === 'resubmission' ? {} : { gain, lowerBound: gain - half, upperBound: gain + half }), weight: paid ? (uid === 0 ? 0.54 : 0.46) : 0, incentive: paid ? (uid === 0 ? 0.52 : 0.48) : 0 };
  }),
  gate: { targetGain: gains[0] * 1.02, targetLowerBound: gains[0] * 0.85, forgetting: 0.002 * (index + 1), forgettingUpperBound: 0.0031 * (index + 1), allowance: 0.05 },
  phaseSeconds: { distribute: 0.8, train: 21.4, commit: 0.9, score: 12.2, publish: 5.1 },
  bytesOnWire: 8_421_337 + index * 1000,
  bytesOnDisk: 14_200_000 * (index + 1),
});

export const report: DemoReport = {
  format: 'connito/demo-report/v1',
  seed: 42,
  startedAt: '2026-11-20T19:30:10.000Z',
  seconds: 151.3,
  device: 'cpu',
  task: { domain: 'mathematics', selection: { 0: [7], 1: [3, 11], 2: [0], 3: [5, 14, 2] }, trainableParameters: 258_048, totalParameters: 2_696_576, netuid: 2 },
  miners: [
    { uid: 3, name: 'miner-1', hotkey: '5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty', behaviour: 'honest' },
    { uid: 4, name: 'miner-2', hotkey: '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY', behaviour: 'honest' },
    { uid: 5, name: 'miner-3', hotkey: '5DAAnrj7VHTznn2AWBemMuyBwZWs6FNFjdyVXUeYum3PTXFy', behaviour: 'resubmit' },
    { uid: 6, name: 'miner-4', hotkey: '5HGjWAeFDfFCWPsjFQdVV2Msvz2XtMktvgocEZcCj68kUMaw', behaviour: 'noise' },
  ],
  validators: [
    { uid: 1, name: 'validator-1', hotkey: '5CiPPseXPECbkjWCa6MnjNokrgYjMqmKndv2rSnekmSK2DjL', stakeRao: '1200000000000' },
    { uid: 2, name: 'validator-2', hotkey: '5Ck5SLSHYac6WFt5UZRSsdJjwmpSZq85fd5TRNAdZQVzEAPT', stakeRao: '1100000000000' },
  ],
  cycles: [cycle(0, [0.3121, 0.2977, 0.0113, 0.0061]), cycle(1, [0.1733, 0.1614, 0.02, -0.0312]), cycle(2, [0.1189, 0.1242, 0.02, 0.0021])],
  losses: [
    { version: 0, afterCycle: null, target: 2.8333, general: 2.6751, test: 2.8401 },
    { version: 1, afterCycle: 0, target: 2.5183, general: 2.6779, test: 2.5301 },
    { version: 2, afterCycle: 1, target: 2.3421, general: 2.6811, test: 2.3592 },
    { version: 3, afterCycle: 2, target: 2.2214, general: 2.6836, test: 2.2389 },
  ],
  test: { baseLoss: 2.8401, finalLoss: 2.2389, gain: 0.6012, lowerBound: 0.5713, relativeFall: 0.2117 },
  checks: [
    { name: 'at least 2 of 3 cycles accepted', ok: true, detail: '3 of 3' },
    { name: 'test loss fell by at least 2 %', ok: true, detail: '21.2 %, from 2.8401 to 2.2389 nats per token' },
    { name: 'paired 99 % lower bound of the gain above 0', ok: true, detail: '+0.5713 on 256 documents' },
    { name: 'general loss within its allowance', ok: true, detail: '+0.0085 nats per token, allowed 0.05' },
    { name: 'resubmitter and noise end with zero weight', ok: true, detail: 'miner-3 0.0 %, miner-4 0.0 %' },
    { name: 'both validators committed the same root in every cycle', ok: true, detail: '333333333333, 444444444444, 555555555555' },
  ],
  commands: [
    'connito pol check --base demo/model --candidate demo/artifacts/0d/0d2f…safetensors --data demo/data/held-out-0000.safetensors --rows 96 --candidates 4 --clip 1',
    'connito demo --seed 42 --cycles 3',
  ],
};

/** The same run with names, codes and commands that would be markup. */
export const hostileReport: DemoReport = {
  ...report,
  miners: report.miners.map((miner, index) => ({ ...miner, name: index === 0 ? '<script>alert(1)</script>' : `"><img src=x onerror='alert(2)'>` })),
  cycles: report.cycles.map((entry) => ({ ...entry, step: '<b>', miners: entry.miners.map((row) => ({ ...row, code: '</style><i>' })) })),
  checks: [{ name: '<h1>', ok: false, detail: '&amp; \u001b[31m' }],
  commands: ['connito </pre><script>'],
};
