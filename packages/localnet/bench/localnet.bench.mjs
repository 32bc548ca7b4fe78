/**
 * The localnet's figures, each beside a named peer in the same run:
 *   node packages/localnet/bench/localnet.bench.mjs [--chopsticks <directory where @acala-network/chopsticks is installed>] [--endpoint ws://…]
 *
 * - transactions a second, beside what @polkadot/wasm-crypto's sr25519 verification alone allows;
 * - boot, memory and empty blocks, beside Chopsticks on the chain at `--endpoint` (a local node or another localnet: it needs a live chain to start from);
 * - an epoch of 256 neurons; blocks with 200 subscribed clients; start of a directory with many blocks.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ApiPromise, WsProvider } from '@polkadot/api';
import { Keyring } from '@polkadot/keyring';
import { sr25519Verify } from '@polkadot/util-crypto';
import { WebSocket } from 'ws';
import { startLocalnet } from '@connito/localnet';

const { values: flags } = parseArgs({ options: { chopsticks: { type: 'string' }, endpoint: { type: 'string' }, blocks: { type: 'string', default: '20000' } } });
const SLOW_BEACON = { beaconPeriodMs: 86_400_000 };
const here = new URL('..', import.meta.url);
const line = (name, text) => console.log(`${name.padEnd(34)} ${text}`);
const ms = (value) => `${value.toFixed(value < 10 ? 2 : 0)} ms`;
const timed = async (work) => {
  const start = performance.now();
  await work();
  return performance.now() - start;
};

/** Boot and memory of a process of its own, until it has made its first block. */
async function boot() {
  const program = `const start = performance.now(); const { startLocalnet } = await import('@connito/localnet');
    const net = await startLocalnet({ seed: 'bench' }); net.sealBlocks(1);
    console.log(JSON.stringify({ bootMs: performance.now() - start, rss: process.memoryUsage().rss })); await net.close();`;
  const start = performance.now();
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { cwd: here, stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  for await (const part of child.stdout) {
    text += part;
    if (text.includes('\n')) break;
  }
  const wallMs = performance.now() - start;
  child.kill();
  return { ...JSON.parse(text), wallMs };
}

async function transactions() {
  const net = await startLocalnet({ seed: 'bench', ...SLOW_BEACON, instantSeal: false });
  const api = await ApiPromise.create({ provider: new WsProvider(net.endpoint), noInitWarn: true });
  const keyring = new Keyring({ type: 'sr25519' });
  const senders = ['//Alice', '//Bob', '//Charlie', '//Dave'].map((uri) => keyring.addFromUri(uri));
  const signed = [];
  for (const pair of senders) for (let nonce = 0; nonce < 250; nonce++) signed.push((await api.tx.balances.transferKeepAlive(senders[0].address, 1).signAsync(pair, { nonce, era: 0 })).toHex());
  const submitMs = await timed(async () => {
    for (let from = 0; from < signed.length; from += 250) await post(net.endpoint, signed.slice(from, from + 250).map((hex, id) => ({ jsonrpc: '2.0', id, method: 'author_submitExtrinsic', params: [hex] })));
    net.sealBlocks(1);
  });
  const pair = senders[0];
  const message = new Uint8Array(150).fill(7);
  const signature = pair.sign(message);
  const verifyMs = await timed(() => {
    for (let count = 0; count < signed.length; count++) sr25519Verify(message, signature, pair.publicKey);
  });
  const included = (await api.rpc.chain.getBlock()).block.extrinsics.length;
  await api.disconnect();
  await net.close();
  line('transactions', `${Math.round((signed.length / submitMs) * 1000)}/s in one block of ${included}; sr25519 verification alone ${Math.round((signed.length / verifyMs) * 1000)}/s: ${(submitMs / verifyMs).toFixed(2)}x its time`);
}

const post = async (endpoint, body) => (await fetch(endpoint.replace('ws', 'http'), { method: 'POST', body: JSON.stringify(body) })).json();

async function emptyBlocks() {
  const net = await startLocalnet({ seed: 'bench', ...SLOW_BEACON });
  const inMemory = await timed(() => net.jump(5000));
  await net.close();
  const directory = mkdtempSync(join(tmpdir(), 'connito-bench-'));
  const count = Number(flags.blocks);
  const kept = await startLocalnet({ seed: 'bench', ...SLOW_BEACON, stateDirectory: directory });
  const onDisk = await timed(() => kept.jump(count));
  await kept.close();
  let again;
  const open = await timed(async () => (again = await startLocalnet({ seed: 'bench', ...SLOW_BEACON, stateDirectory: directory })));
  const first = await timed(() => again.sealBlocks(1));
  await again.close();
  rmSync(directory, { recursive: true });
  line('empty blocks', `${Math.round(5_000_000 / inMemory)}/s in memory, ${Math.round((count * 1000) / onDisk)}/s on disk (jump)`);
  line(`opening ${count} blocks`, `${ms(open)}, then ${ms(first)} for the first block`);
}

async function epoch() {
  const net = await startLocalnet({ seed: 'bench', ...SLOW_BEACON });
  const neurons = Array.from({ length: 255 }, (_, uid) => ({
    hotkey: `//N${uid}`,
    coldkey: '//Alice',
    ...(uid < 63 ? { stakeTao: 100 + uid, weights: Object.fromEntries(Array.from({ length: 255 }, (_unused, to) => [to, ((uid * 7 + to * 13) % 97) + 1])) } : {}),
  }));
  await net.runScenario(JSON.stringify({ subnets: [{ owner: '//Alice', ownerHotkey: '//Alice//hot', hyperparameters: { tempo: 400, commit_reveal_weights_enabled: false, weights_set_rate_limit: 0 }, neurons }] }));
  let last = performance.now();
  let slowest = 0;
  net.onBlock(() => {
    slowest = Math.max(slowest, performance.now() - last);
    last = performance.now();
  });
  for (let epochs = 0; epochs < 3; epochs++) {
    slowest = 0;
    for (;;) {
      const index = net.getStorage({ pallet: 'SubtensorModule', item: 'SubnetEpochIndex', keys: [1] });
      last = performance.now();
      net.sealBlocks(1);
      if (net.getStorage({ pallet: 'SubtensorModule', item: 'SubnetEpochIndex', keys: [1] }) !== index) break;
    }
    line('block with an epoch of 256', ms(slowest));
  }
  await net.close();
}

async function subscribers() {
  const net = await startLocalnet({ seed: 'bench', ...SLOW_BEACON });
  const count = { heard: 0 };
  const sockets = await Promise.all(
    Array.from({ length: 200 }, () =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(net.endpoint);
        socket.on('error', reject);
        socket.on('open', () => {
          for (const [id, method] of ['chain_subscribeNewHeads', 'chain_subscribeFinalizedHeads'].entries()) socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params: [] }));
          socket.send(JSON.stringify({ jsonrpc: '2.0', id: 9, method: 'state_subscribeStorage', params: [['0xf0c365c3cf59d671eb72da0e7a4113c49f1f0515f462cdcf84e0f1d6045dfcbb']] }));
          resolve(socket);
        });
        socket.on('message', (data) => (count.heard += String(data).includes('"method"') ? 1 : 0));
      }),
    ),
  );
  while (count.heard < 600) await new Promise((resolve) => setTimeout(resolve, 5));
  count.heard = 0;
  const took = await timed(async () => {
    for (let due = 600; due <= 50 * 600; due += 600) {
      net.sealBlocks(1);
      while (count.heard < due) await new Promise((resolve) => setImmediate(resolve));
    }
  });
  line('200 clients, 3 subscriptions each', `${ms(took / 50)} a block until all have heard`);
  for (const socket of sockets) socket.terminate();
  await net.close();
}

/** Chopsticks forks a live chain, so it is shown another localnet as one; what it cannot start is said. */
async function chopsticks() {
  if (flags.chopsticks === undefined) return line('chopsticks', 'not measured: give --chopsticks <directory> (npm install --prefix <directory> @acala-network/chopsticks)');
  const source = flags.endpoint === undefined ? await startLocalnet({ seed: 'bench', ...SLOW_BEACON }) : undefined;
  source?.sealBlocks(5);
  const start = performance.now();
  const child = spawn(process.execPath, [join(flags.chopsticks, 'node_modules/@acala-network/chopsticks/chopsticks.cjs'), '--endpoint', flags.endpoint ?? source.endpoint, '--port', '8123'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  child.stdout.on('data', (part) => (text += part));
  child.stderr.on('data', (part) => (text += part));
  const up = await Promise.race([new Promise((resolve) => child.once('exit', () => resolve(false))), (async () => {
    for (;;) {
      if (/listening/i.test(text)) return true;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })(), new Promise((resolve) => setTimeout(() => resolve(false), 60_000))]);
  if (!up) line('chopsticks', `did not start on ${flags.endpoint ?? 'a localnet'}: ${text.trim().split('\n').at(-1)?.slice(0, 200)}`);
  else {
    const bootMs = performance.now() - start;
    const answers = [];
    const tookMs = await timed(async () => {
      for (let block = 0; block < 10; block++) answers.push(await post('ws://127.0.0.1:8123', { jsonrpc: '2.0', id: 1, method: 'dev_newBlock', params: [] }));
    });
    // A localnet has no WebAssembly runtime that Chopsticks could run: blocks can be compared on a real node only.
    const blocks = answers.some(({ error }) => error !== undefined) ? 'no blocks on this chain' : `${ms(tookMs / 10)} a block`;
    const { readFileSync } = await import('node:fs');
    const rssKb = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]);
    line('chopsticks', `${ms(bootMs)} to listening, ${Math.round(rssKb / 1024)} MB resident, ${blocks}`);
  }
  child.kill('SIGKILL');
  await source?.close();
}

const { bootMs, wallMs, rss } = await boot();
line('boot to the first block', `${ms(bootMs)} in the process, ${ms(wallMs)} with the start of Node; ${Math.round(rss / 1_000_000)} MB resident`);
await chopsticks();
await transactions();
await emptyBlocks();
await epoch();
await subscribers();
process.exit(0);
