import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  addStake,
  burnedRegister,
  findEvent,
  createCall,
  ERA_BLOCKS,
  isChainError,
  planPlainWeights,
  prepareCall,
  registerNetwork,
  resumeCall,
  sendCall,
  setCommitment,
  setHyperparameter,
  setPlainWeights,
  startCall,
  type Chain,
} from '../src/index.ts';
import { entryOf, HAS_METADATA, openScriptedChain, u64Hex, type ScriptedNode } from './scripted-node.ts';
import { ALICE, BOB, setUpSubnet } from './scripted-subnet.ts';

// Machines that build and test at once are slow.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const SUCCESS = { applyExtrinsic: 1, section: 'system', method: 'ExtrinsicSuccess', data: [{ weight: { refTime: 0, proofSize: 0 }, class: 'Normal', paysFee: 'Yes' }] };

interface Scripted {
  readonly applyExtrinsic: number;
  readonly section: string;
  readonly method: string;
  readonly data: readonly unknown[];
}

async function failureOf(work: Promise<unknown>): Promise<{ code: string; context: Record<string, unknown> }> {
  try {
    await work;
  } catch (error) {
    if (isChainError(error)) return { code: error.code, context: { ...error.context } };
    throw error;
  }
  return { code: 'none', context: {} };
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 3000 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(condition()).toBe(true);
}

describe.skipIf(!HAS_METADATA)('sending by the real metadata', () => {
  let node: ScriptedNode;
  let chain: Chain;
  let setUpBlocks: number;
  beforeEach(async () => {
    ({ node, chain } = await openScriptedChain());
    setUpSubnet(node, chain);
    setUpBlocks = node.blocks.length;
  });
  afterEach(async () => {
    await chain.close();
    await node.close();
  });

  const keyOf = (pallet: string, item: string, args: unknown[] = []): string => entryOf(chain, pallet, item).key(...args);

  function encodeEvents(events: readonly Scripted[]): string {
    const records = events.map(({ applyExtrinsic, section, method, data }) => {
      const event = chain.api.events[section]?.[method] as { meta: { index: { toNumber(): number }; fields: Iterable<{ type: Parameters<Chain['api']['registry']['createLookupType']>[0] }> } };
      const pallet = chain.api.registry.metadata.pallets.find(({ name }) => name.toString().toLowerCase() === section.toLowerCase());
      const fields = [...event.meta.fields].map((field, index) => chain.api.registry.createType(chain.api.registry.createLookupType(field.type), data[index]).toHex(true).slice(2));
      const phase = `00${Buffer.from([applyExtrinsic, 0, 0, 0]).toString('hex')}`;
      return `${phase}${Buffer.from([Number(pallet?.index), event.meta.index.toNumber()]).toString('hex')}${fields.join('')}00`;
    });
    return `0x${Buffer.from([records.length * 4]).toString('hex')}${records.join('')}`;
  }

  /** Waits for the next extrinsic and seals a block with it and with these events. */
  async function include(events: readonly Scripted[], count = 1): Promise<void> {
    await until(() => node.submitted.length === count);
    node.storage.set(keyOf('system', 'events'), encodeEvents(events));
    node.seal(12_000 * node.blocks.length, [node.submitted.at(-1) as string]);
  }
  const commit = (fields: Uint8Array[]): ReturnType<typeof setCommitment> => setCommitment(chain, { netuid: 3, fields, signer: BOB });
  const decode = (hex: string) => chain.api.registry.createType('Extrinsic', hex) as unknown as { method: { section: string; method: string; toHuman(): unknown }; signer: { toString(): string }; nonce: { toNumber(): number }; era: { isMortalEra: boolean } };

  it('signs, waits for the finalised block, and decodes events', async () => {
    const work = burnedRegister(chain, { netuid: 3, hotkey: BOB.hotkey, signer: ALICE });
    await include([{ applyExtrinsic: 1, section: 'subtensorModule', method: 'NeuronRegistered', data: [3, 17, BOB.hotkey] }, SUCCESS]);
    const { uid, blockNumber, extrinsicIndex, events } = await work;
    expect([uid, blockNumber, extrinsicIndex]).toEqual([17, setUpBlocks, 1]);
    expect(events.map(({ pallet, name }) => `${pallet}.${name}`)).toEqual(['SubtensorModule.NeuronRegistered', 'System.ExtrinsicSuccess']);
    const extrinsic = decode(node.submitted[0] as string);
    expect([extrinsic.method.section, extrinsic.method.method, extrinsic.signer.toString(), extrinsic.nonce.toNumber(), extrinsic.era.isMortalEra]).toEqual(['subtensorModule', 'burnedRegister', ALICE.hotkey, 7, true]);
  });

  it('tells the pallet and the name of a dispatch error, also inside sudo', async () => {
    const error = { Module: { index: 7, error: '0x0c000000' } };
    const direct = failureOf(addStake(chain, { netuid: 3, hotkey: BOB.hotkey, amountRao: 10n ** 9n, signer: ALICE }));
    await include([{ applyExtrinsic: 1, section: 'system', method: 'ExtrinsicFailed', data: [error, SUCCESS.data[0]] }]);
    expect(await direct).toMatchObject({ code: 'dispatch-failed', context: { pallet: 'SubtensorModule', error: 'NotEnoughBalanceToStake', blockNumber: setUpBlocks } });
    const inside = failureOf(setHyperparameter(chain, { netuid: 3, name: 'tempo', value: 10, signer: ALICE, sudo: true }));
    await include([{ applyExtrinsic: 1, section: 'sudo', method: 'Sudid', data: [{ Err: { Module: { index: 19, error: '0x00000000' } } }] }, SUCCESS], 2);
    expect(await inside).toMatchObject({ code: 'dispatch-failed', context: { pallet: 'AdminUtils', error: 'SubnetDoesNotExist' } });
    const origin = failureOf(startCall(chain, { netuid: 3, signer: ALICE }));
    await include([{ applyExtrinsic: 1, section: 'system', method: 'ExtrinsicFailed', data: ['BadOrigin', SUCCESS.data[0]] }], 3);
    expect(await origin).toMatchObject({ code: 'dispatch-failed', context: { pallet: 'System', error: 'BadOrigin' } });
  });

  const INNER_ERROR = { Module: { index: 7, error: '0x0c000000' } };
  it.each([
    ['proxy', 'ProxyExecuted', [{ Err: INNER_ERROR }]],
    ['multisig', 'MultisigExecuted', [ALICE.hotkey, { height: 1, index: 1 }, BOB.hotkey, new Uint8Array(32), { Err: INNER_ERROR }]],
    ['utility', 'DispatchedAs', [{ Err: INNER_ERROR }]],
    ['utility', 'BatchInterrupted', [2, INNER_ERROR]],
    ['utility', 'ItemFailed', [INNER_ERROR]],
  ])('tells the error of a call that failed inside a successful one (%s.%s)', async (section, method, data) => {
    const work = failureOf(startCall(chain, { netuid: 3, signer: ALICE }));
    await include([{ applyExtrinsic: 2, section, method, data }, { applyExtrinsic: 1, section, method, data }, SUCCESS]);
    expect(await work).toMatchObject({ code: 'dispatch-failed', context: { pallet: 'SubtensorModule', error: 'NotEnoughBalanceToStake' } });
  });

  it('takes inner calls that succeeded as success, and the errors of other transactions as theirs', async () => {
    const work = failureOf(startCall(chain, { netuid: 3, signer: ALICE }));
    await include([{ applyExtrinsic: 2, section: 'proxy', method: 'ProxyExecuted', data: [{ Err: INNER_ERROR }] }, { applyExtrinsic: 1, section: 'proxy', method: 'ProxyExecuted', data: [{ Ok: [] }] }, { applyExtrinsic: 1, section: 'utility', method: 'IfElseFallbackCalled', data: [INNER_ERROR] }, SUCCESS]);
    expect((await work).code).toBe('none');
  });

  it('names what the node did not take', async () => {
    node.answers.set('author_submitExtrinsic', () => {
      throw { code: 1010, message: 'Invalid Transaction', data: 'Custom error: 6' };
    });
    expect(await failureOf(startCall(chain, { netuid: 3, signer: ALICE }))).toMatchObject({ code: 'rejected', context: { reason: 'RateLimitExceeded', rpcCode: 1010 } });
    node.answers.set('author_submitExtrinsic', () => {
      throw { code: 1010, message: 'Invalid Transaction', data: 'Inability to pay some fees (e.g. account balance too low)' };
    });
    expect(await failureOf(startCall(chain, { netuid: 3, signer: ALICE }))).toMatchObject({ code: 'rejected', context: { reason: 'Inability to pay some fees (e.g. account balance too low)' } });
  });

  it.each([
    { code: 1010, message: 'Invalid Transaction', data: 'Transaction is outdated' },
    { code: 1014, message: 'Priority is too low: (1 vs 1)', data: 'The transaction has too low priority to replace another transaction already in the pool.' },
  ])('takes another nonce where the node says that one is used ($code), a few times', async (refusal) => {
    const nonces: number[] = [];
    node.answers.set('system_accountNextIndex', () => 7 + nonces.length);
    node.answers.set('author_submitExtrinsic', ([hex]) => {
      nonces.push(decode(String(hex)).nonce.toNumber());
      if (nonces.length === 3) return void node.submitted.push(String(hex));
      throw refusal;
    });
    const work = startCall(chain, { netuid: 3, signer: ALICE });
    await include([SUCCESS]);
    expect((await work).blockNumber).toBe(setUpBlocks);
    expect(nonces).toEqual([7, 8, 9]);
    node.answers.set('author_submitExtrinsic', () => {
      throw refusal;
    });
    expect(await failureOf(startCall(chain, { netuid: 3, signer: ALICE }))).toMatchObject({ code: 'rejected', context: { reason: 'nonce-taken' } });
  });

  it.each([1012, 1013, 1016])('goes on looking for a call that the pool has, had or has no room for (%i)', async (code) => {
    node.answers.set('author_submitExtrinsic', ([hex]) => {
      node.submitted.push(String(hex));
      throw { code, message: 'no', data: 'x' };
    });
    const work = startCall(chain, { netuid: 3, signer: ALICE });
    await until(() => node.submitted.length > 0);
    node.storage.set(keyOf('system', 'events'), encodeEvents([SUCCESS]));
    node.seal(12_000, [node.submitted[0] as string]);
    expect((await work).blockNumber).toBe(setUpBlocks);
    expect(new Set(node.submitted).size).toBe(1);
  });

  it('keeps a signed call as bytes, and reads no others', async () => {
    const { bytes, lastBlock, nonce } = await prepareCall(chain, createCall(chain, 'System', 'remark', ['0x01']), { signer: ALICE });
    expect([lastBlock, nonce]).toEqual([setUpBlocks - 1 + ERA_BLOCKS, 7]);
    const work = resumeCall(chain, bytes);
    await include([SUCCESS]);
    expect((await work).blockNumber).toBe(setUpBlocks);
    for (const other of [new Uint8Array(), bytes.slice(1), bytes.slice(0, 105), new Uint8Array(6_000_000)]) expect((await failureOf(resumeCall(chain, other))).code).toBe('bad-value');
    expect((await failureOf(resumeCall(chain, bytes.with(20, 255)))).code).toBe('wrong-chain');
  });

  it('sends the same bytes again after a lost connection, and never others', async () => {
    const work = registerNetwork(chain, { hotkey: BOB.hotkey, signer: ALICE });
    await until(() => node.submitted.length === 1);
    node.cut();
    await until(() => node.submitted.length === 2);
    expect(node.submitted[1]).toBe(node.submitted[0]);
    await include([{ applyExtrinsic: 1, section: 'subtensorModule', method: 'NetworkAdded', data: [5, 0] }, SUCCESS], 2);
    expect((await work).netuid).toBe(5);
  });

  it('finds an extrinsic whose answer was lost', async () => {
    node.answers.set('author_submitExtrinsic', ([hex]) => {
      if (node.submitted.push(String(hex)) === 1) node.cut();
      return '0x';
    });
    const work = sendCall(chain, createCall(chain, 'System', 'remark', ['0x01']), { signer: ALICE });
    await until(() => node.submitted.length >= 2);
    node.storage.set(keyOf('system', 'events'), encodeEvents([SUCCESS]));
    node.seal(12_000, [node.submitted[0] as string]);
    expect((await work).blockNumber).toBe(setUpBlocks);
    expect(new Set(node.submitted).size).toBe(1);
  });

  it('goes on looking while the node errs, has not the block yet, or answers something else', async () => {
    const answers = [() => null, () => ({ block: null }), () => { throw { code: -32000, message: 'too many requests' }; }];
    const work = sendCall(chain, createCall(chain, 'System', 'remark', ['0x01']), { signer: ALICE });
    await until(() => node.submitted.length === 1);
    node.answers.set('chain_getBlock', () => {
      const next = answers.shift();
      if (answers.length === 0) node.answers.delete('chain_getBlock');
      return next?.();
    });
    node.storage.set(keyOf('system', 'events'), encodeEvents([SUCCESS]));
    node.seal(12_000, [node.submitted[0] as string]);
    expect((await work).blockNumber).toBe(setUpBlocks);
    expect([answers.length, node.submitted.length]).toEqual([0, 1]);
  });

  it('gives concurrent calls of one key different nonces', async () => {
    const works = [0, 1, 2].map((byte) => sendCall(chain, createCall(chain, 'System', 'remark', [`0x0${byte}`]), { signer: ALICE }));
    await until(() => node.submitted.length === 3);
    expect(node.submitted.map((hex) => decode(hex).nonce.toNumber())).toEqual([7, 8, 9]);
    node.storage.set(keyOf('system', 'events'), encodeEvents([1, 2, 3].map((applyExtrinsic) => ({ ...SUCCESS, applyExtrinsic }))));
    node.seal(12_000, node.submitted);
    expect((await Promise.all(works)).map(({ extrinsicIndex }) => extrinsicIndex)).toEqual([1, 2, 3]);
  });

  it('says when an extrinsic can be sent again, and when it is not known', async () => {
    const lost = failureOf(sendCall(chain, createCall(chain, 'System', 'remark', ['0x01']), { signer: ALICE }));
    await until(() => node.submitted.length === 1);
    for (let n = 1; n <= 130; n++) node.seal(n * 12_000);
    expect(await lost).toMatchObject({ code: 'expired', context: { blockNumber: setUpBlocks + 127 } });
    const slow = failureOf(sendCall(chain, createCall(chain, 'System', 'remark', ['0x02']), { signer: ALICE, timeoutMs: 50 }));
    expect(await slow).toMatchObject({ code: 'timeout', context: { blockNumber: setUpBlocks + 257 } });
  });

  it('refuses calls that the runtime lacks and arguments that do not fit', async () => {
    expect((await failureOf(Promise.resolve().then(() => createCall(chain, 'SubtensorModule', 'no_such_call', [])))).code).toBe('unsupported');
    expect((await failureOf(Promise.resolve().then(() => createCall(chain, 'SubtensorModule', 'start_call', [])))).code).toBe('bad-value');
    expect((await failureOf(setHyperparameter(chain, { netuid: 3, name: 'tempo', value: true as unknown as number, signer: ALICE }))).code).toBe('bad-value');
    expect((await failureOf(setHyperparameter(chain, { netuid: 3, name: 'toString' as 'tempo', value: 1, signer: ALICE }))).code).toBe('bad-value');
    expect((await failureOf(addStake(chain, { netuid: 3, hotkey: BOB.hotkey, amountRao: 0n, signer: ALICE }))).code).toBe('bad-value');
    expect((await failureOf(burnedRegister(chain, { netuid: 3, hotkey: 'nobody', signer: ALICE }))).code).toBe('bad-address');
  });

  it('reads a commitment back', async () => {
    node.storage.set(keyOf('subtensorModule', 'uids', [3, BOB.hotkey]), '0x0100');
    node.seal(0);
    setUpBlocks++;
    const work = commit([Uint8Array.of(1, 2, 3), new Uint8Array(128).fill(7)]);
    await until(() => node.submitted.length === 1);
    node.storage.set(keyOf('commitments', 'commitmentOf', [3, BOB.hotkey]), `0x${'00'.repeat(8)}01000000080401020381${'07'.repeat(128)}`);
    await include([SUCCESS]);
    expect((await work).blockNumber).toBe(setUpBlocks);
    expect(decode(node.submitted[0] as string).method.toHuman()).toMatchObject({ args: { netuid: '3', info: { fields: [{ Raw3: '0x010203' }, { Raw128: `0x${'07'.repeat(128)}` }] } } });
    const other = failureOf(commit([Uint8Array.of(9)]));
    await include([SUCCESS], 2);
    expect((await other).code).toBe('read-back');
    for (const fields of [[], [1, 2, 3, 4].map((n) => Uint8Array.of(n)), [new Uint8Array(129)]]) expect((await failureOf(commit(fields))).code).toBe('bad-value');
  });

  it('sets weights only when the chain would take them, and reads the row back', async () => {
    const subtensor = (item: string, args: unknown[], value: string): void => void node.storage.set(keyOf('subtensorModule', item, args), value);
    const weights = [
      { uid: 1, weight: 0.25 },
      { uid: 0, weight: 0.5 },
      { uid: 2, weight: 0 },
    ];
    const refuse = async (change: Partial<{ weights: typeof weights; versionKey: number }> = {}): Promise<unknown> => {
      node.seal(12_000 * node.blocks.length);
      const options = { netuid: 3, weights, versionKey: 4, ...change };
      const { code, context } = await failureOf(setPlainWeights(chain, { ...options, signer: BOB }));
      expect((await planPlainWeights(chain, { ...options, account: BOB.hotkey })).refusal?.reason).toBe(context['reason']);
      return code === 'refused' ? context['reason'] : code;
    };
    expect(await refuse()).toBe('HotKeyNotRegisteredInSubNet');
    subtensor('uids', [3, BOB.hotkey], '0x0100');
    subtensor('subnetworkN', [3], '0x0200');
    expect(await refuse({ weights: [{ uid: 0, weight: 0 }] })).toBe('NoWeights');
    expect(await refuse()).toBe('CommitRevealEnabled');
    subtensor('commitRevealWeightsEnabled', [3], '0x00');
    subtensor('weightsVersionKey', [3], u64Hex(5));
    expect(await refuse()).toBe('IncorrectWeightVersionKey');
    subtensor('weightsVersionKey', [3], u64Hex(4));
    subtensor('lastUpdate', [3], `0x08${u64Hex(1).slice(2)}${u64Hex(1).slice(2)}`);
    expect(await refuse()).toBe('SettingWeightsTooFast');
    subtensor('weightsSetRateLimit', [3], u64Hex(0));
    expect(await refuse()).toBe('NeuronNoValidatorPermit');
    subtensor('validatorPermit', [3], '0x080001');
    expect(await refuse({ weights: [{ uid: 5, weight: 1 }] })).toBe('UidVecContainInvalidOne');
    expect(await refuse({ weights: [{ uid: 0, weight: 1 }] })).toBe('WeightVecLengthIsLow');
    node.seal(12_000 * node.blocks.length);
    const work = setPlainWeights(chain, { netuid: 3, weights, versionKey: 4, signer: BOB });
    await until(() => node.submitted.length === 1);
    subtensor('weights', [3, 1], '0x080000ffff01000080');
    await include([SUCCESS]);
    expect((await work).row).toEqual({ uids: [0, 1], values: [65535, 32768] });
    const other = failureOf(setPlainWeights(chain, { netuid: 3, weights: [{ uid: 0, weight: 1 }, { uid: 1, weight: 1 }], versionKey: 4, signer: BOB }));
    await include([SUCCESS], 2);
    expect((await other).code).toBe('read-back');
  });
});

describe('findEvent', () => {
  it('says so when a successful call caused no such event', () => {
    const inclusion = { blockHash: '0x00', blockNumber: 7, extrinsicHash: '0x01', extrinsicIndex: 1, events: [{ pallet: 'System', name: 'ExtrinsicSuccess', data: [3] }] };
    expect(findEvent(inclusion, 'System', 'ExtrinsicSuccess')).toEqual([3]);
    expect(() => findEvent(inclusion, 'SubtensorModule', 'NetworkAdded')).toThrow(expect.objectContaining({ code: 'missing-event', context: expect.objectContaining({ blockNumber: 7 }) }));
  });
});
