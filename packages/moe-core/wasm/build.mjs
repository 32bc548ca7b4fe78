/**
 * Builds each kernel here into `src/internal/<name>-wasm-bytes.ts`; with `--check` only says whether these files are what the sources give (tests run this).
 *
 *   npm run wasm
 *
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { main } from 'assemblyscript/asc';

const KERNELS = ['routing', 'compression', 'floats'];

const here = dirname(fileURLToPath(import.meta.url));

/** Compiles with fixed options and a relative path, so that the bytes are the same on every machine. */
async function compile(name) {
  let bytes;
  const options = ['--runtime', 'stub', '--enable', 'simd', '-O3', '--noAssert', '--use', 'abort=', '--outFile', `${name}.wasm`];
  const { error, stderr } = await main([`${name}.ts`, ...options], {
    readFile: (file, base) => readOptional(join(here, base === '.' ? '' : base, file)),
    writeFile: (_file, content) => (bytes = content),
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

function render(name, bytes) {
  const lines = Buffer.from(bytes).toString('base64').match(/.{1,150}/g);
  return `/**
 * \`wasm/${name}.ts\`, compiled: ${bytes.length} bytes of WebAssembly in base64. Made by \`npm run wasm\`; not for editing.
 * @module
 */
export const ${name.toUpperCase()}_WASM: string =
${lines.map((line) => `  '${line}'`).join(' +\n')};
`;
}

for (const name of KERNELS) {
  const target = join(here, '..', 'src', 'internal', `${name}-wasm-bytes.ts`);
  const wanted = render(name, await compile(name));
  if (!process.argv.includes('--check')) writeFileSync(target, wanted);
  else if (readOptional(target) !== wanted) {
    console.error(`src/internal/${name}-wasm-bytes.ts is not what wasm/${name}.ts compiles to: run npm run wasm in packages/moe-core`);
    process.exitCode = 1;
  }
}
