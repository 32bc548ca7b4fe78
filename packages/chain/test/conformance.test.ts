import { stringCamelCase } from '@polkadot/util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createCall, hasCall, HYPERPARAMETERS, openKeypair, sudo, type Chain } from '../src/index.ts';
import { CALLS, EVENTS, LATER_CALLS, LATER_RUNTIME_APIS, LATER_STORAGE, RUNTIME_APIS, STORAGE } from '../src/internal/runtime-items.ts';
import { runtimeShape, type RuntimeShape } from './runtime-shape.ts';
import { HAS_METADATA, openScriptedChain, type ScriptedNode } from './scripted-node.ts';

// Machines that build and test at once are slow.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const ALICE = openKeypair('//Alice').hotkey;

/** An argument of a type, as the functions of this package give it. */
const SAMPLES: Readonly<Record<string, unknown>> = {
  AccountId32: ALICE,
  MultiAddress: ALICE,
  Bytes: '0x00ff',
  H256: `0x${'5a'.repeat(32)}`,
  bool: true,
  u8: 255,
  u16: 65_535,
  u32: 4_294_967_295,
  u64: 2n ** 63n,
  u128: 2n ** 127n,
  'Compact<u64>': 2n ** 63n,
  'Vec<u16>': [0, 65_535],
  'Option<u64>': 2n ** 63n,
  'Vec<(u64,AccountId32)>': [[2n ** 64n - 1n, ALICE]],
  'Option<PalletSubtensorSubnetIdentityV3>': { subnetName: '0x6e', githubRepo: '0x', subnetContact: '0x', subnetUrl: '0x', discord: '0x', description: '0x', logoUrl: '0x', additional: '0x' },
  PalletCommitmentsCommitmentInfo: {
    fields: [{ Raw128: `0x${'07'.repeat(128)}` }, { BigRaw: `0x${'08'.repeat(512)}` }, { TimelockEncrypted: { encrypted: `0x${'09'.repeat(300)}`, revealRound: 2n ** 63n } }],
  },
};

const rows = <T>(table: Readonly<Record<string, Readonly<Record<string, T>>>>): [string, string, T][] =>
  Object.entries(table).flatMap(([pallet, items]) => Object.entries(items).map(([name, value]): [string, string, T] => [pallet, name, value]));

describe.skipIf(!HAS_METADATA)('against the real finney metadata (spec 393)', () => {
  let node: ScriptedNode;
  let chain: Chain;
  let shape: RuntimeShape;
  beforeAll(async () => {
    ({ node, chain } = await openScriptedChain());
    shape = runtimeShape(chain);
  });
  afterAll(async () => {
    await chain.close();
    await node.close();
  });

  it.each(rows(CALLS))('%s.%s has the arguments that are sent, encodes, and decodes back', (pallet, name, expected) => {
    expect(shape.call(pallet, name)).toBe(expected);
    const types = expected.split(', ').map((argument) => argument.replace(/^.*?: /, ''));
    const args = types.map((type) => (type === 'Call' ? createCall(chain, 'System', 'remark', ['0x01']).method : SAMPLES[type]));
    expect(args.every((argument) => argument !== undefined)).toBe(true);
    const call = createCall(chain, pallet, name, args);
    const back = chain.api.registry.createType('Call', call.method.toU8a());
    expect(back.toHex()).toBe(call.method.toHex());
    expect(back.toHuman()).toEqual(call.method.toHuman());
    const wrapped = chain.api.registry.createType('Call', sudo(chain, call).method.toU8a());
    expect(wrapped.toHuman()).toMatchObject({ section: 'sudo', method: 'sudo', args: { call: { method: call.method.method } } });
  });

  it.each(rows(STORAGE))('%s.%s has the hashers, keys and value that are read', (pallet, item, expected) => {
    expect(shape.storage(pallet, item)).toBe(expected);
  });

  it.each(rows(EVENTS))('event %s.%s has the fields that are looked at', (pallet, name, expected) => {
    expect(shape.event(pallet, name)).toBe(expected);
  });

  it.each(rows(RUNTIME_APIS))('%s.%s has the inputs and the output that are used', (api, method, expected) => {
    expect(shape.api(api, method)).toBe(expected);
  });

  it('lacks what is said to be later', () => {
    for (const [pallet, item] of rows(LATER_STORAGE)) expect([item, shape.storage(pallet, item)]).toEqual([item, undefined]);
    for (const [pallet, name] of rows(LATER_CALLS)) expect([name, shape.call(pallet, name)]).toEqual([name, undefined]);
    for (const [api, method] of rows(LATER_RUNTIME_APIS)) expect([method, shape.api(api, method)]).toEqual([method, undefined]);
  });

  const settable = Object.entries(HYPERPARAMETERS);

  it.each(settable.filter(([, { isLater }]) => isLater === true))('%s is later', (_name, { pallet, call }) => {
    expect(hasCall(chain, pallet, call)).toBe(false);
  });

  it.each(settable.filter(([, { isLater }]) => isLater !== true))('%s has its setter and its storage', (_name, { pallet, call: name, storage, scope, type }) => {
    const value: Record<typeof type, unknown[]> = { bool: [true], integer: [5], signed: [-5], fixed: [{ bits: 5n }], 'alpha-values': [1, 2], 'recycle-or-burn': ['Recycle'], 'emission-split': [[1, 2]] };
    const args = value[type];
    const call = createCall(chain, pallet, name, scope === 'network' ? args : [3, ...args]);
    const types = (shape.call(pallet, name) ?? '').split(', ').map((argument) => argument.replace(/^.*: /, ''));
    const wanted: Record<typeof type, RegExp> = {
      bool: /^bool$/,
      integer: /^u(8|16|32|64)$/,
      signed: /^i16$/,
      fixed: /bits/,
      'alpha-values': /^u16$/,
      'recycle-or-burn': /RecycleOrBurn/,
      'emission-split': /^Option<Vec<u16>>$/,
    };
    expect(types.at(-1)).toMatch(wanted[type]);
    expect(types.length).toBe((scope === 'network' ? 0 : 1) + args.length);
    expect(shape.storage('SubtensorModule', storage)?.includes(' -> ')).toBe(scope === 'subnet');
    expect(chain.api.registry.createType('Call', call.method.toU8a()).toHex()).toBe(call.method.toHex());
  });

  it('names the owner rate limits as the runtime does', () => {
    const key = chain.api.query['subtensorModule']?.['lastRateLimitedBlock'];
    const variants = Object.values(HYPERPARAMETERS).flatMap(({ rateLimit, isLater }) => (rateLimit !== undefined && 'variant' in rateLimit && isLater !== true ? [rateLimit.variant] : []));
    expect(variants.length).toBeGreaterThan(20);
    for (const variant of variants) expect(key?.key({ OwnerHyperparamUpdate: [3, variant] })).toMatch(/^0x[0-9a-f]+$/);
    expect(() => key?.key({ OwnerHyperparamUpdate: [3, 'NoSuchThing'] })).toThrow('NoSuchThing');
  });

  it('finds names as polkadot-js writes them', () => {
    for (const [pallet, item] of rows(STORAGE)) expect([item, chain.api.query[stringCamelCase(pallet)]?.[stringCamelCase(item)] === undefined]).toEqual([item, false]);
  });
});
