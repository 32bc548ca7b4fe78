/**
 * Text to tokens to packed shards: training shards, single-use held-out shards, a general set and a test set, disjoint by construction.
 *
 * @module
 */
export { MAX_DOCUMENT_CHARACTERS, cleanText, findTextFiles, readTextFile, type Document, type TextFile, type TextSource } from './documents.ts';
export { drawTrainingShard, type TrainingShardDraw } from './draw.ts';
export { DatasetError, isDatasetError, type DatasetErrorCode, type DatasetErrorContext } from './error.ts';
export { encodeInstruction, readInstructions, type EncodedInstruction, type Instruction } from './instructions.ts';
export { MANIFEST_FILE, formatManifest, parseManifest, readManifest, type DatasetManifest, type ShardEntry, type SourceEntry } from './manifest.ts';
export { prepareDataset, type PrepareOptions, type PrepareProgress } from './prepare.ts';
export { MAX_SHARD_BYTES, encodeShard, openShard, takeRows, type EncodeShardOptions, type OpenShardOptions, type Shard } from './shard.ts';
export { orderDocuments, packRows, splitTarget, type EncodedDocument, type SplitPlan, type TargetSplits } from './split.ts';
export { openTokenizer, type Tokenizer, type TokenizerFiles } from './tokenizer.ts';
