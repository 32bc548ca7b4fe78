import { encryptTimelock, encodeWeightsPayload, hashWeightsCommit } from '@connito/commit-reveal';
import { describe, expect, it } from 'vitest';
import { account, BEACON, Runtime } from './runtime-support.ts';

const OWNER = account(2);
const MINER = account(100);
const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** A subnet of the owner (uid 0) and two neurons, tempo 10, commit-reveal on; block 1. */
function world(): Runtime {
  const runtime = new Runtime();
  const netuid = runtime.subnet({ neurons: 2, commitReveal: true });
  runtime.subtensor.Tempo.set(netuid, 10);
  runtime.subtensor.MaxEpochsPerBlock.set(32);
  return runtime;
}

function hashOf(salt: number, { hotkey = OWNER, uids = [1, 2], values = [1, 1] } = {}): string {
  return hexOf(hashWeightsCommit({ hotkey: bytesOf(hotkey), netuidIndex: 1, uids, values, salt: [salt], versionKey: 0n }));
}
const commit = (runtime: Runtime, salt: number): string | undefined => runtime.call(OWNER, 'commit_weights', { netuid: 1, commit_hash: hashOf(salt) });
const reveal = (runtime: Runtime, salt: number, from = OWNER): string | undefined =>
  runtime.call(from, 'reveal_weights', { netuid: 1, uids: [1, 2], values: [1, 1], salt: [salt], version_key: 0n });

/** Steps until the subnet's epoch index has risen by `count`. */
function epochs(runtime: Runtime, count: number): void {
  const target = runtime.subtensor.SubnetEpochIndex.get(1) + BigInt(count);
  while (runtime.subtensor.SubnetEpochIndex.get(1) < target) runtime.blocks();
}

describe('commits by hash', () => {
  it('are refused in the order of the chain', () => {
    const runtime = world();
    const call = (from: string, args: object): string | undefined => runtime.call(from, 'commit_mechanism_weights', { netuid: 1, mecid: 0, commit_hash: hashOf(1), ...args });
    // The guard comes first: a mechanism that is not there passes no rate limit.
    expect(call(OWNER, { mecid: 1 })).toBe('CommittingWeightsTooFast');
    expect(call(account(0x77), { mecid: 1 })).toBe('MechanismDoesNotExist');
    expect(call(OWNER, { netuid: 9 })).toBe('MechanismDoesNotExist');
    expect(call(account(0x77), {})).toBe('HotKeyNotRegisteredInSubNet');
    runtime.subtensor.WeightsSetRateLimit.set(1, 5n);
    expect(call(OWNER, {})).toBe('CommittingWeightsTooFast');
    runtime.jump(6);
    expect(call(OWNER, {})).toBeUndefined();
    runtime.jump(11);
    runtime.subtensor.CommitRevealWeightsEnabled.set(1, false);
    expect(call(OWNER, {})).toBe('CommitRevealDisabled');
  });

  it('are told of, and are the neuron’s last update', () => {
    const runtime = world();
    runtime.jump(4);
    expect(commit(runtime, 1)).toBeUndefined();
    expect(runtime.records()).toEqual([{ event: 'WeightsCommitted', data: [OWNER, 1, hashOf(1)] }]);
    expect(runtime.subtensor.LastUpdate.get(1)[0]).toBe(4n);
    expect(runtime.subtensor.WeightCommits.get(1, OWNER)).toEqual([[hashOf(1), 0n, 4n, 0n]]);
  });

  it('are revealed in the epoch of their window only', () => {
    const runtime = world();
    commit(runtime, 1);
    expect(reveal(runtime, 1)).toBe('RevealTooEarly');
    epochs(runtime, 1);
    runtime.events();
    expect(reveal(runtime, 2)).toBe('NoWeightsCommitFound');
    expect(reveal(runtime, 1)).toBeUndefined();
    expect(runtime.events()).toEqual(['WeightsSet', 'WeightsRevealed']);
    expect(runtime.subtensor.Weights.get(1, 0)).toEqual([[1, 65535], [2, 65535]]);
    expect(runtime.subtensor.LastUpdate.get(1)[0]).toBe(1n);
    expect(runtime.subtensor.WeightCommits.get(1, OWNER)).toBeUndefined();
    expect(reveal(runtime, 1)).toBe('NoWeightsCommitFound');
  });

  it('count from the next epoch on when their block ends one', () => {
    const runtime = world();
    while (runtime.execution.blockNumber < 9) runtime.blocks();
    runtime.jump(Number(runtime.subtensor.LastEpochBlock.get(1)) + 10);
    commit(runtime, 1);
    expect(runtime.subtensor.WeightCommits.get(1, OWNER)?.[0]?.[1]).toBe(1n);
  });

  it('expire; the guard of the transaction sees only that their time is over', () => {
    const runtime = world();
    commit(runtime, 1);
    epochs(runtime, 2);
    expect(reveal(runtime, 1)).toBe('RevealTooEarly');
  });

  it('reveal drops those before it, and needs not be the first', () => {
    const runtime = world();
    for (const salt of [1, 2, 3]) commit(runtime, salt);
    epochs(runtime, 1);
    expect(reveal(runtime, 2)).toBeUndefined();
    expect(runtime.subtensor.WeightCommits.get(1, OWNER)?.map(([hash]) => hash)).toEqual([hashOf(3)]);
    expect(reveal(runtime, 1)).toBe('NoWeightsCommitFound');
  });

  it('are at most ten that wait; expired ones make room', () => {
    const runtime = world();
    for (let salt = 0; salt < 10; salt++) expect(commit(runtime, salt)).toBeUndefined();
    expect(commit(runtime, 10)).toBe('TooManyUnrevealedCommits');
    epochs(runtime, 2);
    expect(commit(runtime, 10)).toBeUndefined();
    expect(runtime.subtensor.WeightCommits.get(1, OWNER)?.length).toBe(1);
  });

  it('bind the hotkey: another cannot reveal them', () => {
    const runtime = world();
    commit(runtime, 1);
    runtime.call(MINER, 'commit_weights', { netuid: 1, commit_hash: hashOf(1) });
    epochs(runtime, 1);
    expect(reveal(runtime, 1, MINER)).toBe('NoWeightsCommitFound');
  });

  it('go through all checks of set_weights when they are revealed', () => {
    const runtime = world();
    const bad = { netuid: 1, uids: [1, 9], values: [1, 1], salt: [1], version_key: 0n };
    runtime.call(OWNER, 'commit_weights', { netuid: 1, commit_hash: hashOf(1, { uids: bad.uids }) });
    epochs(runtime, 1);
    expect(runtime.call(OWNER, 'reveal_weights', bad)).toBe('UidVecContainInvalidOne');
  });

  it('come in batches: each commit on its own, all reveals or none', () => {
    const runtime = world();
    expect(runtime.call(OWNER, 'batch_commit_weights', { netuids: [1], commit_hashes: [] })).toBe('InputLengthsUnequal');
    expect(runtime.call(OWNER, 'batch_commit_weights', { netuids: [1, 9], commit_hashes: [hashOf(1), hashOf(2)] })).toBeUndefined();
    expect(runtime.events()).toEqual(['WeightsCommitted', 'BatchCompletedWithErrors', 'BatchWeightItemFailed', 'BatchWeightsCompleted']);
    commit(runtime, 2);
    const batch = (salts: number[]): string | undefined =>
      runtime.call(OWNER, 'batch_reveal_weights', { netuid: 1, uids_list: salts.map(() => [1, 2]), values_list: salts.map(() => [1, 1]), salts_list: salts.map((salt) => [salt]), version_keys: salts.map(() => 0n) });
    epochs(runtime, 1);
    runtime.events();
    expect(batch([1, 3])).toBe('NoWeightsCommitFound');
    expect(batch([2, 1])).toBeUndefined();
    expect(runtime.records().at(-1)).toEqual({ event: 'WeightsBatchRevealed', data: [OWNER, 1, [hashOf(2), hashOf(1)]] });
    expect(runtime.subtensor.WeightCommits.get(1, OWNER)).toBeUndefined();
  });
});

describe('batch_set_weights', () => {
  it('sets what it can and tells what it could not', () => {
    const runtime = world();
    const call = (): string | undefined => runtime.call(OWNER, 'batch_set_weights', { netuids: [1, 1], weights: [[[1, 5]], [[7, 5]]], version_keys: [0n, 0n] });
    call();
    expect(runtime.records().map(({ data }) => data)).toContainEqual([1, { type: 'Module', value: expect.anything() }]);
    runtime.subtensor.CommitRevealWeightsEnabled.set(1, false);
    expect(call()).toBeUndefined();
    expect(runtime.events()).toEqual(['WeightsSet', 'BatchCompletedWithErrors', 'BatchWeightItemFailed', 'BatchWeightsCompleted']);
    expect(runtime.subtensor.Weights.get(1, 0)).toEqual([[1, 65535]]);
  });
});

const ROUND = 50;
function sealed({ hotkey = OWNER, uids = [1, 2], values = [3, 1], round = ROUND } = {}): Uint8Array {
  const plaintext = encodeWeightsPayload({ hotkey: bytesOf(hotkey), uids, values, versionKey: 0n });
  return encryptTimelock({ publicKey: BEACON.publicKey, round, plaintext });
}
const commitSealed = (runtime: Runtime, ciphertext: Uint8Array, { from = OWNER, round = ROUND, version = 4 } = {}): string | undefined =>
  runtime.call(from, 'commit_timelocked_weights', { netuid: 1, commit: ciphertext, reveal_round: BigInt(round), commit_reveal_version: version });

describe('timelocked weights', () => {
  it('are refused in the order of the chain', () => {
    const runtime = world();
    const ciphertext = new Uint8Array(8);
    expect(commitSealed(runtime, ciphertext, { version: 3 })).toBe('IncorrectCommitRevealVersion');
    expect(commitSealed(runtime, ciphertext, { version: 3, from: account(0x77) })).toBe('IncorrectCommitRevealVersion');
    expect(commitSealed(runtime, ciphertext, { from: account(0x77) })).toBe('HotKeyNotRegisteredInSubNet');
    runtime.execution.storage.Drand.LastStoredRound.set(51n);
    expect(commitSealed(runtime, ciphertext)).toBe('InvalidRevealRound');
    runtime.execution.storage.Drand.LastStoredRound.set(50n);
    runtime.subtensor.WeightsSetRateLimit.set(1, 5n);
    expect(commitSealed(runtime, ciphertext)).toBe('CommittingWeightsTooFast');
    runtime.subtensor.WeightsSetRateLimit.set(1, 0n);
    for (let n = 0; n < 10; n++) expect(commitSealed(runtime, ciphertext)).toBeUndefined();
    expect(commitSealed(runtime, ciphertext)).toBe('TooManyUnrevealedCommits');
    expect(runtime.call(MINER, 'commit_crv3_mechanism_weights', { netuid: 1, mecid: 0, commit: ciphertext, reveal_round: 50n })).toBeUndefined();
    runtime.subtensor.CommitRevealWeightsEnabled.set(1, false);
    expect(commitSealed(runtime, ciphertext)).toBe('CommitRevealDisabled');
  });

  it('are opened by the chain in the reveal epoch, once the pulse is there', () => {
    const runtime = world();
    expect(commitSealed(runtime, sealed())).toBeUndefined();
    expect(runtime.records()[0]?.event).toBe('TimelockedWeightsCommitted');
    epochs(runtime, 1);
    runtime.blocks(2);
    expect(runtime.subtensor.Weights.get(1, 0)).toEqual([]);
    expect(runtime.subtensor.TimelockedWeightCommits.get(1, 0n)).toHaveLength(1);
    runtime.pulse(ROUND);
    runtime.events();
    runtime.blocks();
    expect(runtime.events()).toEqual(['WeightsSet', 'TimelockedWeightsRevealed']);
    expect(runtime.subtensor.Weights.get(1, 0)).toEqual([[1, 65535], [2, 21845]]);
    expect(runtime.subtensor.LastUpdate.get(1)[0]).toBe(1n);
    expect(runtime.subtensor.TimelockedWeightCommits.get(1, 0n)).toEqual([]);
  });

  it('wait for their epoch even where the pulse is early', () => {
    const runtime = world();
    commitSealed(runtime, sealed());
    runtime.pulse(ROUND);
    runtime.blocks();
    expect(runtime.subtensor.Weights.get(1, 0)).toEqual([]);
    epochs(runtime, 1);
    expect(runtime.subtensor.Weights.get(1, 0)).toHaveLength(2);
  });

  it('are dropped without a trace when they are another’s, garbage, of another round, or refused by set_weights', () => {
    const runtime = world();
    const before = runtime.subtensor.Weights.entries();
    for (const ciphertext of [sealed({ hotkey: MINER }), new Uint8Array(300).fill(9), sealed({ round: 51 }), sealed({ uids: [1, 9] })]) expect(commitSealed(runtime, ciphertext)).toBeUndefined();
    runtime.pulse(ROUND);
    runtime.events();
    epochs(runtime, 1);
    expect(runtime.events()).not.toContain('TimelockedWeightsRevealed');
    expect(runtime.subtensor.Weights.entries()).toEqual(before);
    expect(runtime.subtensor.TimelockedWeightCommits.entries(1)).toEqual([]);
  });

  it('are dropped when the pulse does not come in the reveal epoch', () => {
    const runtime = world();
    commitSealed(runtime, sealed());
    epochs(runtime, 2);
    expect(runtime.subtensor.TimelockedWeightCommits.entries(1)).toEqual([]);
    runtime.pulse(ROUND);
    runtime.blocks();
    expect(runtime.subtensor.Weights.get(1, 0)).toEqual([]);
  });

  it('of one hotkey: the last one counts', () => {
    const runtime = world();
    commitSealed(runtime, sealed());
    commitSealed(runtime, sealed({ values: [1, 3] }));
    runtime.pulse(ROUND);
    epochs(runtime, 1);
    expect(runtime.subtensor.Weights.get(1, 0)).toEqual([[1, 21845], [2, 65535]]);
  });
});

const setCommitment = (runtime: Runtime, fields: object[]): string | undefined => runtime.call(OWNER, 'Commitments.set_commitment', { netuid: 1, info: { fields } });
const timelockField = (text: string, round = ROUND): object => ({
  type: 'TimelockEncrypted',
  value: { encrypted: encryptTimelock({ publicKey: BEACON.publicKey, round, plaintext: new TextEncoder().encode(text) }), reveal_round: BigInt(round) },
});

describe('timelocked commitments', () => {
  it('are opened when the pulse is there; plain fields stay', () => {
    const runtime = world();
    expect(setCommitment(runtime, [{ type: 'Raw', value: new Uint8Array([1]) }, timelockField('hello')])).toBeUndefined();
    runtime.blocks();
    expect(runtime.execution.storage.Commitments.RevealedCommitments.get(1, OWNER)).toBeUndefined();
    runtime.pulse(ROUND);
    runtime.events();
    runtime.blocks();
    expect(runtime.events()).toEqual(['CommitmentRevealed']);
    const { RevealedCommitments, CommitmentOf, TimelockedIndex } = runtime.execution.storage.Commitments;
    expect(RevealedCommitments.get(1, OWNER)).toEqual([[new TextEncoder().encode('hello'), BigInt(runtime.execution.blockNumber)]]);
    expect(CommitmentOf.get(1, OWNER)?.info.fields).toEqual([{ type: 'Raw', value: new Uint8Array([1]) }]);
    expect(TimelockedIndex.get()).toEqual([]);
  });

  it('keep the last ten, and leave no registration behind when nothing plain stood beside', () => {
    const runtime = world();
    for (let n = 0; n < 11; n++) {
      runtime.execution.storage.Commitments.UsedSpaceOf.remove(1, OWNER);
      setCommitment(runtime, [timelockField(`${n}`)]);
      runtime.pulse(ROUND);
      runtime.blocks();
    }
    const { RevealedCommitments, CommitmentOf } = runtime.execution.storage.Commitments;
    expect(RevealedCommitments.get(1, OWNER)?.map(([text]) => new TextDecoder().decode(text))).toEqual(['1', '2', '3', '4', '5', '6', '7', '8', '9', '10']);
    expect(CommitmentOf.get(1, OWNER)).toBeUndefined();
  });

  it('that nothing opens are dropped, those of later rounds wait', () => {
    const runtime = world();
    setCommitment(runtime, [{ type: 'TimelockEncrypted', value: { encrypted: new Uint8Array(9), reveal_round: 50n } }, timelockField('later', 60)]);
    runtime.pulse(ROUND);
    runtime.blocks();
    expect(runtime.execution.storage.Commitments.CommitmentOf.get(1, OWNER)?.info.fields).toHaveLength(1);
    expect(runtime.execution.storage.Commitments.TimelockedIndex.get()).toEqual([[1, OWNER]]);
    runtime.pulse(60);
    runtime.blocks();
    expect(runtime.execution.storage.Commitments.RevealedCommitments.get(1, OWNER)).toHaveLength(1);
  });

  it('with a plain commitment after them are never opened', () => {
    const runtime = world();
    setCommitment(runtime, [timelockField('gone')]);
    setCommitment(runtime, [{ type: 'Raw', value: new Uint8Array([1]) }]);
    expect(runtime.execution.storage.Commitments.TimelockedIndex.get()).toEqual([]);
  });

  it('reset bonds on the neuron where the subnet allows it', () => {
    const runtime = world();
    runtime.subtensor.Bonds.set(1, 1, [[0, 5], [2, 7]]);
    setCommitment(runtime, [{ type: 'ResetBondsFlag' }]);
    expect(runtime.subtensor.Bonds.get(1, 1)).toHaveLength(2);
    runtime.subtensor.BondsResetOn.set(1, true);
    setCommitment(runtime, [{ type: 'ResetBondsFlag' }]);
    expect(runtime.subtensor.Bonds.get(1, 1)).toEqual([[2, 7]]);
    expect(runtime.execution.storage.Commitments.LastBondsReset.get(1, OWNER)).toBe(1);
  });
});

describe('the epoch model of before spec 407', () => {
  it('fires where (block + netuid + 1) % (tempo + 1) is 0, and its index is the quotient', () => {
    const runtime = new Runtime({ epochModel: 'modulo' });
    runtime.subnet();
    runtime.expect(runtime.call('root', 'AdminUtils.sudo_set_tempo', { netuid: 1, tempo: 9 }));
    for (let block = 2; block < 60; block++) {
      runtime.blocks();
      expect(runtime.subtensor.SubnetEpochIndex.get(1)).toBe(BigInt(Math.floor((block + 2) / 10)));
      expect(runtime.subtensor.LastMechansimStepBlock.get(1)).toBe(block < 8 ? 0n : BigInt(Math.floor((block + 2) / 10) * 10 - 2));
    }
  });
});
