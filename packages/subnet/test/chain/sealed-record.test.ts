/**
 * A sealed record from the miner's hands onto a chain, and out of it again by the chain's own beacon: what `@connito/commit-reveal` writes, `@connito/chain` sends and the runtime opens.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { burnedRegister, connectChain, openKeypair, readBeacon, readCommitments, readLastRound, readPulse, readRevealedCommitments, registerNetwork, setCommitment, startCall, type Chain } from '@connito/chain';
import { createCommitment, decodeRecordFields, decodeUpdateSecret, decryptTimelock, encodeRecordFields, encodeUpdateSecret, encryptTimelock, openSealedBytes, sealBytes, sha256, verifyCommitment, verifyPulse } from '@connito/commit-reveal';
import { startLocalnet, type Localnet } from '@connito/localnet';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const alice = openKeypair('//Alice');
const miner = openKeypair('//miner');
let localnet: Localnet;
let chain: Chain;

beforeAll(async () => {
  localnet = await startLocalnet({ seed: 'sealed-record', instantSeal: true, intervalMs: 60_000 });
  chain = await connectChain({ endpoint: localnet.endpoint });
});
afterAll(async () => {
  await chain?.close();
  await localnet?.close();
});

describe('a sealed record on a chain', () => {
  it('stands there as ciphertext, and opens at its round for the chain and for everybody', async () => {
    const { netuid } = await registerNetwork(chain, { hotkey: openKeypair('//owner').hotkey, signer: alice });
    await startCall(chain, { netuid, signer: alice });
    await burnedRegister(chain, { netuid, hotkey: miner.hotkey, signer: alice });
    const beacon = await readBeacon(chain);
    const round = (await readLastRound(chain)) + 20;

    const update = new TextEncoder().encode('an update');
    const secret = { dataKey: new Uint8Array(32).fill(1), salt: new Uint8Array(32).fill(2), updateRoot: sha256(update) };
    const preimage = { genesis: chain.genesisHash, netuid, cycle: 3, hotkey: miner.publicKey, salt: secret.salt, updateRoot: secret.updateRoot };
    const sealed = sealBytes(update, { key: secret.dataKey });
    const ciphertext = encryptTimelock({ publicKey: beacon.publicKey, round, plaintext: encodeUpdateSecret(secret) });
    const record = { kind: 'sealed-update', cycle: 3, commitment: createCommitment(preimage), locator: 'file:///a', sealedSha256: sha256(sealed), sizeBytes: sealed.length, seal: { kind: 'timelocked', ciphertext, round } } as const;
    await setCommitment(chain, { netuid, fields: encodeRecordFields(record), signer: miner });

    const standing = (await readCommitments(chain, { netuid })).get(miner.hotkey);
    expect(decodeRecordFields(standing?.contents ?? [])).toEqual(record);

    // Every transaction makes a block; the beacon's rounds come with the chain's time.
    for (let i = 0; i < 12 && (await readLastRound(chain)) <= round; i++) await setCommitment(chain, { netuid, fields: [Uint8Array.of(i)], signer: openKeypair('//owner') });
    const pulse = await readPulse(chain, { round });
    if (pulse === undefined) throw new Error(`the beacon has not come to round ${round}`);
    expect(verifyPulse(beacon, pulse)).toBe(true);
    const opened = decodeUpdateSecret(decryptTimelock(ciphertext, pulse.signature));
    const revealed = (await readRevealedCommitments(chain, { netuid })).get(miner.hotkey);
    expect(revealed?.map(({ bytes }) => decodeUpdateSecret(bytes))).toEqual([opened]);
    expect(verifyCommitment(record.commitment, { ...preimage, ...opened })).toBe(true);
    expect(openSealedBytes(sealed, { key: opened.dataKey })).toEqual(update);
  });
});
