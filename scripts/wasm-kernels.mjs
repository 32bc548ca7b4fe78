/**
 * Builds AssemblyScript kernels into TypeScript modules that hold their bytes, so that packages are plain JavaScript wherever they run.
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Builds each kernel `<name>.ts` of a folder into `<into>/<name>-wasm-bytes.ts`; with `--check` on the command line only says whether these files are what the
 * sources give (tests run this).
 * @param main the compiler, `assemblyscript/asc` of the calling package
 * @param at.package path of the package, for messages
 */
export async function buildKernels(main, { kernels, directory, into, package: name }) {
  for (const kernel of kernels) {
    const target = join(directory, '..', into, `${kernel}-wasm-bytes.ts`);
    const wanted = render(kernel, await compile(main, { kernel, directory }));
    if (!process.argv.includes('--check')) writeFileSync(target, wanted);
    else if (readOptional(target) !== wanted) {
      console.error(`${into}/${kernel}-wasm-bytes.ts is not what wasm/${kernel}.ts compiles to: run npm run wasm in ${name}`);
      process.exitCode = 1;
    }
  }
}

/** Compiles with fixed options and a relative path, so that the bytes are the same on every machine. */
async function compile(main, { kernel, directory }) {
  let bytes;
  const options = ['--runtime', 'stub', '--enable', 'simd', '-O3', '--noAssert', '--use', 'abort=', '--outFile', `${kernel}.wasm`];
  const { error, stderr } = await main([`${kernel}.ts`, ...options], {
    readFile: (file, base) => readOptional(join(directory, base === '.' ? '' : base, file)),
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

function render(kernel, bytes) {
  const lines = Buffer.from(bytes).toString('base64').match(/.{1,150}/g);
  return `/**
 * \`wasm/${kernel}.ts\`, compiled: ${bytes.length} bytes of WebAssembly in base64. Made by \`npm run wasm\`; not for editing.
 * @module
 */
export const ${kernel.toUpperCase()}_WASM: string =
${lines.map((line) => `  '${line}'`).join(' +\n')};
`;
}
