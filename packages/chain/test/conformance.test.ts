import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { connectChain, createCall, HYPERPARAMETERS, openKeypair, sudo, type Chain } from '../src/index.ts';
import { entryOf, HAS_METADATA, startScriptedNode, type ScriptedNode } from './scripted-node.ts';

// Machines that build and test at once are slow.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const ALICE = openKeypair('//Alice').hotkey;

/** Every call that this package sends, with arguments and the types that finney (spec 393) gives them. */
const CALLS: readonly [string, string, readonly unknown[], readonly string[]][] = [
  ['SubtensorModule', 'register_network', [ALICE], ['hotkey: AccountId32']],
  ['SubtensorModule', 'start_call', [3], ['netuid: u16']],
  ['SubtensorModule', 'burned_register', [3, ALICE], ['netuid: u16', 'hotkey: AccountId32']],
  ['SubtensorModule', 'add_stake', [ALICE, 3, 2n ** 63n], ['hotkey: AccountId32', 'netuid: u16', 'amountStaked: u64']],
  ['SubtensorModule', 'set_weights', [3, [0, 255], [65535, 1], 7n], ['netuid: u16', 'dests: Vec<u16>', 'weights: Vec<u16>', 'versionKey: u64']],
  ['Commitments', 'set_commitment', [3, { fields: [{ Raw2: '0x0102' }, { Raw128: `0x${'07'.repeat(128)}` }, { Raw0: '0x' }] }], ['netuid: u16', 'info: PalletCommitmentsCommitmentInfo']],
];

/** Calls that are used only where the runtime has them. */
const OPTIONAL_CALLS: readonly [string, string][] = [['SubtensorModule', 'register_limit']];

/** Every storage item that is read: hashers, keys and value. */
const STORAGE: readonly [string, string, string][] = [
  ['System', 'Events', 'Vec<FrameSystemEventRecord>'],
  ['System', 'Account', 'Blake2_128Concat AccountId32 -> FrameSystemAccountInfo'],
  ['Timestamp', 'Now', 'u64'],
  ['SubtensorModule', 'SubnetworkN', 'Identity u16 -> u16'],
  ['SubtensorModule', 'Keys', 'Identity+Identity (u16,u16) -> AccountId32'],
  ['SubtensorModule', 'Uids', 'Identity+Blake2_128Concat (u16,AccountId32) -> u16?'],
  ['SubtensorModule', 'Owner', 'Blake2_128Concat AccountId32 -> AccountId32'],
  ['SubtensorModule', 'TotalHotkeyAlpha', 'Blake2_128Concat+Identity (AccountId32,u16) -> u64'],
  ['SubtensorModule', 'BlockAtRegistration', 'Identity+Identity (u16,u16) -> u64'],
  ['SubtensorModule', 'Active', 'Identity u16 -> Vec<bool>'],
  ['SubtensorModule', 'ValidatorPermit', 'Identity u16 -> Vec<bool>'],
  ['SubtensorModule', 'StakeWeight', 'Identity u16 -> Vec<u16>'],
  ['SubtensorModule', 'Incentive', 'Identity u16 -> Vec<u16>'],
  ['SubtensorModule', 'Dividends', 'Identity u16 -> Vec<u16>'],
  ['SubtensorModule', 'Consensus', 'Identity u16 -> Vec<u16>'],
  ['SubtensorModule', 'ValidatorTrust', 'Identity u16 -> Vec<u16>'],
  ['SubtensorModule', 'Emission', 'Identity u16 -> Vec<u64>'],
  ['SubtensorModule', 'LastUpdate', 'Identity u16 -> Vec<u64>'],
  ['SubtensorModule', 'Weights', 'Identity+Identity (u16,u16) -> Vec<(u16,u16)>'],
  ['SubtensorModule', 'NetworksAdded', 'Identity u16 -> bool'],
  ['SubtensorModule', 'SubnetOwner', 'Identity u16 -> AccountId32'],
  ['SubtensorModule', 'SubnetOwnerHotkey', 'Identity u16 -> AccountId32'],
  ['SubtensorModule', 'Tempo', 'Identity u16 -> u16'],
  ['SubtensorModule', 'CommitRevealWeightsEnabled', 'Identity u16 -> bool'],
  ['SubtensorModule', 'WeightsVersionKey', 'Identity u16 -> u64'],
  ['SubtensorModule', 'MinAllowedWeights', 'Identity u16 -> u16'],
  ['SubtensorModule', 'WeightsSetRateLimit', 'Identity u16 -> u64'],
  ['Commitments', 'CommitmentOf', 'Identity+Twox64Concat (u16,AccountId32) -> PalletCommitmentsRegistration?'],
  ['Commitments', 'MaxSpace', 'u32'],
  ['Drand', 'Pulses', 'Blake2_128Concat u64 -> PalletDrandPulse?'],
  ['Drand', 'BeaconConfig', 'PalletDrandBeaconConfiguration'],
  ['Drand', 'LastStoredRound', 'u64'],
];

/** polkadot-js writes argument names in camel case. */
const argumentsOf = (call: ReturnType<typeof createCall>): string[] => [...call.meta.args].map((argument) => `${argument.name.toString()}: ${argument.type.toString()}`);

describe.skipIf(!HAS_METADATA)('against the real finney metadata (spec 393)', () => {
  let node: ScriptedNode;
  let chain: Chain;
  beforeAll(async () => {
    node = await startScriptedNode();
    node.seal(0);
    chain = await connectChain({ endpoint: node.endpoint });
  });
  afterAll(async () => {
    await chain.close();
    await node.close();
  });

  it.each(CALLS)('%s.%s encodes, and decodes back', (pallet, name, args, types) => {
    const call = createCall(chain, pallet, name, args);
    expect(argumentsOf(call)).toEqual(types);
    const back = chain.api.registry.createType('Call', call.method.toU8a());
    expect(back.toHex()).toBe(call.method.toHex());
    expect(back.toHuman()).toEqual(call.method.toHuman());
    const wrapped = chain.api.registry.createType('Call', sudo(chain, call).method.toU8a());
    expect(wrapped.toHuman()).toMatchObject({ section: 'sudo', method: 'sudo', args: { call: { method: call.method.method } } });
  });

  it.each(Object.entries(HYPERPARAMETERS))('%s has its setter and its storage', (_name, { call: name, storage, scope, type }) => {
    const value = type === 'bool' ? true : 5;
    const call = createCall(chain, 'AdminUtils', name, scope === 'network' ? [value] : [3, value]);
    const types = argumentsOf(call).map((argument) => argument.replace(/^.*: /, ''));
    expect(types.at(-1)).toMatch(type === 'bool' ? /^bool$/ : /^u(16|32|64)$/);
    expect(types.slice(0, -1)).toEqual(scope === 'network' ? [] : ['u16']);
    expect(entryOf(chain, 'SubtensorModule', storage).creator.meta.type.isPlain).toBe(scope === 'network');
    expect(chain.api.registry.createType('Call', call.method.toU8a()).toHex()).toBe(call.method.toHex());
  });

  it.each(OPTIONAL_CALLS)('does without %s.%s, or finds it', (pallet, name) => {
    const call = chain.api.tx[pallet.charAt(0).toLowerCase() + pallet.slice(1)]?.[name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())];
    expect(call === undefined || call.meta.name.toString() === name).toBe(true);
  });

  it.each(STORAGE)('%s.%s is %s', (pallet, item, expected) => {
    const { meta } = entryOf(chain, pallet, item).creator;
    const typeOf = (id: unknown): string => {
      const { lookupName, type } = chain.api.registry.lookup.getTypeDef(id as never);
      return lookupName ?? type;
    };
    const map = meta.type.isMap ? meta.type.asMap : undefined;
    const keys = map === undefined ? '' : `${map.hashers.map(String).join('+')} ${typeOf(map.key)} -> `;
    expect(`${keys}${typeOf(map === undefined ? meta.type.asPlain : map.value)}${meta.modifier.isOptional ? '?' : ''}`).toBe(expected);
  });
});
