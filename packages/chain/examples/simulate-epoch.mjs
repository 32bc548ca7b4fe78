/**
 * What would a validator earn if it stopped judging by itself and copied consensus, or judged nobody but its friends? Twenty epochs of a subnet of five
 * validators and eight miners, for each behaviour of the last validator. Needs no chain.
 *
 *   node examples/simulate-epoch.mjs [classic]
 *
 * With a chain, the same for its next epoch: `computeYumaFast(await readYumaInput(chain, { netuid }))`.
 * @module
 */
import { computeYumaFast } from '@connito/chain';

const VALIDATORS = 5;
const MINERS = 8;
const NEURONS = VALIDATORS + MINERS;
const EPOCHS = 20;
const TEMPO = 360;
const PARAMETERS = {
  tempo: TEMPO,
  kappa: 32_767, // a majority of half the stake
  stakeThresholdRao: 0n,
  maxAllowedValidators: 64,
  activityCutoffBlocks: 5_000,
  commitRevealWeightsEnabled: false,
  bondsMovingAverage: 900_000, // a tenth of the bonds is new in each epoch
  bondsPenalty: 65_535, // bonds are made of what consensus leaves of weights
  yuma3: process.argv[2] !== 'classic',
  liquidAlpha: process.argv[2] !== 'classic',
  alphaLow: 45_875,
  alphaHigh: 58_982,
  alphaSigmoidSteepness: 1_000,
  emissionRao: 100_000_000_000n,
};

const list = (length, value) => Array.from({ length }, (_, index) => value(index));

/** How good a miner is: the last one is new, and gets better until it is the best. */
const quality = (miner, epoch) => (miner === MINERS - 1 ? epoch / 10 : 1 / (miner + 1));
const toRow = (values) => values.map((value, miner) => [VALIDATORS + miner, Math.round((65_535 * value) / Math.max(...values))]);
const honest = (epoch) => toRow(list(MINERS, (miner) => quality(miner, epoch)));

const BEHAVIOURS = {
  honest: (epoch) => honest(epoch),
  'copies the last consensus': (epoch, last) => (last === undefined ? honest(epoch) : last.consensus.flatMap((value, uid) => (value > 0 ? [[uid, value]] : []))),
  'weighs only its friend': () => [[VALIDATORS + 3, 65_535]],
};

/** Emission of the last validator over all epochs, rao of alpha. */
function simulate(behave) {
  let state = { validatorPermit: list(NEURONS, (uid) => uid < VALIDATORS), bonds: list(NEURONS, () => []) };
  let earnedRao = 0n;
  for (let epoch = 1; epoch <= EPOCHS; epoch += 1) {
    const block = 1_000 + epoch * TEMPO;
    const weightsOf = (uid) => (uid >= VALIDATORS ? [] : uid === VALIDATORS - 1 ? behave(epoch, state.consensus && state) : honest(epoch));
    state = computeYumaFast({
      ...PARAMETERS,
      block,
      lastMechanismStepBlock: epoch === 1 ? 0 : block - TEMPO,
      stakeRao: list(NEURONS, (uid) => (uid < VALIDATORS ? 10_000_000_000_000n : 0n)),
      lastUpdate: list(NEURONS, () => block - 10),
      blockAtRegistration: list(NEURONS, () => 0),
      validatorPermit: state.validatorPermit,
      weights: list(NEURONS, weightsOf),
      bonds: state.bonds,
    });
    earnedRao += state.validatorEmissionRao[VALIDATORS - 1];
  }
  return earnedRao;
}

const base = simulate(BEHAVIOURS.honest);
for (const [name, behave] of Object.entries(BEHAVIOURS)) {
  const earned = simulate(behave);
  console.log(`${name.padEnd(28)} ${(Number(earned) / 1e9).toFixed(2).padStart(8)} alpha   ${((100 * Number(earned)) / Number(base)).toFixed(1)} % of honest`);
}
