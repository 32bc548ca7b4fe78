// The unmodified dedot against the endpoint that it is given, by the newer or the older JSON-RPC; what each step gave, as JSON on the last line.
import { Archive, DedotClient, JsonRpcClient, LegacyClient, WsProvider } from 'dedot';
import { alice, bob, control, endpoint, kind, outcome, pair, replaceNewest, sealPending, step, steps } from './steps.mjs';

const provider = new WsProvider(endpoint);
const client = kind === 'legacy' ? await LegacyClient.new(provider) : await DedotClient.new(provider);

/** Signs, submits, and hears until the transaction is final. */
function send(tx, account, hear = () => undefined) {
  return new Promise((resolve, reject) => {
    const statuses = [];
    tx.signAndSend(account, (result) => {
      statuses.push(result.status.type);
      hear(result);
      if (result.status.type === 'Finalized') resolve({ ...result, statuses: [...new Set(statuses)] });
      if (result.status.type === 'Invalid' || result.status.type === 'Drop') reject(new Error(result.status.type));
    }).catch(reject);
  });
}

await step('client', async () => client.rpcVersion);
await step('constant', async () => client.consts.subtensorModule.initialTempo);
await step('balance', async () => String((await client.query.system.account(bob.address)).data.free));
await step('entries', async () => (await client.query.subtensorModule.keys.entries()).map(([keys, value]) => [...keys, value.address(42)]));
await step('metagraph', async () => {
  const { netuid, numUids, hotkeys } = await client.call.subnetInfoRuntimeApi.getMetagraph(1);
  return { netuid, num_uids: numUids, hotkeys: hotkeys.map((hotkey) => hotkey.address(42)) };
});
await step('at a block', async () => {
  const { hash, number } = await client.block.finalized();
  const at = await client.at(hash);
  return number === (await at.query.system.number());
});
await step('best blocks', async () => {
  const numbers = await new Promise((resolve) => {
    const seen = [];
    const stop = client.block.best(({ number }) => {
      seen.push(number);
      if (seen.length < 5) return;
      stop();
      resolve(seen);
    });
  });
  return numbers.every((number, index) => index === 0 || number > numbers[index - 1]);
});
await step('watched value', async () => {
  const seen = await new Promise((resolve) => {
    const values = [];
    void client.query.system.number((value) => values.push(value) === 4 && resolve(values));
  });
  return seen.every((value, index) => index === 0 || value > seen[index - 1]);
});
await step('transfer', async () => {
  const { events, dispatchError, statuses } = await send(client.tx.balances.transferKeepAlive(bob.address, 1_500_000_000n), alice);
  const names = events.map(({ event }) => `${event.pallet}.${event.palletEvent.name ?? event.palletEvent}`);
  return { failed: dispatchError !== undefined, transferred: names.includes('Balances.Transfer'), last: names.at(-1), after: String((await client.query.system.account(bob.address)).data.free), statuses };
});
await step('remark', async () => (await send(client.tx.system.remarkWithEvent('0x1234'), alice)).events.map(({ event }) => event.pallet).includes('System'));
await step('dispatch error', async () => {
  const { dispatchError } = await send(client.tx.proxy.removeProxy(bob.address, 'Any', 0), alice);
  const { pallet, name } = client.registry.findErrorMeta(dispatchError);
  return `${pallet}.${name}`;
});
await step('invalid transaction', () => send(client.tx.system.remarkWithEvent('0x12'), pair('//Nobody')).then(() => 'it was taken', (error) => error.message));
await step('reorganisation', async () => {
  const blocks = [];
  let isRetracted = false;
  await control('localnet_setBlockMode', 'manual');
  const final = send(client.tx.system.remarkWithEvent('0x5678'), alice, ({ status }) => {
    if (status.type === 'BestChainBlockIncluded' || status.type === 'Finalized') blocks.push(status.value.blockHash);
    if (status.type !== 'BestChainBlockIncluded' || isRetracted) return;
    isRetracted = true;
    void replaceNewest();
  });
  await sealPending();
  await final;
  return outcome(blocks);
});
if (kind !== 'legacy') {
  await step('archive', async () => {
    const archive = new Archive(await JsonRpcClient.new(new WsProvider(endpoint)));
    const height = await archive.finalizedHeight();
    const [hash] = await archive.hashByHeight(1);
    const storage = await archive.storage([{ key: client.query.system.number.rawKey(), type: 'value' }], null, hash);
    return [height > 1, (await archive.body(hash)).length > 0, storage.map(({ value }) => value), (await archive.call('Core_version', '0x', hash)).length > 2];
  });
}
console.log(JSON.stringify(steps));
await client.disconnect();
process.exit(0);
