import { defineConfig } from 'tsup';
import base from '../../tsup.base.js';

// An optional dependency must be found where it is installed, not bundled.
export default defineConfig({ ...base, entry: ['src/index.ts', 'src/worker.ts'], external: ['onnxruntime-node'] });
