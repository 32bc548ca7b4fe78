/** `npm run connito -- <args>` and `npm run demo`: sets the clone up where needed, then hands over to the CLI in this process. @module */
import { setUp } from './setup.mjs';

try {
  setUp();
  await import('../packages/cli/dist/main.js');
} catch (error) {
  console.error(`connito: ${error.message}`);
  process.exitCode = 1;
}
