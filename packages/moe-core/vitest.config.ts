import { defineProject } from 'vitest/config';

// Projects do not inherit the root's timeouts; the fuzz properties need more than 5 s on a busy machine.
export default defineProject({ test: { testTimeout: 60_000, hookTimeout: 60_000 } });
