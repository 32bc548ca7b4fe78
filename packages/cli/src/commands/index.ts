/**
 * Every command there is, in the order of the help.
 *
 * @module
 */
import type { Register } from '../program.ts';
import { registerAxon } from './axon.ts';
import { registerChildren } from './children.ts';
import { registerCommitment } from './commitment.ts';
import { registerData } from './data.ts';
import { registerDemo } from './demo.ts';
import { registerEngine } from './engine.ts';
import { registerEval } from './eval.ts';
import { registerExperts } from './experts.ts';
import { registerGenerate } from './generate.ts';
import { registerLocalnet } from './localnet.ts';
import { registerMiner } from './miner.ts';
import { registerModel } from './model.ts';
import { registerOwner } from './owner.ts';
import { registerPol } from './pol.ts';
import { registerPretrain } from './pretrain.ts';
import { registerPrometheus } from './prometheus.ts';
import { registerStake } from './stake.ts';
import { registerSubnet } from './subnet.ts';
import { registerTake } from './take.ts';
import { registerTimelock } from './timelock.ts';
import { registerTrain } from './train.ts';
import { registerValidator } from './validator.ts';
import { registerVerify } from './verify.ts';
import { registerWallet } from './wallet.ts';
import { registerWeights } from './weights.ts';

/** A new command file is added here and nowhere else. */
export const commands: readonly Register[] = [registerDemo, registerLocalnet, registerMiner, registerValidator, registerOwner, registerWallet, registerSubnet, registerStake, registerChildren, registerTake, registerAxon, registerPrometheus, registerWeights, registerCommitment, registerTimelock, registerData, registerModel, registerExperts, registerTrain, registerPretrain, registerEval, registerGenerate, registerEngine, registerPol, registerVerify];
