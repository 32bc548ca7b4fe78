import { defineConfig } from 'vitest/config';

// Native sessions and worker threads start slowly on a busy machine.
export default defineConfig({ test: { testTimeout: 60_000, hookTimeout: 60_000 } });
