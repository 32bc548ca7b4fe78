/**
 * What an owner may set, by `@connito/chain`, against a running `@connito/localnet`: values and child keys are refused for the reason that the chain gives, and taken where it takes them.
 */
import { burnedRegister, connectChain, createCall, isChainError, openKeypair, planChildren, planHyperparameter, readChildren, readHyperparameters, readPendingChildren, sendCall, setChildren, setHyperparameter, sudo, type Chain, type HyperparameterName, type Hyperparameters, type Plan } from '@connito/chain';
import { startLocalnet, type Localnet } from '@connito/localnet';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createValidatorSubnet } from './validator-subnet.ts';

// Machines that build and test at once are slow.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const alice = openKeypair('//Alice');
const [owner, parent, child] = [openKeypair('//owner').hotkey, openKeypair('//validator').hotkey, openKeypair('//child').hotkey];
const account = alice.hotkey;
const TEMPO = 20;
const HALF = 2n ** 63n;

let localnet: Localnet;
let chain: Chain;
let netuid: number;

/** What was planned, and what the chain itself says of the call. */
async function verdict({ call, refusal }: Plan): Promise<readonly (string | undefined)[]> {
  const said = await sendCall(chain, call, { signer: alice }).then(
    () => undefined,
    (error: unknown) => (isChainError(error, 'dispatch-failed') ? error.context.error : Promise.reject(error as Error)),
  );
  return [refusal?.reason, said];
}

beforeAll(async () => {
  localnet = await startLocalnet({ seed: 'owner-values', instantSeal: true, intervalMs: 600_000 });
  chain = await connectChain({ endpoint: localnet.endpoint });
  ({ netuid } = await createValidatorSubnet(chain, { owner, validator: parent, sudo: alice, tempo: TEMPO }));
  await burnedRegister(chain, { netuid, hotkey: child, signer: alice });
});
afterAll(async () => {
  await chain?.close();
  await localnet?.close();
});

const planFor = (hotkey: string, ...children: readonly string[]): Promise<Plan> => planChildren(chain, { netuid, hotkey, children: children.map((key) => ({ hotkey: key, proportion: HALF })), account });

type Value = { [N in HyperparameterName]: readonly [name: N, value: Hyperparameters[N], reason: string | undefined] }[HyperparameterName];

describe('a value', () => {
  // In this order: later ones build on what earlier ones set. The subnet has three neurons.
  const values: readonly Value[] = [
    ['minBurn', 1_000_000_000, 'ValueNotInBounds'],
    ['maxBurn', 100_000_000, 'ValueNotInBounds'],
    ['minBurn', 500_000_000, undefined],
    ['maxBurn', 500_000_000, 'ValueNotInBounds'],
    ['maxBurn', 500_000_001, undefined],
    ['minBurn', 500_000_001, 'ValueNotInBounds'],
    ['maxAllowedUids', 2, 'MaxAllowedUidsLessThanMinAllowedUids'],
    ['maxAllowedUids', 257, 'MaxAllowedUidsGreaterThanDefaultMaxAllowedUids'],
    ['minAllowedUids', 256, 'MinAllowedUidsGreaterThanMaxAllowedUids'],
    ['minAllowedUids', 3, 'MinAllowedUidsGreaterThanCurrentUids'],
    ['minAllowedUids', 2, undefined],
    ['maxAllowedUids', 2, 'MaxAllowedUIdsLessThanCurrentUIds'],
    ['maxAllowedUids', 128, undefined],
    ['maxAllowedValidators', 129, 'MaxValidatorsLargerThanMaxUIds'],
    ['mechanismCount', 0, 'InvalidValue'],
    ['mechanismCount', 3, 'InvalidValue'],
    ['mechanismCount', 2, undefined],
    ['maxAllowedUids', 129, 'TooManyUIDsPerMechanism'],
    ['mechanismEmissionSplit', [65_535, 0, 0], 'InvalidValue'],
    ['mechanismEmissionSplit', [1, 2], 'InvalidValue'],
    ['mechanismEmissionSplit', [40_000, 25_535], undefined],
    ['mechanismEmissionSplit', 'even', undefined],
    ['activityCutoff', 1, 'ActivityCutoffTooLow'],
    ['commitRevealWeightsInterval', 0, 'RevealPeriodTooSmall'],
    ['commitRevealWeightsInterval', 101, 'RevealPeriodTooLarge'],
    ['alphaValues', [2000, 60_000], 'LiquidAlphaDisabled'],
    ['liquidAlphaEnabled', true, undefined],
    ['alphaValues', [1000, 1000], 'AlphaHighTooLow'],
    ['alphaValues', [1000, 60_000], 'AlphaLowOutOfRange'],
    ['alphaValues', [60_001, 60_000], 'AlphaLowOutOfRange'],
    ['alphaValues', [2000, 60_000], undefined],
    ['ownerImmuneNeuronLimit', 0, 'InvalidValue'],
    ['ownerImmuneNeuronLimit', 11, 'InvalidValue'],
    ['ownerImmuneNeuronLimit', 10, undefined],
    ['burnHalfLife', 0, 'InvalidValue'],
    ['burnHalfLife', 36_101, 'InvalidValue'],
    ['burnIncreaseMult', 0.5, 'InvalidValue'],
    ['burnIncreaseMult', 3.5, 'InvalidValue'],
    ['burnIncreaseMult', 2, undefined],
    ['minChildkeyTake', 12_000, 'InvalidValue'],
    ['minChildkeyTake', 3000, undefined],
  ];

  it.each(values)('%s = %s: %s', async (name, value, reason) => {
    const plan = await planHyperparameter(chain, { netuid, name, value, sudo: true, account });
    expect(await verdict(plan)).toEqual([reason, reason]);
    // To the owner the same, before its rate limit or after.
    const own = await planHyperparameter(chain, { netuid, name, value, account });
    expect([reason, 'BadOrigin', 'TxRateLimitExceeded']).toContain(own.refusal?.reason);
  });

  it('is set by the sudo key outside the freeze window only', async () => {
    await setHyperparameter(chain, { netuid, name: 'adminFreezeWindow', value: TEMPO + 1, signer: alice, sudo: true });
    for (const name of ['tempo', 'maxAllowedValidators', 'targetRegistrationsPerInterval', 'maxRegistrationsPerBlock', 'minAllowedUids', 'rho', 'weightsVersionKey', 'mechanismCount'] as const) {
      const current = await readHyperparameters(chain, { netuid, names: [name] });
      const plan = await planHyperparameter(chain, { netuid, name, value: current[name], sudo: true, account });
      expect([name, ...(await verdict(plan))]).toEqual([name, 'AdminActionProhibitedDuringWeightsWindow', 'AdminActionProhibitedDuringWeightsWindow']);
    }
    expect(await verdict(await planHyperparameter(chain, { netuid, name: 'kappa', value: 32_767, sudo: true, account }))).toEqual([undefined, undefined]);
    await setHyperparameter(chain, { netuid, name: 'adminFreezeWindow', value: 0, signer: alice, sudo: true });
  });
});

describe('child keys', () => {
  it('wait for the epoch after the cool-down, and count from its block on', async () => {
    const coolDown = 3;
    await sendCall(chain, sudo(chain, createCall(chain, 'SubtensorModule', 'set_pending_childkey_cooldown', [coolDown])), { signer: alice });
    const { figures } = await planChildren(chain, { netuid, hotkey: parent, children: [{ hotkey: child, proportion: HALF }], account });
    const { blockNumber, blockHash } = await setChildren(chain, { netuid, hotkey: parent, children: [{ hotkey: child, proportion: HALF }], signer: alice });
    const pending = await readPendingChildren(chain, { netuid, hotkey: parent, at: blockHash });
    expect(pending).toEqual({ children: [{ hotkey: child, proportion: HALF }], coolDownBlock: blockNumber + coolDown, effectiveBlock: figures.effectiveBlock });
    const effectiveBlock = pending?.effectiveBlock as number;
    await chain.request('localnet_seal', [effectiveBlock - blockNumber]);
    const seen = async (at: number): Promise<unknown> => [await readChildren(chain, { netuid, hotkey: parent, at }), (await readPendingChildren(chain, { netuid, hotkey: parent, at }))?.effectiveBlock];
    expect([await seen(effectiveBlock - 1), await seen(effectiveBlock)]).toEqual([[[], effectiveBlock], [[{ hotkey: child, proportion: HALF }], undefined]]);
  });

  it('are refused for the reason that the chain gives', async () => {
    expect(await verdict(await planFor(parent, owner))).toEqual(['TxRateLimitExceeded', 'TxRateLimitExceeded']);
    expect(await verdict(await planFor(child, parent))).toEqual(['ChildParentInconsistency', 'ChildParentInconsistency']);
    expect(await verdict(await planFor(child, child))).toEqual(['InvalidChild', 'InvalidChild']);
    expect(await verdict(await planFor(child, owner, owner))).toEqual(['DuplicateChild', 'DuplicateChild']);
    expect(await verdict(await planFor(child, ...['//1', '//2', '//3', '//4', '//5', '//6'].map((uri) => openKeypair(uri).hotkey)))).toEqual(['TooManyChildren', 'TooManyChildren']);
    expect(await verdict(await planFor(child, owner, openKeypair('//1').hotkey, openKeypair('//2').hotkey))).toEqual(['ProportionOverflow', 'ProportionOverflow']);
    await setHyperparameter(chain, { netuid, name: 'stakeThreshold', value: 1_000_000_000_000_000n, signer: alice, sudo: true });
    expect(await verdict(await planFor(child, owner))).toEqual(['NotEnoughStakeToSetChildkeys', 'NotEnoughStakeToSetChildkeys']);
    // None can be taken back by anybody, and the owner's hotkey lends what it has.
    expect(await verdict(await planFor(child))).toEqual([undefined, undefined]);
    expect(await verdict(await planFor(owner, openKeypair('//1').hotkey))).toEqual([undefined, undefined]);
  });
});
