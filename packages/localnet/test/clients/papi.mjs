// The unmodified polkadot-api against the endpoint that it is given; what each step gave, as JSON on the last line.
import { createClient } from 'polkadot-api';
import { getPolkadotSigner } from 'polkadot-api/signer';
import { getWsProvider, getWsRawProvider } from 'polkadot-api/ws';
import { WebSocket } from 'ws';
import { alice, bob, control, endpoint, kind, outcome, pair, replaceNewest, sealPending, step, steps } from './steps.mjs';

const open = kind === 'raw' ? getWsRawProvider : getWsProvider;
const client = createClient(open(endpoint, { websocketClass: WebSocket }));
const api = client.getUnsafeApi();
const signer = (account) => getPolkadotSigner(account.publicKey, 'Sr25519', (bytes) => account.sign(bytes));
const remark = (text) => api.tx.System.remark_with_event({ remark: new TextEncoder().encode(text) });

/** What an observable gives until `isEnough`. */
function gather(observable, isEnough) {
  return new Promise((resolve, reject) => {
    const values = [];
    const subscription = observable.subscribe({
      next: (value) => {
        values.push(value);
        if (!isEnough(values)) return;
        setTimeout(() => subscription.unsubscribe());
        resolve(values);
      },
      error: reject,
    });
  });
}

await step('chain', async () => (await client.getChainSpecData()).genesisHash);
await step('constant', () => api.constants.SubtensorModule.InitialTempo());
await step('balance', async () => String((await api.query.System.Account.getValue(bob.address)).data.free));
await step('entries', async () => (await api.query.SubtensorModule.Keys.getEntries()).map(({ keyArgs, value }) => [...keyArgs, value]));
await step('values', () => api.query.SubtensorModule.NetworksAdded.getValues([[0], [1], [7]]));
await step('at a block', async () => {
  const { hash, number } = await client.getFinalizedBlock();
  return number === (await api.query.System.Number.getValue({ at: hash }));
});
await step('metagraph', async () => {
  const { netuid, num_uids, hotkeys } = await api.apis.SubnetInfoRuntimeApi.get_metagraph(1);
  return { netuid, num_uids, hotkeys };
});
await step('final blocks', async () => {
  const numbers = (await gather(client.finalizedBlock$, (blocks) => blocks.length === 4)).map(({ number }) => number);
  return numbers.map((number) => number - numbers[0]);
});
await step('best blocks', async () => {
  const lists = await gather(client.bestBlocks$, (values) => values.length === 6);
  return lists.every((list) => list.every(({ number, parent }, index) => index === 0 || (list[index - 1].number === number + 1 && list[index - 1].parent === list[index].hash && parent !== '')));
});
await step('watched value', async () => {
  const seen = await gather(api.query.System.Number.watchValue({ at: 'best' }), (values) => values.length === 4);
  return seen.every(({ value }, index) => index === 0 || value > seen[index - 1].value);
});
await step('body and header', async () => {
  const { hash, number } = await client.getFinalizedBlock();
  const [body, header] = await Promise.all([client.getBlockBody(hash), client.getBlockHeader(hash)]);
  return [body.length > 0, header.number === number];
});
await step('transfer', async () => {
  const { ok, events, block } = await api.tx.Balances.transfer_keep_alive({ dest: { type: 'Id', value: bob.address }, value: 1_500_000_000n }).signAndSubmit(signer(alice));
  const names = events.map(({ type, value }) => `${type}.${value.type}`);
  return { ok, transferred: names.includes('Balances.Transfer'), succeeded: names.at(-1), after: String((await api.query.System.Account.getValue(bob.address, { at: block.hash })).data.free) };
});
await step('fee', async () => Number(await remark('fee').getEstimatedFees(alice.address)) > 0);
await step('remark', async () => {
  const told = await gather(remark('hello').signSubmitAndWatch(signer(alice)), (values) => values.at(-1).type === 'finalized');
  return [...new Set(told.map(({ type }) => type))];
});
await step('dispatch error', async () => {
  const { ok, dispatchError } = await api.tx.Proxy.remove_proxy({ delegate: { type: 'Id', value: bob.address }, proxy_type: { type: 'Any' }, delay: 0 }).signAndSubmit(signer(alice));
  return { ok, error: `${dispatchError?.value?.type}.${dispatchError?.value?.value?.type}` };
});
await step('invalid transaction', () => remark('poor').signAndSubmit(signer(pair('//Nobody'))).then(() => 'it was taken', (error) => error.error?.value?.type));
await step('reorganisation', async () => {
  let isRetracted = false;
  const blocks = [];
  await control('localnet_setBlockMode', 'manual');
  const final = gather(remark('reorganised').signSubmitAndWatch(signer(alice)), (values) => {
    const last = values.at(-1);
    if (last.type !== 'txBestBlocksState' && last.type !== 'finalized') return false;
    if (last.found !== false) blocks.push(last.block.hash);
    if (last.type === 'txBestBlocksState' && last.found && !isRetracted) {
      isRetracted = true;
      void replaceNewest();
    }
    return last.type === 'finalized';
  });
  await sealPending();
  await final;
  return outcome(blocks);
});
await step('restored snapshot', async () => {
  await control('localnet_snapshot', 'before');
  await control('localnet_seal', 5);
  await control('localnet_restore', 'before');
  const numbers = (await gather(client.finalizedBlock$, (blocks) => blocks.length === 3)).map(({ number }) => number);
  return numbers.at(-1) > 0 && (await api.query.System.Number.getValue()) >= numbers.at(-1);
});
console.log(JSON.stringify(steps));
client.destroy();
process.exit(0);
