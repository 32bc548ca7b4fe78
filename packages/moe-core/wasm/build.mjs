/**
 * Builds `routing.ts` into `src/internal/routing-wasm-bytes.ts`; with `--check` only says whether that file is what the source gives (a test runs this).
 *
 *   npm run wasm
 *
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { main } from 'assemblyscript/asc';

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, '..', 'src', 'internal', 'routing-wasm-bytes.ts');

/** Compiles with fixed options and a relative path, so that the bytes are the same on every machine. */
async function compile() {
  let bytes;
  const options = ['--runtime', 'stub', '--enable', 'simd', '-O3', '--noAssert', '--use', 'abort=', '--outFile', 'routing.wasm'];
  const { error, stderr } = await main(['routing.ts', ...options], {
    readFile: (name, base) => readOptional(join(here, base === '.' ? '' : base, name)),
    writeFile: (_name, content) => (bytes = content),
    listFiles: () => [],
  });
  if (error) throw new Error(`${error.message}\n${stderr}`);
  return bytes;
}

/** The compiler asks for files that may not be there. */
function readOptional(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function render(bytes) {
  const lines = Buffer.from(bytes).toString('base64').match(/.{1,150}/g);
  return `/**
 * \`wasm/routing.ts\`, compiled: ${bytes.length} bytes of WebAssembly in base64. Made by \`npm run wasm\`; not for editing.
 * @module
 */
export const ROUTING_WASM: string =
${lines.map((line) => `  '${line}'`).join(' +\n')};
`;
}

const wanted = render(await compile());
if (process.argv.includes('--check')) {
  const stale = readOptional(target) !== wanted;
  if (stale) console.error('src/internal/routing-wasm-bytes.ts is not what wasm/routing.ts compiles to: run npm run wasm in packages/moe-core');
  process.exitCode = stale ? 1 : 0;
} else writeFileSync(target, wanted);
