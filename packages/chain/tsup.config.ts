import { defineConfig } from 'tsup';
import base from '../../tsup.base.js';

export default defineConfig({ ...base, entry: ['src/index.ts', 'src/node/index.ts', 'src/node/argon2-worker.ts', 'src/trie/index.ts', 'src/yuma/index.ts'] });
