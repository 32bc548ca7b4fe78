/**
 * Every reader takes `at`, and reads that block and no other.
 */
import { toHex } from '@connito/commit-reveal';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import * as entry from '../src/index.ts';
import { createCall, openKeypair, type BlockAt, type Chain } from '../src/index.ts';
import { codeOf } from './code-of.ts';
import { entryOf, HAS_METADATA, openScriptedChain, type ScriptedNode } from './scripted-node.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const netuid = 3;
const { hotkey } = openKeypair('//Alice');

type Read = (chain: Chain, at: { readonly at?: BlockAt }) => Promise<unknown>;

const HANDLE = { version: 1, netuid, mechanism: 0, hotkey, uid: 0, uids: [0], values: [1], versionKey: '0', afterBlock: 0, way: 'timelocked', ciphertext: '00', round: 1 } as const;

/** Every exported function that reads state, by name. */
const READERS: Readonly<Record<string, Read>> = {
  readAlphaPrice: (chain, at) => entry.readAlphaPrice(chain, { netuid, ...at }),
  readAxon: (chain, at) => entry.readAxon(chain, { netuid, hotkey, ...at }),
  readBalance: (chain, at) => entry.readBalance(chain, { account: hotkey, ...at }),
  readBeacon: (chain, at) => entry.readBeacon(chain, at),
  readBonds: (chain, at) => entry.readBonds(chain, { netuid, ...at }),
  readCertificate: (chain, at) => entry.readCertificate(chain, { netuid, hotkey, ...at }),
  readChildren: (chain, at) => entry.readChildren(chain, { netuid, hotkey, ...at }),
  readCommitment: (chain, at) => entry.readCommitment(chain, { netuid, hotkey, ...at }),
  readCommitmentSpace: (chain, at) => entry.readCommitmentSpace(chain, { netuid, ...at }),
  readCommitments: (chain, at) => entry.readCommitments(chain, { netuid, ...at }),
  readCommitmentsOf: (chain, at) => entry.readCommitmentsOf(chain, { netuid, hotkeys: [hotkey], ...at }),
  readEpochState: (chain, at) => entry.readEpochState(chain, { netuid, ...at }),
  readEvents: (chain, at) => entry.readEvents(chain, at),
  readFee: (chain, at) => entry.readFee(chain, { call: createCall(chain, 'System', 'remark', ['0x01']), account: hotkey, ...at }),
  readHyperparameters: (chain, at) => entry.readHyperparameters(chain, { netuid, names: ['tempo', 'kappa'], ...at }),
  readLastRound: (chain, at) => entry.readLastRound(chain, at),
  readLockCost: (chain, at) => entry.readLockCost(chain, at),
  readMetadata: (chain, at) => entry.readMetadata(chain, at),
  readSpecVersion: (chain, at) => entry.readSpecVersion(chain, at),
  readMetagraph: (chain, at) => entry.readMetagraph(chain, { netuid, source: 'storage', ...at }),
  readNeurons: (chain, at) => entry.readNeurons(chain, { netuid, ...at }),
  readPendingChildren: (chain, at) => entry.readPendingChildren(chain, { netuid, hotkey, ...at }),
  readPermitNeed: (chain, at) => entry.readPermitNeed(chain, { netuid, hotkey, ...at }),
  readPrometheus: (chain, at) => entry.readPrometheus(chain, { netuid, hotkey, ...at }),
  readRevealProgress: (chain, at) => entry.readRevealProgress(chain, { ...HANDLE, genesis: toHex(chain.genesisHash) }, at),
  readPulse: (chain, at) => entry.readPulse(chain, { round: 1000, ...at }),
  readRegistrationPrice: (chain, at) => entry.readRegistrationPrice(chain, { netuid, ...at }),
  readRevealedCommitments: (chain, at) => entry.readRevealedCommitments(chain, { netuid, ...at }),
  readStake: (chain, at) => entry.readStake(chain, { netuid, hotkey, coldkey: hotkey, ...at }),
  readStakeWeights: (chain, at) => entry.readStakeWeights(chain, { netuid, hotkeys: [hotkey], ...at }),
  readStakes: (chain, at) => entry.readStakes(chain, { coldkey: hotkey, ...at }),
  readSubnetIdentity: (chain, at) => entry.readSubnetIdentity(chain, { netuid, ...at }),
  readSubnetOwner: (chain, at) => entry.readSubnetOwner(chain, { netuid, ...at }),
  readSubnets: (chain, at) => entry.readSubnets(chain, at),
  readSwapQuote: (chain, at) => entry.readSwapQuote(chain, { netuid, direction: 'stake', amountRao: 10n ** 9n, ...at }),
  readTake: (chain, at) => entry.readTake(chain, { hotkey, netuid, ...at }),
  readTempo: (chain, at) => entry.readTempo(chain, { netuid, ...at }),
  readUid: (chain, at) => entry.readUid(chain, { netuid, hotkey, ...at }),
  readWeightRow: (chain, at) => entry.readWeightRow(chain, { netuid, uid: 0, ...at }),
  readWeightSettings: (chain, at) => entry.readWeightSettings(chain, { netuid, hotkey, ...at }),
  readWeights: (chain, at) => entry.readWeights(chain, { netuid, ...at }),
  readYumaInput: (chain, at) => entry.readYumaInput(chain, { netuid, ...at }),
};

/** Those that say which block by something else: a number, or a moment. */
const OTHERS = ['readBlock', 'readSnapshot', 'readProvenSnapshot'];

/** Which parameter of a request names the block. */
const BLOCK_PARAMETER: Readonly<Record<string, number>> = { state_queryStorageAt: 1, state_getStorage: 1, state_call: 2, state_getKeysPaged: 3, state_getRuntimeVersion: 0, state_getMetadata: 0 };

describe.skipIf(!HAS_METADATA)('at', () => {
  let node: ScriptedNode;
  let chain: Chain;

  beforeAll(async () => {
    ({ node, chain } = await openScriptedChain());
    // A subnet with one neuron, so that readers come to what they ask for last.
    const set = (item: string, value: string, ...args: unknown[]): void => void node.storage.set(entryOf(chain, 'SubtensorModule', item).key(...args), value);
    set('SubnetworkN', '0x0100', netuid);
    set('NetworksAdded', '0x01', netuid);
    set('Keys', `0x${Buffer.from(openKeypair('//Alice').publicKey).toString('hex')}`, netuid, 0);
    set('Uids', '0x0000', netuid, hotkey);
    set('SubnetMechanism', '0x0100', netuid);
    for (let number = 1; number < 5; number++) node.seal(12_000 * number);
    const simulated = `0x${'00'.repeat(64)}`;
    const answers = { SubnetRegistrationRuntimeApi_get_network_registration_cost: `0x${'00'.repeat(8)}`, SubnetInfoRuntimeApi_get_subnet_state: '0x00', StakeInfoRuntimeApi_get_stake_info_for_hotkey_coldkey_netuid: '0x00', StakeInfoRuntimeApi_get_stake_info_for_coldkey: '0x00', SwapRuntimeApi_current_alpha_price: `0x01${'00'.repeat(7)}`, SwapRuntimeApi_current_alpha_price_all: '0x00', SwapRuntimeApi_sim_swap_tao_for_alpha: simulated };
    for (const [name, answer] of Object.entries(answers)) node.runtime.set(name, () => answer);
  });
  afterAll(async () => {
    await chain.close();
    await node.close();
  });

  const askedFor = (): Set<unknown> => new Set(node.log.flatMap(({ method, params }) => (method in BLOCK_PARAMETER ? [params[BLOCK_PARAMETER[method] as number]] : [])));

  it('is taken by all that read', () => {
    const reading = Object.keys(entry).filter((name) => /^read[A-Z]/.test(name));
    expect(reading.filter((name) => !OTHERS.includes(name)).toSorted()).toEqual(Object.keys(READERS).toSorted());
  });

  it.each(Object.entries(READERS))('%s', async (_name, read) => {
    const block = node.blocks[2];
    for (const at of [block?.hash as string, 2]) {
      node.log.length = 0;
      const code = await codeOf(read(chain, { at }));
      // `bad-value` and `unsupported`: the scripted subnet lacks an owner and a beacon.
      expect(['none', 'bad-value', 'unsupported']).toContain(code);
      expect([...askedFor()]).toEqual([block?.hash]);
    }
    node.log.length = 0;
    await codeOf(read(chain, {}));
    expect([...askedFor()].filter((hash) => hash !== node.blocks.at(-1)?.hash)).toEqual([]);
    expect(await codeOf(read(chain, { at: 99 }))).toBe('unknown-block');
    for (const at of ['0x12', -1, 1.5]) expect(await codeOf(read(chain, { at }))).toBe('bad-value');
  });
});
