/**
 * Builds each kernel here into `src/training/<name>-wasm-bytes.ts`; with `--check` only says whether these files are what the sources give (tests run this).
 *
 *   npm run wasm
 *
 * @module
 */
import { fileURLToPath } from 'node:url';
import { main } from 'assemblyscript/asc';
import { buildKernels } from '../../../scripts/wasm-kernels.mjs';

await buildKernels(main, { kernels: ['adamw'], directory: fileURLToPath(new URL('.', import.meta.url)), into: 'src/training', package: 'packages/moe-engine' });
