import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ask } from './json-rpc.ts';
import { SLOW_BEACON } from './support.ts';
import type { Block } from '../src/block.ts';
import { openChainStore } from '../src/disk.ts';
import { startLocalnet } from '../src/index.ts';

const root = mkdtempSync(join(tmpdir(), 'connito-crash-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Times that the process is killed: 40 with CONNITO_SLOW. */
const KILLS = process.env['CONNITO_SLOW'] === undefined ? 4 : 40;
const LAG = 2;

/** Makes blocks of all kinds for ever, and says which block is final after each step, with its hash. */
const PROGRAM = `import { startLocalnet } from '@connito/localnet';
  const net = await startLocalnet({ seed: 'test', stateDirectory: process.argv[1], beaconPeriodMs: 86400000, finalityLagBlocks: ${LAG} });
  const ask = async (method, ...params) => (await (await fetch(net.endpoint.replace('ws', 'http'), { method: 'POST', body: JSON.stringify({ id: 1, method, params }) })).json()).result;
  for (let step = 0; ; step++) {
    if (step % 5 === 4) await net.jump(40);
    else if (step % 5 === 3 && net.blockNumber() > net.finalizedNumber()) net.reorganize(1);
    else if (step % 5 === 2) net.fund(net.accounts[1].address, 1n);
    else net.sealBlocks(1);
    if (step % 7 === 6) net.saveSnapshot(process.argv[1] + '/kept.json');
    const final = net.finalizedNumber();
    console.log(JSON.stringify({ final, hash: await ask('chain_getBlockHash', final) }));
  }`;

interface Announced {
  readonly final: number;
  readonly hash: string;
}

/** Runs the program until it is killed a while after its first word. */
async function killAfter(directory: string, delayMs: number): Promise<Announced> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM, directory], { cwd: new URL('..', import.meta.url), stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  let last: Announced | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    if (last === undefined) setTimeout(() => child.kill('SIGKILL'), delayMs);
    // The last line may be torn by the kill, too.
    if (line.endsWith('}')) last = JSON.parse(line) as Announced;
  }
  await exit;
  if (last === undefined) throw new Error('the program said nothing');
  return last;
}

describe('a chain that is killed', () => {
  it(`${KILLS} times, at any moment, loses nothing that was final, and goes on`, async () => {
    const directory = join(root, 'chain');
    let seed = 20_261_129;
    let height = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      seed = (seed * 1_103_515_245 + 12_345) % 0x8000_0000;
      const { final, hash } = await killAfter(directory, seed % 400);
      // Not yet above it where the kill came before the first block that outlived the lag.
      expect(final).toBeGreaterThanOrEqual(height);
      const net = await startLocalnet({ seed: 'test', stateDirectory: directory, ...SLOW_BEACON, finalityLagBlocks: LAG });
      expect(net.finalizedNumber()).toBeGreaterThanOrEqual(final);
      expect(await ask(net.endpoint, 'chain_getBlockHash', final)).toBe(hash);
      height = net.finalizedNumber();
      // The first block compares the root of the whole state with the one in the header.
      net.sealBlocks(1);
      expect(net.blockNumber()).toBe(height + 1);
      await net.close();
    }
    expect(height).toBeGreaterThan(KILLS);
  }, 600_000);

  it('tells of state that does not fit its block', async () => {
    const directory = join(root, 'changed');
    const net = await startLocalnet({ seed: 'test', stateDirectory: directory, ...SLOW_BEACON });
    net.sealBlocks(3);
    await net.close();
    const store = openChainStore(directory);
    const head = store.blockByNumber(3) as Block;
    store.rewind(2);
    store.put(head, new Map([['abcd', new Uint8Array([1])]]));
    await store.close();
    const again = await startLocalnet({ seed: 'test', stateDirectory: directory, ...SLOW_BEACON });
    expect(() => again.sealBlocks(1)).toThrow(/state after block 3 .* is not the one/);
    await again.close();
  });

  it('leaves a database that can be copied while it is written, and forked', async () => {
    const directory = join(root, 'chain');
    const copy = join(root, 'copy');
    mkdirSync(copy);
    copyFileSync(join(directory, 'chain.lmdb'), join(copy, 'chain.lmdb'));
    const net = await startLocalnet({ seed: 'test', ...SLOW_BEACON, forkFrom: copy });
    expect(net.blockNumber()).toBeGreaterThan(1);
    await net.close();
  });
});
