/** Trimming of a subnet: set-up and figures of `test_trim_to_max_allowed_uids` and `…_too_many_immune` (pallets/admin-utils/src/tests/mod.rs:2649, 2922, opentensor/subtensor 14bc6f9f9). */
import { describe, expect, it } from 'vitest';
import { account, Runtime } from './runtime-support.ts';

const OWNER = account(1);
const NETUID = 1;
const VALUES = [17, 42, 8, 56, 23, 91, 34, 77, 12, 65, 3, 88, 29, 51, 74, 39];
const BOOLS = [3, 5, 6, 7, 9, 11, 13, 14];
const KEPT = [3, 5, 6, 7, 9, 11, 13, 14];
const COUNT = VALUES.length;
const MECHANISMS = [0, 1, 2, 3].map((mechanism) => mechanism * 4096 + NETUID);
const trim = (runtime: Runtime, max_n: number, { from = 'root', netuid = NETUID }: { from?: string; netuid?: number } = {}): string | undefined =>
  runtime.call(from, 'AdminUtils.sudo_trim_to_max_allowed_uids', { netuid, max_n });

/** Sixteen neurons past their immunity but for uid 6, none of the owner's among them, in four mechanisms. */
function world(): Runtime {
  const runtime = new Runtime();
  runtime.subnet({ neurons: COUNT - 1 });
  const { SubnetOwner, SubnetOwnerHotkey, MinAllowedUids, MechanismCountCurrent, ImmuneOwnerUidsLimit, AdminFreezeWindow, ImmunityPeriod, BlockAtRegistration } = runtime.subtensor;
  SubnetOwner.set(NETUID, account(77));
  SubnetOwnerHotkey.set(NETUID, account(78));
  MinAllowedUids.set(NETUID, 4);
  MechanismCountCurrent.set(NETUID, 4);
  ImmuneOwnerUidsLimit.set(NETUID, 2);
  AdminFreezeWindow.set(0);
  runtime.jump(2 + ImmunityPeriod.get(NETUID));
  BlockAtRegistration.set(NETUID, 6, runtime.execution.block);
  fill(runtime);
  return runtime;
}

function fill(runtime: Runtime): void {
  const subtensor = runtime.subtensor;
  subtensor.Emission.set(NETUID, VALUES.map(BigInt));
  for (const item of [subtensor.Consensus, subtensor.Dividends, subtensor.ValidatorTrust, subtensor.StakeWeight]) item.set(NETUID, VALUES);
  for (const item of [subtensor.ValidatorPermit, subtensor.Active]) item.set(NETUID, VALUES.map((_, uid) => BOOLS.includes(uid)));
  for (const index of MECHANISMS) {
    subtensor.Incentive.set(index, VALUES);
    subtensor.LastUpdate.set(index, VALUES.map(BigInt));
    for (let uid = 0; uid < COUNT; uid++) {
      const others = VALUES.map((_, target) => target).filter((target) => target !== uid);
      subtensor.Weights.set(index, uid, others.map((target) => [target, (uid + target) % 1000] as const));
      subtensor.Bonds.set(index, uid, others.map((target) => [target, (uid * target) % 1000] as const));
    }
  }
}

describe('trimming', () => {
  it('keeps the highest emissions and what is immune, on the lowest uids', () => {
    const runtime = world();
    const { Keys, Uids, BlockAtRegistration, Weights, Bonds, IsNetworkMember, SubnetworkN, MaxAllowedUids } = runtime.subtensor;
    const subtensor = runtime.subtensor;
    const keys = VALUES.map((_, uid) => Keys.get(NETUID, uid));
    expect(trim(runtime, 8)).toBeUndefined();
    const expected = [56, 91, 34, 77, 65, 88, 51, 74];
    expect([MaxAllowedUids.get(NETUID), SubnetworkN.get(NETUID)]).toEqual([8, 8]);
    expect(subtensor.Emission.get(NETUID)).toEqual(expected.map(BigInt));
    for (const item of [subtensor.Consensus, subtensor.Dividends, subtensor.ValidatorTrust, subtensor.StakeWeight]) expect(item.get(NETUID)).toEqual(expected);
    for (const item of [subtensor.Active, subtensor.ValidatorPermit]) expect(item.get(NETUID)).toEqual(expected.map(() => true));
    for (const index of MECHANISMS) expect([subtensor.Incentive.get(index), subtensor.LastUpdate.get(index)]).toEqual([expected, expected.map(BigInt)]);
    expect(Keys.entries(NETUID).map(([[, uid], key]) => [uid, key]).sort()).toEqual(KEPT.map((uid, index) => [index, keys[uid]]));
    expect(keys.map((key) => Uids.get(NETUID, key))).toEqual(VALUES.map((_, uid) => (KEPT.includes(uid) ? KEPT.indexOf(uid) : undefined)));
    expect(keys.map((key) => IsNetworkMember.has(key, NETUID))).toEqual(VALUES.map((_, uid) => KEPT.includes(uid)));
    expect(BlockAtRegistration.entries(NETUID).length).toBe(8);
    expect(BlockAtRegistration.get(NETUID, 2)).toBe(runtime.execution.block);
    for (const index of MECHANISMS) {
      expect([Weights.entries(index).length, Bonds.entries(index).length]).toEqual([8, 8]);
      expect(Weights.get(index, 1)).toEqual(KEPT.flatMap((target, to) => (target === 5 ? [] : [[to, (5 + target) % 1000]])));
      expect(Bonds.get(index, 7)).toEqual(KEPT.flatMap((target, to) => (target === 14 ? [] : [[to, (14 * target) % 1000]])));
    }
  });

  it('is refused outside the bounds, and where too many are immune', () => {
    const runtime = world();
    expect(trim(runtime, 8, { netuid: 42 })).toBe('SubnetNotExists');
    expect(trim(runtime, 3)).toBe('InvalidValue');
    expect(trim(runtime, 257)).toBe('InvalidValue');
    for (const uid of [0, 1, 2]) runtime.subtensor.BlockAtRegistration.set(NETUID, uid, runtime.execution.block);
    // Four immune: all of four, 80 of a hundred of five, and less of six.
    expect([trim(runtime, 4), trim(runtime, 5)]).toEqual(['TrimmingWouldExceedMaxImmunePercentage', 'TrimmingWouldExceedMaxImmunePercentage']);
    expect(trim(runtime, 6)).toBeUndefined();
  });

  it('is the owner’s once in 216,000 blocks, and only sets the maximum where there are fewer', () => {
    const runtime = world();
    runtime.subtensor.SubnetOwner.set(NETUID, OWNER);
    runtime.subtensor.SubnetOwnerHotkey.set(NETUID, account(2));
    const start = runtime.execution.blockNumber;
    expect(trim(runtime, 100, { from: account(5) })).toBe('BadOrigin');
    expect(trim(runtime, 100, { from: OWNER })).toBeUndefined();
    expect([runtime.subtensor.MaxAllowedUids.get(NETUID), runtime.subtensor.SubnetworkN.get(NETUID)]).toEqual([100, COUNT]);
    runtime.jump(start + 215_999);
    expect(trim(runtime, 90, { from: OWNER })).toBe('TxRateLimitExceeded');
    runtime.jump(start + 216_000);
    expect(trim(runtime, 90, { from: OWNER })).toBeUndefined();
  });
});
