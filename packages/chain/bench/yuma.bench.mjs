/**
 * One epoch of 64 validators and 256 neurons: the fast form beside the exact one, in alternating rounds of one run.
 *
 *   npm run bench -- chain yuma
 *
 * Every validator weighs all 256 neurons; bonds are those of eight epochs before, so that all rows are full. Both forms check their input and build their
 * whole result. Before each round the garbage of the other form is collected, so that each pays for its own. The figures of both are compared as well.
 * @module
 */
import assert from 'node:assert/strict';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { computeYuma, computeYumaFast } from '@connito/chain';

const VALIDATORS = 64;
const NEURONS = 256;
const ROUNDS = 15;
const WARM_UP_MS = 1_000;
const MODES = [
  { name: 'classic', yuma3: false, liquidAlpha: false },
  { name: 'Yuma3', yuma3: true, liquidAlpha: false },
  { name: 'Yuma3, liquid alpha', yuma3: true, liquidAlpha: true },
  { name: 'Yuma3, liquid alpha, half bonds penalty', yuma3: true, liquidAlpha: true, bondsPenalty: 32_768 },
];

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');

let state = 12_345;
const uniform = () => ((state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) + 0.5) / 2 ** 32;
const list = (value) => Array.from({ length: NEURONS }, (_, uid) => value(uid));

/** Validators that roughly agree about neurons of very different quality. */
function createInput(mode) {
  const quality = list(() => uniform() ** 4);
  const weigh = (from) => list((uid) => [uid, 1 + Math.floor(65_534 * Math.min(1, quality[uid] * (0.8 + 0.4 * uniform())))]).filter(([uid]) => uid !== from);
  return {
    block: 100_000, tempo: 360, lastMechanismStepBlock: 99_639,
    stakeRao: list((uid) => (uid < VALIDATORS ? BigInt(Math.floor(1e9 * 2 ** (10 + 11 * uniform()))) : 0n)),
    lastUpdate: list(() => 99_900), blockAtRegistration: list((uid) => uid), validatorPermit: list((uid) => uid < VALIDATORS), ownerUid: 0,
    weights: list((uid) => (uid < VALIDATORS ? weigh(uid) : [])), bonds: list(() => []),
    kappa: 32_767, stakeThresholdRao: 0n, maxAllowedValidators: VALIDATORS, activityCutoffBlocks: 5_000, commitRevealWeightsEnabled: true,
    bondsMovingAverage: 900_000, bondsPenalty: 65_535, alphaLow: 45_875, alphaHigh: 58_982, alphaSigmoidSteepness: 1_000, emissionRao: 147_600_000_000n,
    ...mode,
  };
}

function withBonds(input, epochs = 8) {
  return Array.from({ length: epochs }).reduce((current) => {
    const weights = current.weights.map((row) => row.map(([uid, value]) => [uid, Math.max(1, Math.min(65_535, Math.floor(value * (0.9 + 0.2 * uniform()))))]));
    return { ...current, weights, bonds: computeYumaFast(current).bonds };
  }, input);
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

/** Milliseconds a call, by the clock and of processors, over as many calls as fill `ms`. */
function measure(action, ms) {
  let calls = 0;
  collectGarbage();
  action();
  const [start, used] = [performance.now(), process.cpuUsage()];
  while (performance.now() - start < ms) {
    action();
    calls += 1;
  }
  const { user, system } = process.cpuUsage(used);
  return { wallMs: (performance.now() - start) / calls, cpuMs: (user + system) / 1_000 / calls };
}

/** Figures of one mode in every round. */
function compare(exact, fast) {
  return Array.from({ length: ROUNDS }, () => {
    const [ofExact, ofFast] = [measure(exact, 200), measure(fast, 200)];
    return { exactMs: ofExact.wallMs, fastMs: ofFast.wallMs, wallRatio: ofExact.wallMs / ofFast.wallMs, cpuRatio: ofExact.cpuMs / ofFast.cpuMs };
  });
}

console.log(`${cpus()[0]?.model}, ${availableParallelism()} threads, Node ${process.version}, load ${loadavg().map((x) => x.toFixed(1)).join(' ')}`);
console.log(`${VALIDATORS} validators × ${NEURONS} neurons, one epoch, medians of ${ROUNDS} alternating rounds`);
for (const mode of MODES) {
  const input = withBonds(createInput(mode));
  const [exact, fast] = [() => computeYuma(input), () => computeYumaFast(input)];
  measure(fast, WARM_UP_MS);
  measure(exact, WARM_UP_MS);
  const rounds = compare(exact, fast);
  const middle = (name) => median(rounds.map((round) => round[name]));
  assert.deepEqual(fast(), exact());
  console.log(
    `${mode.name.padEnd(42)} exact ${middle('exactMs').toFixed(1).padStart(6)} ms   fast ${middle('fastMs').toFixed(2).padStart(6)} ms   ${middle('wallRatio').toFixed(1)}x (processor time ${middle('cpuRatio').toFixed(1)}x)`,
  );
}
