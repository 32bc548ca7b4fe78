/**
 * Unmodified JavaScript clients of the newer JSON-RPC interface. They run where `LOCALNET_CLIENTS` names a directory in which the packages of `test/clients/package.json`
 * are installed, in `npm run test:slow`: together they are 300 MB, too much for everybody who installs this repository.
 */
import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { makeSubnet, openWorld, pairOf, type World } from './support.ts';

type Steps = Readonly<Record<string, { readonly value?: unknown; readonly error?: string }>>;

const slow = process.env['CONNITO_SLOW'] !== undefined;
const directory = process.env['LOCALNET_CLIENTS'];
if (slow && directory === undefined) console.warn('SKIPPED: polkadot-api and dedot; set LOCALNET_CLIENTS to a directory with the packages of test/clients/package.json.');

let world: World | undefined;
afterEach(async () => {
  await world?.close();
  world = undefined;
});

/** The steps of a script, on a chain with a subnet whose blocks come by themselves and are final three later. */
async function runClient(script: string, kind: string): Promise<{ steps: Steps; genesisHash: string }> {
  world = await openWorld({ finalityLagBlocks: 3, intervalMs: 250 });
  await makeSubnet(world.api);
  // Beside the packages, where imports find them.
  const copy = mkdtempSync(join(directory as string, 'clients-'));
  try {
    for (const name of [script, 'steps.mjs']) copyFileSync(new URL(`clients/${name}`, import.meta.url), join(copy, name));
    const { stdout } = await promisify(execFile)(process.execPath, [join(copy, script), world.net.endpoint, kind], { maxBuffer: 2 ** 24, timeout: 300_000 });
    return { steps: JSON.parse(stdout.trim().split('\n').at(-1) as string) as Steps, genesisHash: world.net.genesisHash };
  } finally {
    rmSync(copy, { recursive: true });
  }
}

const BOB_RAO = 10n ** 15n;
const hotkeys = (): string[] => [pairOf('//Alice//hotkey').address];

/** What each step gave; a step that failed gives its error. */
function valuesOf(steps: Steps): Record<string, unknown> {
  return Object.fromEntries(Object.entries(steps).map(([name, { value, error }]) => [name, error === undefined ? value : `failed: ${error}`]));
}

describe.runIf(slow && directory !== undefined)('polkadot-api', () => {
  it.each(['raw', 'with its middleware'])('reads, follows, submits and survives reorganisations (%s)', async (kind) => {
    const { steps, genesisHash } = await runClient('papi.mjs', kind);
    expect(valuesOf(steps)).toEqual({
      chain: genesisHash,
      constant: 360,
      balance: String(BOB_RAO),
      entries: [[1, 0, ...hotkeys()]],
      values: [true, true, false],
      'at a block': true,
      metagraph: { netuid: 1, num_uids: 1, hotkeys: hotkeys() },
      'final blocks': [0, 1, 2, 3],
      'best blocks': true,
      'watched value': true,
      'body and header': [true, true],
      transfer: { ok: true, transferred: true, succeeded: 'System.ExtrinsicSuccess', after: String(BOB_RAO + 1_500_000_000n) },
      fee: true,
      remark: ['signed', 'broadcasted', 'txBestBlocksState', 'finalized'],
      'dispatch error': { ok: false, error: 'Proxy.NotFound' },
      'invalid transaction': 'Payment',
      reorganisation: { moved: true, onChain: true },
      'restored snapshot': true,
    });
  });
});

describe.runIf(slow && directory !== undefined)('dedot', () => {
  it.each(['v2', 'legacy'])('reads, follows, submits and survives reorganisations (%s)', async (kind) => {
    const { steps } = await runClient('dedot.mjs', kind);
    expect(valuesOf(steps)).toEqual({
      client: kind,
      constant: 360,
      balance: String(BOB_RAO),
      entries: [[1, 0, ...hotkeys()]],
      metagraph: { netuid: 1, num_uids: 1, hotkeys: hotkeys() },
      'at a block': true,
      'best blocks': true,
      'watched value': true,
      transfer: { failed: false, transferred: true, last: 'System.ExtrinsicSuccess', after: String(BOB_RAO + 1_500_000_000n), statuses: expect.arrayContaining(['Finalized']) },
      remark: true,
      'dispatch error': 'Proxy.NotFound',
      'invalid transaction': expect.stringMatching(/Payment|^1010/),
      reorganisation: { moved: true, onChain: true },
      ...(kind === 'legacy' ? {} : { archive: [true, true, ['0x01000000'], true] }),
    });
  });
});
