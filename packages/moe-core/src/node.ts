/**
 * Files and threads: sources, atomic writing, checkpoint directories, logs, routing pools. The main entry knows nothing of Node.
 * @module
 */
export { writeFileAtomic, writeSafetensorsFile } from './node/atomic-write.ts';
export { openCheckpoint, readTopology, type OpenCheckpointOptions } from './node/checkpoint-directory.ts';
export { openFileSource, openSafetensorsFile, type FileSource, type OpenSafetensorsFile } from './node/file-source.ts';
export { findGateLogs, openRoutingLogFile, readGateLog, readGateLogs, type GateLogFile, type OpenRoutingLog } from './node/routing-logs.ts';
export { openRoutingPool, type RoutingPool, type RoutingPoolOptions } from './node/routing-pool.ts';
export { writeWeights, type WriteWeightsOptions } from './node/sharded-checkpoint.ts';
export { assertFree, writeModelDirectory, type ModelDirectory, type WrittenModel } from './node/model-directory.ts';
export { openExpertModuleFile, writeExpertModuleFile, type OpenExpertModule } from './node/module-file.ts';
