/**
 * The examples in the README of `@connito/chain`, as they stand there, one after another against one localnet. Here, because chain may not depend on localnet.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startLocalnet } from '@connito/localnet';
import { expect, it, vi } from 'vitest';

// Machines that build and test at once are slow.
vi.setConfig({ testTimeout: 120_000 });

const ENDPOINT = 'ws://127.0.0.1:9944';
const readme = new URL('../../../chain/README.md', import.meta.url);

/** What the few lines under *Sending* take for granted. */
const AROUND_LINES = `import { connectChain, createCall, openKeypair, prepareCall, resumeCall } from '@connito/chain';
const chain = await connectChain({ endpoint: '${ENDPOINT}' });
const signer = openKeypair('//Alice');
const journal = { append: async (bytes) => console.log('kept', bytes.length > 100) };
`;

/** All examples but those that need no chain, which run in `packages/chain`. */
async function examplesOfChain(): Promise<string[]> {
  const blocks = [...(await readFile(readme, 'utf8')).matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code as string);
  const some = blocks.filter((code) => !code.includes("from '@connito/chain/node'"));
  return some.map((code) => (code.includes(ENDPOINT) ? code : `${AROUND_LINES}${code}console.log('included', blockNumber > 0);\nawait chain.close();\n`));
}

it('the examples of the README run one after another', async () => {
  const examples = await examplesOfChain();
  expect(examples.length).toBeGreaterThanOrEqual(12);
  const parent = fileURLToPath(new URL('../../.connito/', import.meta.url));
  await mkdir(parent, { recursive: true });
  const folder = await mkdtemp(`${parent}readme-`);
  // Fast enough for epochs to come soon, slow enough for a busy machine.
  const localnet = await startLocalnet({ seed: 'readme', intervalMs: 250, instantSeal: true });
  try {
    await Promise.all(examples.map((code, index) => writeFile(`${folder}/${index}.mjs`, code.replaceAll(ENDPOINT, localnet.endpoint))));
    await writeFile(`${folder}/all.mjs`, examples.map((_, index) => `console.log('example', ${index}); await import('./${index}.mjs');`).join('\n'));
    const { stdout } = await promisify(execFile)(process.execPath, ['all.mjs'], { cwd: folder });
    expect(stdout).toContain(`example ${examples.length - 1}`);
    expect(stdout).toContain("[ 'raw', 'timelocked' ]\nnot before the round\n");
    expect(stdout).toContain('kept true\nincluded true\n');
    expect(stdout).toContain('{ uids: [ 0, 2 ], values: [ 21845, 65535 ] }');
  } finally {
    await localnet.close();
    await rm(folder, { recursive: true });
  }
});
