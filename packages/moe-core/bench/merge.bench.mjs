/** The outer step and what comes before it: averages and robust rules over 8 updates of an expert's projection, against torch and numpy, one thread each. */
import { aggregateUpdates, applyOuterStep, averageUpdates } from '../dist/index.js';
import { measureRounds, openPeer, report, seconds } from './harness.mjs';

const SHAPE = [1408, 2048];
const ELEMENTS = SHAPE[0] * SHAPE[1];
const PARTICIPANTS = 8;

const experts = (scale) => new Map([['w', { shape: SHAPE, data: Float32Array.from({ length: ELEMENTS }, () => (Math.random() + Math.random() - 1) * scale) }]]);
const updates = Array.from({ length: PARTICIPANTS }, (_, i) => ({ update: experts(1e-3), weight: i + 1 }));
const weights = experts(1);
const rule = { kind: 'nesterov', learningRate: 0.7, momentum: 0.9 };
const { velocity } = applyOuterStep({ weights, update: updates[0].update, rule });

const inPlace = applyOuterStep({ weights, update: updates[0].update, rule });

const peer = openPeer(new URL('merge.py', import.meta.url));
if (peer) console.log(await peer.call('prepare', { elements: ELEMENTS, participants: PARTICIPANTS }));
const theirs = (names) => (peer ? Object.fromEntries(names.map(([title, call]) => [title, () => peer.call(call)])) : {});
const aggregate = (aggregation) => () => seconds(() => aggregateUpdates(updates, aggregation));

const topics = [
  { title: 'Nesterov step', against: 'torch.optim.SGD', peers: [['torch.optim.SGD', 'nesterov']], ours: { 'applyOuterStep, in place': () => seconds(() => applyOuterStep({ ...inPlace, update: updates[0].update, rule, into: inPlace })), applyOuterStep: () => seconds(() => applyOuterStep({ weights, velocity, update: updates[0].update, rule })) } },
  { title: `weighted mean of ${PARTICIPANTS}`, against: 'numpy.average', peers: [['numpy.average', 'mean_numpy']], ours: { averageUpdates: () => seconds(() => averageUpdates(updates)) } },
  { title: `median of ${PARTICIPANTS}`, against: 'numpy.median', peers: [['numpy.median', 'median_numpy'], ['torch.median (the lower)', 'median_torch']], ours: { median: aggregate({ kind: 'median' }) } },
  {
    title: `distances between ${PARTICIPANTS}`,
    against: 'torch.cdist, float64',
    peers: [['torch.cdist, float64', 'distances_torch']],
    ours: { 'multi-krum, all of it': aggregate({ kind: 'multi-krum', byzantine: 2 }), 'geometric median': aggregate({ kind: 'geometric-median' }) },
  },
];
for (const { title, against, peers, ours } of topics) {
  const medians = await measureRounds({ ...theirs(peers), ...ours }, 5);
  report(title, { medians, work: ELEMENTS / 1e6, unit: 'M elements/s', against });
}
peer?.close();
