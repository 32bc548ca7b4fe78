import { defineConfig } from 'tsup';
import base from '../../tsup.base.js';

export default defineConfig({ ...base, entry: ['src/index.ts', 'src/node.ts', 'src/node/hash-worker.ts'] });
