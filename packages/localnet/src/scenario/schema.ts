/**
 * What a scenario file may say.
 * @module
 */
import { z } from 'zod';
import type { StorageEntry } from '../controls.ts';
import type { GivenPulse } from '../drand-beacon.ts';
import { LocalnetError } from '../errors.ts';

/** A scenario, parsed. Amounts are rao; accounts are names of `accounts`, secret URIs or ss58 addresses. */
export interface Scenario {
  readonly accounts: Readonly<Record<string, { readonly uri: string; readonly balanceTao: bigint }>>;
  readonly subnets: readonly SubnetScenario[];
  readonly storage: readonly StorageEntry[];
  readonly calls: readonly { readonly as: string; readonly pallet: string; readonly call: string; readonly args: Readonly<Record<string, unknown>> }[];
  /** Pulses of quicknet, as drand answers them. */
  readonly pulses: readonly GivenPulse[];
  /** Blocks that are made in the end. */
  readonly blocks: number;
}

/** A subnet of a scenario. */
export interface SubnetScenario {
  readonly owner: string;
  readonly ownerHotkey: string;
  /** Whether the owner calls `start_call`, so that emission begins. */
  readonly start: boolean;
  /** By the name of the call of AdminUtils, without `sudo_set_`. */
  readonly hyperparameters: Readonly<Record<string, unknown>>;
  readonly neurons: readonly NeuronScenario[];
}

/** A neuron of a scenario. */
export interface NeuronScenario {
  readonly hotkey: string;
  readonly coldkey: string;
  readonly stakeTao?: bigint | undefined;
  readonly axon?: { readonly ip: string; readonly port: number; readonly protocol: number; readonly version: number } | undefined;
  /** By hotkey or uid; only their proportions count. */
  readonly weights?: Readonly<Record<string, number>> | undefined;
}

/** Whole and parts of a TAO, as a number or as decimal text: nine decimals. */
const tao = z
  .union([z.number().nonnegative(), z.string()])
  .transform(String)
  .pipe(z.string().regex(/^\d{1,10}(\.\d{1,9})?$/, 'expected TAO such as 100 or "0.5", with nine decimals at most'))
  .transform((text) => {
    const [whole = '0', parts = ''] = text.split('.');
    return BigInt(whole) * 1_000_000_000n + BigInt(parts.padEnd(9, '0'));
  });

const account = z.string().min(1);
const port = z.number().int().min(1).max(65_535);
const blocks = z.number().int().min(0).max(1_000_000);

const axon = z.strictObject({ ip: z.union([z.ipv4(), z.ipv6()]), port, protocol: z.number().int().min(0).max(255).default(4), version: z.number().int().min(0).max(0xffff_ffff).default(0) });

const neuron = z.strictObject({
  hotkey: account,
  coldkey: account,
  stakeTao: tao.optional(),
  axon: axon.optional(),
  weights: z.record(z.string(), z.number().nonnegative()).optional(),
});

const subnet = z.strictObject({
  owner: account,
  ownerHotkey: account,
  start: z.boolean().default(true),
  hyperparameters: z.record(z.string(), z.unknown()).default({}),
  neurons: z.array(neuron).max(4096).default([]),
});

const storage = z.union([
  z.strictObject({ pallet: z.string(), item: z.string(), keys: z.array(z.unknown()).optional(), value: z.unknown() }),
  z.strictObject({ key: z.string(), value: z.union([z.string(), z.null()]) }),
]);

const call = z.strictObject({ as: account, pallet: z.string(), call: z.string(), args: z.record(z.string(), z.unknown()).default({}) });

const pulse = z.object({ round: z.number().int().min(1), signature: z.string(), randomness: z.string().optional() });

const scenario: z.ZodType<Scenario> = z.strictObject({
  $schema: z.string().optional(),
  accounts: z.record(z.string().regex(/^[\w-]{1,40}$/, 'a name has letters, digits, dashes and underscores'), z.strictObject({ uri: account, balanceTao: tao.default(1000n * 1_000_000_000n) })).default({}),
  subnets: z.array(subnet).max(128).default([]),
  storage: z.array(storage).max(100_000).default([]),
  calls: z.array(call).max(100_000).default([]),
  pulses: z.array(pulse).max(1000).default([]),
  blocks: blocks.default(0),
});

/** Reads the text of a scenario file: JSON, in which comments and trailing commas may stand. @throws bad-scenario, naming each wrong place */
export function parseScenario(text: string): Scenario {
  let value: unknown;
  try {
    value = JSON.parse(withoutComments(text));
  } catch (cause) {
    throw new LocalnetError('bad-scenario', `The scenario is not JSON: ${(cause as Error).message}. Comments and trailing commas are allowed, nothing else besides JSON.`, { cause });
  }
  const parsed = scenario.safeParse(value);
  if (parsed.success) return parsed.data;
  const places = parsed.error.issues.slice(0, 10).map((issue) => `${issue.path.length === 0 ? 'the file' : issue.path.join('.')}: ${issue.code === 'invalid_key' ? issue.issues.map(({ message }) => message).join(', ') : issue.message}`);
  throw new LocalnetError('bad-scenario', `The scenario cannot be used. ${places.join('; ')}`, { context: { problems: parsed.error.issues.length } });
}

/** Comments become blanks, so that positions in error messages stay right; a comma before a closing bracket goes. */
function withoutComments(text: string): string {
  const tokens = /"(?:[^"\\]|\\.)*"|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
  const blank = text.replace(tokens, (token) => (token.startsWith('"') ? token : token.replace(/[^\n]/g, ' ')));
  return blank.replace(/"(?:[^"\\]|\\.)*"|,(?=\s*[\]}])/g, (token) => (token === ',' ? ' ' : token));
}
