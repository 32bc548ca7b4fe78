import { describe, expect, it } from 'vitest';
import { Execution } from '../src/runtime/execution.ts';
import { seatNeuron } from '../src/runtime/registration.ts';
import { dispatch } from '../src/runtime/dispatch.ts';
import { mint } from '../src/runtime/balances.ts';
import { StateOverlay } from '../src/state.ts';

const account = (n: number): string => n.toString(16).padStart(64, '0');
const COLDKEY = account(0xc0);

/** A full subnet of `count` neurons, uid 0 the owner's, registered at blocks 10, 11, …; now is `blockNumber`. */
function fullSubnet(count: number, blockNumber: number): Execution {
  const execution = new Execution({ overlay: new StateOverlay({ get: () => undefined }), blockNumber, timestampMs: 0 });
  const { SubtensorModule: subtensor } = execution.storage;
  mint(execution, COLDKEY, 10n ** 15n);
  subtensor.NetworksAdded.set(1, true);
  subtensor.TotalNetworks.set(2);
  subtensor.SubnetOwner.set(1, account(0xaa));
  subtensor.SubnetOwnerHotkey.set(1, account(1));
  subtensor.MaxAllowedUids.set(1, count);
  for (let uid = 0; uid < count; uid++) {
    seatNeuron(execution, 1, uid, account(uid + 1));
    subtensor.Owner.set(account(uid + 1), uid === 0 ? account(0xaa) : COLDKEY);
    subtensor.BlockAtRegistration.set(1, uid, BigInt(10 + uid));
  }
  return execution;
}

function register(execution: Execution, hotkey: string): string | undefined {
  const error = execution.attempt(() => dispatch(execution, { type: 'signed', account: COLDKEY }, { pallet: 'SubtensorModule', call: 'burned_register', args: { netuid: 1, hotkey } }));
  return error?.type;
}

describe('pruning', () => {
  it('takes the lowest emission, then the oldest, and never the owner hotkey', () => {
    const execution = fullSubnet(14, 100_000);
    execution.storage.SubtensorModule.Emission.set(1, [0n, 5n, 1n, 1n, ...Array.from({ length: 10 }, () => 9n)]);
    expect(register(execution, account(0x51))).toBeUndefined();
    expect(execution.storage.SubtensorModule.Uids.get(1, account(0x51))).toBe(2);
    expect(execution.storage.SubtensorModule.Uids.get(1, account(3))).toBeUndefined();
    expect(execution.storage.SubtensorModule.SubnetworkN.get(1)).toBe(14);
    expect(execution.storage.SubtensorModule.Keys.get(1, 0)).toBe(account(1));
  });

  it('clears what the old neuron had, and the weights that others gave it', () => {
    const execution = fullSubnet(14, 100_000);
    const { Weights, Emission, Incentive, LastUpdate } = execution.storage.SubtensorModule;
    Emission.set(1, [9n, 9n, 0n, ...Array.from({ length: 11 }, () => 9n)]);
    Incentive.set(1, Array.from({ length: 14 }, () => 7));
    Weights.set(1, 2, [[0, 65535]]);
    Weights.set(1, 5, [[2, 65535], [3, 100]]);
    register(execution, account(0x51));
    expect(Weights.get(1, 2)).toEqual([]);
    expect(Weights.get(1, 5)).toEqual([[2, 0], [3, 100]]);
    expect(Incentive.get(1)[2]).toBe(0);
    expect(LastUpdate.get(1)[2]).toBe(100_000n);
  });

  it('takes an immune neuron only when no more than MinNonImmuneUids others are left', () => {
    const execution = fullSubnet(14, 100_000);
    const { BlockAtRegistration, Uids } = execution.storage.SubtensorModule;
    for (let uid = 11; uid < 14; uid++) BlockAtRegistration.set(1, uid, BigInt(99_000 + uid));
    expect(register(execution, account(0x51))).toBeUndefined();
    expect(Uids.get(1, account(0x51))).toBe(11);
  });

  it('finds no uid where all are the owner', () => {
    expect(register(fullSubnet(1, 100_000), account(0x51))).toBe('Module');
  });
});
