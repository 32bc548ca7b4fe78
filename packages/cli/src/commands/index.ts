/**
 * Every command there is, in the order of the help.
 *
 * @module
 */
import type { Register } from '../program.ts';
import { registerLocalnet } from './localnet.ts';

/** A new command file is added here and nowhere else. */
export const commands: readonly Register[] = [registerLocalnet];
