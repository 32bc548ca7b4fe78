/**
 * Every command there is, in the order of the help.
 *
 * @module
 */
import type { Register } from '../program.ts';
import { registerData } from './data.ts';
import { registerExperts } from './experts.ts';
import { registerLocalnet } from './localnet.ts';
import { registerModel } from './model.ts';
import { registerPol } from './pol.ts';

/** A new command file is added here and nowhere else. */
export const commands: readonly Register[] = [registerLocalnet, registerData, registerModel, registerExperts, registerPol];
