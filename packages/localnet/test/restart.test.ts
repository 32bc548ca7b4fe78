import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { connect, openWorld, pairOf, read, send, SLOW_BEACON, TAO, tx } from './support.ts';
import { isLocalnetError, startLocalnet } from '../src/index.ts';

const root = mkdtempSync(join(tmpdir(), 'connito-localnet-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('a state directory', () => {
  it('lets the chain go on at the same head, with its history', async () => {
    const stateDirectory = join(root, 'goes-on');
    const first = await openWorld({ stateDirectory });
    const { blockHash } = await send(first.api, tx(first.api, 'balances', 'transferKeepAlive', pairOf('//Heir').address, 3n * TAO), pairOf('//Alice'));
    first.net.sealBlocks(3);
    const head = (await first.api.rpc.chain.getHeader()).hash.toHex();
    await first.close();

    const second = await openWorld({ stateDirectory });
    expect((await second.api.rpc.chain.getHeader()).hash.toHex()).toBe(head);
    const free = async (at?: string): Promise<unknown> => ((await read(second.api, 'system', 'account', [pairOf('//Heir').address], at)) as { data: { free: number } }).data.free;
    expect(await free()).toBe(3_000_000_000);
    expect(await free(blockHash)).toBe(3_000_000_000);
    expect(await free(second.net.genesisHash)).toBe(0);
    await send(second.api, tx(second.api, 'balances', 'transferKeepAlive', pairOf('//Heir').address, TAO), pairOf('//Alice'));
    expect(await free()).toBe(4_000_000_000);
    expect(second.net.blockNumber()).toBe(5);
    await second.close();
  });

  it('makes the same blocks as a chain that was never stopped', async () => {
    const stopped = join(root, 'stopped');
    for (const blocks of [4, 3]) {
      const net = await startLocalnet({ seed: 'test', stateDirectory: stopped });
      net.sealBlocks(blocks);
      await net.close();
    }
    const [a, b] = [await startLocalnet({ seed: 'test', stateDirectory: stopped }), await startLocalnet({ seed: 'test' })];
    b.sealBlocks(7);
    const heads = await Promise.all([a, b].map(async ({ endpoint }) => {
      const api = await connect(endpoint);
      const hash = (await api.rpc.chain.getHeader()).hash.toHex();
      await api.disconnect();
      return hash;
    }));
    expect(heads[0]).toBe(heads[1]);
    await Promise.all([a.close(), b.close()]);
  });

  it('is refused to another chain, and to a second localnet', async () => {
    const stateDirectory = join(root, 'owned');
    const net = await startLocalnet({ seed: 'test', stateDirectory, ...SLOW_BEACON });
    const codeOf = (options: object): Promise<unknown> => startLocalnet({ seed: 'test', stateDirectory, ...SLOW_BEACON, ...options }).catch((error: unknown) => isLocalnetError(error) && error.code);
    expect(await codeOf({})).toBe('state-locked');
    await net.close();
    expect(await codeOf({ seed: 'other' })).toBe('bad-state');
    expect(await codeOf({ blockTimeMs: 6000 })).toBe('bad-state');
    expect(existsSync(join(stateDirectory, 'lock'))).toBe(false);
  });

  it('survives kill -9: every block that was announced is there', async () => {
    const stateDirectory = join(root, 'killed');
    const script = `import { startLocalnet } from '@connito/localnet';
      const net = await startLocalnet({ seed: 'test', stateDirectory: process.argv[1], beaconPeriodMs: 86400000 });
      for (;;) { net.sealBlocks(1); console.log(net.blockNumber()); await new Promise((go) => setImmediate(go)); }`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, stateDirectory], { cwd: new URL('..', import.meta.url), stdio: ['ignore', 'pipe', 'inherit'] });
    let announced = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      announced = Number(line);
      if (announced === 50) child.kill('SIGKILL');
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    const net = await startLocalnet({ seed: 'test', stateDirectory, ...SLOW_BEACON });
    expect(announced).toBeGreaterThanOrEqual(50);
    expect(net.blockNumber()).toBeGreaterThanOrEqual(announced);
    net.sealBlocks(1);
    await net.close();
  });
});
