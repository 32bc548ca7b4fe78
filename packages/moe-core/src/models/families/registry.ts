/**
 * All families, by name.
 * @module
 */
import type { Family } from '../topology.ts';
import { DEEPSEEK_V2 } from './deepseek-v2.ts';
import { DEEPSEEK_V3 } from './deepseek-v3.ts';
import type { FamilyDefinition } from './family.ts';
import { GPT_OSS } from './gpt-oss.ts';
import { GRANITEMOE } from './granitemoe.ts';
import { LLAMA4 } from './llama4.ts';
import { MIXTRAL } from './mixtral.ts';
import { OLMOE } from './olmoe.ts';
import { QWEN2_MOE } from './qwen2-moe.ts';
import { QWEN3_MOE } from './qwen3-moe.ts';

export const FAMILY_DEFINITIONS: Readonly<Record<Family, FamilyDefinition>> = {
  deepseek_v2: DEEPSEEK_V2,
  deepseek_v3: DEEPSEEK_V3,
  qwen2_moe: QWEN2_MOE,
  qwen3_moe: QWEN3_MOE,
  olmoe: OLMOE,
  mixtral: MIXTRAL,
  granitemoe: GRANITEMOE,
  gpt_oss: GPT_OSS,
  llama4: LLAMA4,
};
