/**
 * Metagraphs of `@connito/chain` from a running `@connito/localnet`: by the runtime's function, by storage, of old blocks, and as they change.
 */
import {
  addStake,
  burnedRegister,
  connectChain,
  openKeypair,
  readMetagraph,
  readNeurons,
  readSubnets,
  registerNetwork,
  serveAxon,
  setHyperparameter,
  setPlainWeights,
  setSubnetIdentity,
  startCall,
  watchMetagraph,
  type Chain,
  type MetagraphChange,
} from '@connito/chain';
import { startLocalnet, type Localnet } from '@connito/localnet';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

// Machines that build and test at once are slow.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const TAO = 1_000_000_000n;
const alice = openKeypair('//Alice');
const keys = ['//owner', '//miner', '//validator'].map((uri) => openKeypair(uri));
const [owner, miner, validator] = keys as [(typeof alice), (typeof alice), (typeof alice)];

describe('a metagraph', () => {
  let localnet: Localnet;
  let chain: Chain;
  let netuid: number;

  beforeAll(async () => {
    localnet = await startLocalnet({ seed: 'metagraph', instantSeal: true, intervalMs: 600_000 });
    chain = await connectChain({ endpoint: localnet.endpoint });
    ({ netuid } = await registerNetwork(chain, { hotkey: owner.hotkey, signer: alice }));
    for (const [name, value] of [['weightsSetRateLimit', 0], ['adminFreezeWindow', 0], ['tempo', 10]] as const) await setHyperparameter(chain, { netuid, name, value, signer: alice, sudo: true });
    await setHyperparameter(chain, { netuid, name: 'commitRevealWeightsEnabled', value: false, signer: alice, sudo: true });
    await startCall(chain, { netuid, signer: alice });
    await setSubnetIdentity(chain, { netuid, identity: { name: 'Experts', url: 'https://example.org' }, signer: alice });
    for (const key of [miner, validator]) await burnedRegister(chain, { netuid, hotkey: key.hotkey, signer: alice });
    await addStake(chain, { netuid, hotkey: validator.hotkey, amountRao: 100n * TAO, tolerance: 'none', signer: alice });
    await addStake(chain, { netuid: 0, hotkey: validator.hotkey, amountRao: 50n * TAO, signer: alice });
    await serveAxon(chain, { netuid, ip: '203.0.113.7', port: 8091, version: 7, signer: miner });
    for (let n = 0; n < 40 && (await readNeurons(chain, { netuid }))[2]?.validatorPermit !== true; n++) await chain.request('localnet_seal', [1]);
    await setPlainWeights(chain, { netuid, weights: [{ uid: 1, weight: 1 }], signer: validator });
    await chain.request('localnet_seal', [25]);
  });
  afterAll(async () => {
    await chain?.close();
    await localnet?.close();
  });

  it('is the same by the runtime and by storage', async () => {
    const { hash } = await chain.finalisedHead();
    const [runtime, storage] = await Promise.all([readMetagraph(chain, { netuid, at: hash }), readMetagraph(chain, { netuid, at: hash, source: 'storage' })]);
    expect([runtime.source, storage.source]).toEqual(['runtime', 'storage']);
    expect({ ...runtime, source: '' }).toEqual({ ...storage, source: '' });
    expect(runtime).toMatchObject({ name: 'Experts', owner: { hotkey: owner.hotkey, coldkey: alice.hotkey }, tempoBlocks: 10, maxNeurons: 256, isCommitReveal: false });
    expect(runtime.neurons[1]).toMatchObject({ hotkey: miner.hotkey, incentive: 65_535, axon: { ip: '203.0.113.7', port: 8091, version: 7 } });
    expect(runtime.neurons[2]?.axon).toBeUndefined();
    expect(runtime.neurons[2]?.rootStakeRao).toBe(50n * TAO);
    expect(runtime.neurons[2]?.stakeWeightRao).toBeGreaterThan(runtime.neurons[2]?.alphaStakeRao ?? 0n);
    await expect(readMetagraph(chain, { netuid: 9 })).rejects.toMatchObject({ code: 'bad-value' });
    await expect(readMetagraph(chain, { netuid: 9, source: 'storage' })).rejects.toMatchObject({ code: 'bad-value' });
  });

  it('has a history', async () => {
    const now = await readMetagraph(chain, { netuid });
    const old = await readMetagraph(chain, { netuid, at: 4 });
    expect([old.blockNumber, old.neurons.length, now.neurons.length]).toEqual([4, 1, 3]);
    await expect(readMetagraph(chain, { netuid, at: 1_000_000 })).rejects.toMatchObject({ code: 'unknown-block' });
  });

  it('tells the neurons that changed, and only those', async () => {
    const changes: MetagraphChange[] = [];
    const stop = await watchMetagraph(chain, { netuid }, (change) => void changes.push(change));
    expect(changes[0]?.changed.length).toBe(3);
    await serveAxon(chain, { netuid, ip: '2001:db8::1', port: 9000, signer: validator });
    for (let n = 0; n < 500 && !changes.slice(1).some(({ changed }) => changed.some(({ axon }) => axon?.port === 9000)); n++) await new Promise((resolve) => setTimeout(resolve, 20));
    await stop();
    const change = changes.slice(1).find(({ changed }) => changed.some(({ axon }) => axon?.port === 9000));
    expect(change?.changed.map(({ uid, axon }) => [uid, axon?.ip])).toContainEqual([2, '2001:db8::1']);
  });

  it('stands in the list of subnets', async () => {
    const list = await readSubnets(chain);
    expect(list.map((subnet) => subnet.netuid)).toEqual([0, netuid]);
    expect(list[1]).toMatchObject({ name: 'Experts', neurons: 3, isStarted: true, isCommitReveal: false, owner: alice.hotkey });
    expect(list[1]?.alphaPriceRao).toBeGreaterThan(0n);
  });
});
