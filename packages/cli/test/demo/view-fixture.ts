/** A plausible stretch of a demo's events. @module */
import type { DemoViewEvent, MomentName } from '../../src/demo/view-state.ts';

const t0 = 1_767_226_000_000;
const miners = [
  { uid: 3, name: 'miner-1', hotkey: '5Miner1', behaviour: 'honest' },
  { uid: 4, name: 'miner-2', hotkey: '5Miner2', behaviour: 'honest' },
  { uid: 5, name: 'miner-3', hotkey: '5Miner3', behaviour: 'resubmit' },
  { uid: 6, name: 'miner-4', hotkey: '5Miner4', behaviour: 'noise' },
] as const;
const validators = [
  { uid: 1, name: 'validator-1', hotkey: '5Validator1' },
  { uid: 2, name: 'validator-2', hotkey: '5Validator2' },
] as const;

type Event = DemoViewEvent & Readonly<Record<string, unknown>>;

const moment = (cycle: number, name: MomentName, startS: number, endS: number): Event[] =>
  [...miners.map(({ hotkey }) => ({ role: 'miner', hotkey })), ...validators.map(({ hotkey }) => ({ role: 'validator', hotkey }))].map((author) => ({ ...author, kind: 'moment', cycle, moment: name, timeMs: t0 + startS * 1000, endsMs: t0 + endS * 1000, missed: false }));
const training = (step: number): Event[] => miners.slice(0, 2).map(({ hotkey }, index) => ({ role: 'miner', hotkey, kind: 'train-step', cycle: 0, step, steps: 25, loss: 2.9 - step * 0.021 + index * 0.03 }));

/** One cycle, from set-up to the merge, as it reaches the view. */
export const cycleEvents: readonly Event[] = [
  { kind: 'progress', message: 'preparing data and choosing experts' },
  { kind: 'set-up', seed: 42, cycles: 3, miners, validators },
  { kind: 'losses', version: 0, target: 2.8333, general: 2.6751, test: 2.8401 },
  { kind: 'head', blockNumber: 24, timeMs: t0 },
  ...moment(0, 'distribute', 0, 60),
  ...miners.map(({ hotkey }) => ({ role: 'miner', hotkey, kind: 'version', cycle: 0, version: 0, root: '0'.repeat(64) })),
  ...moment(0, 'train', 60, 120),
  { kind: 'head', blockNumber: 30, timeMs: t0 + 72_000 },
  ...Array.from({ length: 17 }, (_, index) => training(index + 1)).flat(),
  // — here `trainingEvents` ends —
  ...miners.map(({ hotkey }, index) => ({ role: 'miner', hotkey, kind: 'trained', cycle: 0, steps: index < 2 ? 25 : 0, loss: index < 2 ? 2.41 : null, artifactSha256: 'a'.repeat(64), sizeBytes: 1_770_000, seconds: 9.1 })),
  ...moment(0, 'commit', 120, 180),
  ...miners.map(({ hotkey }) => ({ role: 'miner', hotkey, kind: 'committed', cycle: 0, blockNumber: 36 })),
  ...moment(0, 'upload', 180, 228),
  ...miners.map(({ hotkey }) => ({ role: 'miner', hotkey, kind: 'uploaded', cycle: 0, sha256: 'a'.repeat(64), sizeBytes: 1_770_000 })),
  ...moment(0, 'open', 228, 324),
  { kind: 'head', blockNumber: 46, timeMs: t0 + 264_000 },
  ...validators.map(({ hotkey }) => ({
    role: 'validator',
    hotkey,
    kind: 'scored',
    cycle: 0,
    seconds: 6.2,
    scores: [
      { uid: 3, hotkey: '5Miner1', code: 'scored', score: 0.2626, gain: 0.3121, lowerBound: 0.2626, upperBound: 0.3616, rows: 96 },
      { uid: 4, hotkey: '5Miner2', code: 'scored', score: 0.25, gain: 0.2977, lowerBound: 0.25, upperBound: 0.3454, rows: 96 },
      { uid: 5, hotkey: '5Miner3', code: 'below-floor', score: 0 },
      { uid: 6, hotkey: '5Miner4', code: 'below-floor', score: 0 },
    ],
  })),
  ...validators.map(({ hotkey }) => ({ role: 'validator', hotkey, kind: 'weights-set', cycle: 0, weights: [{ uid: 3, weight: 0.512 }, { uid: 4, weight: 0.488 }] })),
  ...moment(0, 'publish', 324, 372),
  ...moment(0, 'reveal', 372, 468),
  ...validators.map(({ hotkey }) => ({ role: 'validator', hotkey, kind: 'merged', cycle: 0, step: 'manifest', accepted: true, version: 1, root: '3fa9'.repeat(16), target: { gain: 0.3183, lowerBound: 0.2653 }, general: { forgetting: 0.002, upperBound: 0.0031 }, seconds: 4.4 })),
  { kind: 'losses', version: 1, target: 2.5183, general: 2.6779, test: 2.5301 },
  { kind: 'head', blockNumber: 56, timeMs: t0 + 384_000 },
];

/** Up to the middle of training. */
export const trainingEvents: readonly Event[] = cycleEvents.slice(0, cycleEvents.findIndex(({ kind }) => kind === 'trained'));
