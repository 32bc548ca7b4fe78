// What the scripts of all clients share: the endpoint and which client, keys of development, localnet's controls, and steps of which each has 20 seconds.
import { Keyring } from '@polkadot/keyring';
import { cryptoWaitReady } from '@polkadot/util-crypto';

export const [endpoint, kind] = process.argv.slice(-2);
await cryptoWaitReady();
export const pair = (uri) => new Keyring({ type: 'sr25519', ss58Format: 42 }).addFromUri(uri);
export const [alice, bob] = ['//Alice', '//Bob'].map(pair);
export const control = async (method, ...params) => (await (await fetch(endpoint.replace('ws', 'http'), { method: 'POST', body: JSON.stringify({ id: 1, method, params }) })).json()).result;

/** Makes the block that the pool's transaction stands in; nothing else makes blocks meanwhile. */
export async function sealPending() {
  while ((await control('localnet_status')).pendingExtrinsics === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  await control('localnet_seal', 1);
}

/** Replaces the newest block, and lets blocks come by themselves again. */
export async function replaceNewest() {
  await control('localnet_reorg', 1);
  await control('localnet_setBlockMode', 'interval', 250);
}

/** Whether the block that was final in the end is another than the first, and stands on the chain. */
export async function outcome(hashes) {
  const last = hashes.at(-1);
  const { number } = await control('chain_getHeader', last);
  return { moved: last !== hashes[0], onChain: (await control('chain_getBlockHash', Number(number))) === last };
}

/** What each step gave. */
export const steps = {};

/** Runs a step; one that fails does not end the others. */
export async function step(name, run) {
  try {
    steps[name] = { value: (await within(run())) ?? null };
  } catch (error) {
    steps[name] = { error: `${error?.name}: ${error?.message}` };
  }
}

function within(promise) {
  return Promise.race([promise, new Promise((_, reject) => setTimeout(() => reject(new Error('nothing came for 20 seconds')), 20_000).unref())]);
}
