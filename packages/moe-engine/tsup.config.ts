import { defineConfig } from 'tsup';
import base from '../../tsup.base.js';

// An optional dependency must be found where it is installed, not bundled.
export default defineConfig({ ...base, entry: { index: 'src/index.ts', worker: 'src/runtime/worker.ts' }, external: ['onnxruntime-node'] });
