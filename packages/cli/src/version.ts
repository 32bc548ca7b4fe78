/**
 * The version that this build is of, from the package's own manifest.
 *
 * @module
 */
import { readFileSync } from 'node:fs';

/** As in package.json, which lies one directory above both src/ and dist/. */
export const VERSION: string = (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }).version;
