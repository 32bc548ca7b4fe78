/**
 * Makes the demo's subnet on a fresh development chain: the calls that a real owner, miner or validator would send, in a fixed order, so
 * that the chain's state depends on the seed alone.
 *
 * @module
 */
import { addStake, burnedRegister, connectChain, openKeypair, readNeurons, registerNetwork, setHyperparameter, startCall, type Keypair } from '@connito/chain';
import type { Participant } from './participants.ts';

/** Epochs in blocks: short, so that every cycle sees weights turn into incentive. */
const TEMPO_BLOCKS = 10;
const RAO_PER_TAO = 1_000_000_000n;

/** The subnet, and everybody's uid and hotkey by name. */
export interface DemoSubnet {
  readonly netuid: number;
  readonly hotkeys: ReadonlyMap<string, string>;
  readonly uids: ReadonlyMap<string, number>;
}

/** Creates the subnet as //Alice, who pays for everybody, registers all and stakes on the validators. */
export async function setUpSubnet(endpoint: string, participants: readonly Participant[]): Promise<DemoSubnet> {
  const chain = await connectChain({ endpoint });
  try {
    const alice = openKeypair('//Alice');
    const keys = new Map(participants.map(({ name, uri }): [string, Keypair] => [name, openKeypair(uri)]));
    const hotkeyOf = (name: string): string => keyOf(keys, name).hotkey;
    const owner = participants.find(({ role }) => role === 'owner');
    if (!owner) throw new TypeError('a demo network has an owner');
    const { netuid } = await registerNetwork(chain, { hotkey: hotkeyOf(owner.name), signer: alice });
    // Plain weights, at any pace: timelocked weights come with sealing, and the demo's cycles are shorter than the default rate limit.
    await setHyperparameter(chain, { netuid, name: 'commitRevealWeightsEnabled', value: false, signer: alice, sudo: true });
    await setHyperparameter(chain, { netuid, name: 'weightsSetRateLimit', value: 0, signer: alice, sudo: true });
    await setHyperparameter(chain, { netuid, name: 'tempo', value: TEMPO_BLOCKS, signer: alice, sudo: true });
    await startCall(chain, { netuid, signer: alice });
    for (const { name, role } of participants) {
      if (role !== 'owner') await burnedRegister(chain, { netuid, hotkey: hotkeyOf(name), signer: alice });
    }
    for (const { name, stakeTao } of participants) {
      if (stakeTao !== undefined) await addStake(chain, { netuid, hotkey: hotkeyOf(name), amountRao: BigInt(stakeTao) * RAO_PER_TAO, tolerance: 'none', signer: alice });
    }
    const neurons = await readNeurons(chain, { netuid });
    const uidOf = (hotkey: string): number => neurons.find((neuron) => neuron.hotkey === hotkey)?.uid ?? -1;
    const named = [...keys];
    return { netuid, hotkeys: new Map(named.map(([name, { hotkey }]) => [name, hotkey])), uids: new Map(named.map(([name, { hotkey }]) => [name, uidOf(hotkey)])) };
  } finally {
    await chain.close();
  }
}

function keyOf(keys: ReadonlyMap<string, Keypair>, name: string): Keypair {
  const key = keys.get(name);
  if (!key) throw new TypeError(`no key for ${name}`);
  return key;
}
