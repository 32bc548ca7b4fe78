/**
 * The localnet's figures, each beside a named peer in the same run:
 *   npm install --prefix /tmp/chopsticks @acala-network/chopsticks @substrate/connect-known-chains
 *   node packages/localnet/bench/localnet.bench.mjs [--chopsticks /tmp/chopsticks] [--blocks 20000]
 *
 * - boot, memory and empty blocks, beside Chopsticks on the genesis of Rococo's Asset Hub: the one runtime that npm has in a chain specification, so that no network is needed;
 * - transactions a second, beside what sr25519 verification alone allows, by @polkadot/wasm-crypto and by @polkadot/util-crypto;
 * - an epoch of 256 neurons; blocks with 200 subscribed clients; start of a directory with many blocks.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { ApiPromise, WsProvider } from '@polkadot/api';
import { Keyring } from '@polkadot/keyring';
import { sr25519Verify } from '@polkadot/util-crypto';
import { WebSocket } from 'ws';
import { startLocalnet } from '@connito/localnet';

const { values: flags } = parseArgs({ options: { chopsticks: { type: 'string' }, blocks: { type: 'string', default: '20000' } } });
const SLOW_BEACON = { beaconPeriodMs: 86_400_000 };
// What util-crypto brings with it, and does not verify sr25519 with since its version 14.
const wasmCrypto = await import(new URL('../index.js', pathToFileURL(createRequire(import.meta.resolve('@polkadot/util-crypto')).resolve('@polkadot/wasm-crypto'))));
await wasmCrypto.waitReady();
const here = new URL('..', import.meta.url);
const line = (name, text) => console.log(`${name.padEnd(34)} ${text}`);
const ms = (value) => `${value.toFixed(value < 10 ? 2 : 0)} ms`;
const timed = async (work) => {
  const start = performance.now();
  await work();
  return performance.now() - start;
};

/** A program in a process of its own, until it answers; the time since its start, its address and memory, and what a block takes that is asked for by JSON-RPC. */
async function measureProcess({ args, endpointIn, method }) {
  const start = performance.now();
  const child = spawn(process.execPath, args, { cwd: here, stdio: ['ignore', 'pipe', 'ignore'] });
  const text = { value: '' };
  child.stdout.on('data', (part) => (text.value += part));
  const exited = new Promise((resolve) => child.once('exit', resolve));
  try {
    while (endpointIn(text.value) === undefined) if ((await Promise.race([exited.then(() => 'ended'), sleep(2)])) === 'ended') throw new Error(`ended before it answered: ${text.value.slice(-300)}`);
    const wallMs = performance.now() - start;
    const endpoint = endpointIn(text.value);
    const blocksMs = [];
    for (let block = 0; block < 10; block++) {
      blocksMs.push(
        await timed(async () => {
          const { error } = await post(endpoint, { jsonrpc: '2.0', id: 1, method, params: [] });
          if (error !== undefined) throw new Error(error.message);
        }),
      );
    }
    const residentKb = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]);
    return { wallMs, blockMs: blocksMs.sort((a, b) => a - b)[5], residentMb: Math.round(residentKb / 1000), text: text.value };
  } finally {
    child.kill('SIGKILL');
    await exited;
  }
}

const endpointIn = (text) => (text.includes('\n') ? JSON.parse(text).endpoint : undefined);
const sleep = (timeMs) => new Promise((resolve) => setTimeout(resolve, timeMs));

/** From the start of Node to the first block, three times. */
async function boot() {
  const program = `const start = performance.now(); const { startLocalnet } = await import('@connito/localnet');
    const net = await startLocalnet({ seed: 'bench' }); net.sealBlocks(1);
    console.log(JSON.stringify({ bootMs: performance.now() - start, endpoint: net.endpoint }));`;
  const runs = [];
  for (let run = 0; run < 3; run++) runs.push(await measureProcess({ args: ['--input-type=module', '-e', program], endpointIn, method: 'localnet_seal' }));
  const { wallMs, residentMb, blockMs, text } = runs.sort((a, b) => a.wallMs - b.wallMs)[1];
  line('boot to the first block', `${ms(JSON.parse(text).bootMs)} in the process, ${ms(wallMs)} with the start of Node; ${residentMb} MB resident after 11 blocks, ${ms(blockMs)} for a block with four pulses`);
  return wallMs;
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
  const timesOf = (verify) =>
    timed(() => {
      for (let count = 0; count < signed.length; count++) verify();
    });
  const wasmMs = await timesOf(() => wasmCrypto.sr25519Verify(signature, message, pair.publicKey));
  const utilMs = await timesOf(() => sr25519Verify(message, signature, pair.publicKey));
  const included = (await api.rpc.chain.getBlock()).block.extrinsics.length;
  await api.disconnect();
  await net.close();
  const perSecond = (tookMs) => `${Math.round((signed.length / tookMs) * 1000)}/s`;
  line('transactions', `${perSecond(submitMs)} in one block of ${included}; verification alone ${perSecond(wasmMs)} by wasm-crypto: ${(submitMs / wasmMs).toFixed(2)}x its time; ${perSecond(utilMs)} by util-crypto: ${(submitMs / utilMs).toFixed(2)}x`);
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

async function chopsticks(ownMs) {
  if (flags.chopsticks === undefined) return line('chopsticks', 'not measured: see the head of this file');
  const { rococo_v2_2_asset_hub: specification } = createRequire(join(flags.chopsticks, 'package.json'))('@substrate/connect-known-chains');
  const directory = mkdtempSync(join(tmpdir(), 'connito-bench-'));
  const genesis = join(directory, 'genesis.json');
  writeFileSync(genesis, specification);
  const { version } = JSON.parse(readFileSync(join(flags.chopsticks, 'node_modules/@acala-network/chopsticks/package.json'), 'utf8'));
  const { wallMs, residentMb, blockMs } = await measureProcess({
    args: [join(flags.chopsticks, 'node_modules/@acala-network/chopsticks/chopsticks.cjs'), '--genesis', genesis, '--port', '8123'],
    endpointIn: (text) => (/listening/i.test(text) ? 'ws://127.0.0.1:8123' : undefined),
    method: 'dev_newBlock',
  });
  rmSync(directory, { recursive: true });
  line(`chopsticks ${version}`, `${ms(wallMs)} with the start of Node (${(wallMs / ownMs).toFixed(1)}x), ${residentMb} MB resident after 11 blocks, ${ms(blockMs)} a block; Rococo Asset Hub`);
}

await chopsticks(await boot());
await transactions();
await emptyBlocks();
await epoch();
await subscribers();
process.exit(0);
