/**
 * What an expert module says about itself: the `__metadata__` of its file. MODULE-FORMAT.md holds the table; strings only, as safetensors allows, so that
 * any reader of the format can show it.
 * @module
 */
import { MoeError } from '../errors.ts';
import { formatExpertConfig, parseExpertConfig } from '../experts/expert-config.ts';
import type { ExpertSelection } from '../experts/expert-selection.ts';
import type { FloatDtype } from '../safetensors/float-conversion.ts';
import { cut, fieldName, quote } from '../internal/quote.ts';
import { FAMILIES, type Family } from '../models/topology.ts';

/** The value of `format`: tag and version. */
export const MODULE_FORMAT = 'connito/expert-module/1';

/** The model that a module's experts were taken from. */
export interface ModuleBase {
  /** `fingerprintCheckpoint` of it: 64 hex digits. */
  readonly fingerprint: string;
  /** A root over all its bytes, from whoever keeps such roots: 64 hex digits. */
  readonly root?: string | undefined;
  /** For people. */
  readonly name?: string | undefined;
}

/** Where a module comes from. Everything but family and base is what its author says, and unproven. */
export interface ModuleProvenance {
  readonly family: Family;
  readonly base: ModuleBase;
  readonly author?: string | undefined;
  readonly description?: string | undefined;
  /** SPDX expression, such as `MIT`. */
  readonly license?: string | undefined;
  /** When the experts were made, UTC: `2026-11-24T12:00:00Z`, with milliseconds where needed. What the policy `newest` compares first. */
  readonly createdAt?: string | undefined;
  /** A whole number that grows from one module of an author to the next; what `newest` compares second. */
  readonly version?: number | undefined;
  /** Above 0; only the ratio to other modules' counts. What the policy `weighted` needs. */
  readonly weight?: number | undefined;
  /** Further fields: keys of lower-case letters, digits and `_ . -`. */
  readonly extra?: ReadonlyMap<string, string> | undefined;
}

/** All that the metadata of a module file holds. */
export interface ModuleMetadata {
  readonly provenance: ModuleProvenance;
  /** Layers and experts ascending. */
  readonly selection: ExpertSelection;
  /** Of every tensor. */
  readonly dtype: FloatDtype;
}

/** Texts are names and sentences, not documents. */
const MAX_TEXT_LENGTH = 1024;
const MAX_EXTRA_FIELDS = 64;
/** 128 layers with 4,096 experts each take about 3 MB. */
const MAX_SELECTION_LENGTH = 4_000_000;

const HEX_64 = /^[0-9a-f]{64}$/;
const KEY = /^[a-z][a-z0-9_.-]{0,63}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z$/;
const WHOLE = /^(?:0|[1-9]\d{0,15})$/;
const DECIMAL = /^\d{1,32}(?:\.\d{1,32})?(?:e[+-]?\d{1,3})?$/;

/** Narrower floats of published models go with scales of their own, and what a number means then is not in the number. */
const FLOATS: readonly FloatDtype[] = ['F64', 'F32', 'F16', 'BF16'];

/** Keys of the format; everything else is `extra`. */
const RESERVED: ReadonlySet<string> = new Set([
  'format', 'family', 'base_fingerprint', 'base_root', 'base_name', 'expert_cfg', 'dtype',
  'author', 'description', 'license', 'created_at', 'version', 'weight',
]);

/**
 * Writes a module's metadata; what it writes, {@link parseModuleMetadata} reads.
 * @throws module-invalid naming the field
 */
export function formatModuleMetadata(metadata: ModuleMetadata): ReadonlyMap<string, string> {
  const { provenance, selection, dtype } = metadata;
  const { base } = provenance;
  const pairs: (readonly [string, string | undefined])[] = [
    ['format', MODULE_FORMAT],
    ['family', provenance.family],
    ['base_fingerprint', base.fingerprint],
    ['base_root', base.root],
    ['base_name', base.name],
    ['expert_cfg', formatExpertConfig({ experts: selection, sharedExperts: false, nonExpertModules: false })],
    ['dtype', dtype],
    ['author', provenance.author],
    ['description', provenance.description],
    ['license', provenance.license],
    ['created_at', provenance.createdAt],
    ['version', provenance.version === undefined ? undefined : String(provenance.version)],
    ['weight', provenance.weight === undefined ? undefined : String(provenance.weight)],
  ];
  for (const [key, value] of provenance.extra ?? []) {
    if (RESERVED.has(key)) throw invalid(key, 'a key that the format does not use itself');
    pairs.push([key, value]);
  }
  const written = new Map(pairs.filter((pair): pair is readonly [string, string] => pair[1] !== undefined));
  parseModuleMetadata(written);
  return written;
}

/**
 * Reads and checks the metadata of a stranger's module. Whether selection and tensors agree with each other and with a model, `openExpertModule` checks.
 * @throws module-invalid naming the field; expert-config-invalid, json-invalid, json-duplicate-key, json-forbidden-key for the selection
 */
export function parseModuleMetadata(metadata: ReadonlyMap<string, string>): ModuleMetadata {
  if (metadata.get('format') !== MODULE_FORMAT) throw notAModule(metadata.get('format'));
  const provenance: ModuleProvenance = {
    family: parseFamily(metadata),
    base: { fingerprint: required(metadata, 'base_fingerprint', HEX_64, '64 hex digits'), root: optional(metadata, 'base_root', HEX_64, '64 hex digits'), name: text(metadata, 'base_name') },
    author: text(metadata, 'author'),
    description: text(metadata, 'description'),
    license: text(metadata, 'license'),
    createdAt: parseTime(metadata),
    version: parseVersion(metadata),
    weight: parseWeight(metadata),
    extra: parseExtra(metadata),
  };
  return { provenance, selection: parseSelection(metadata), dtype: parseDtype(metadata) };
}

/** Whether a file's metadata claims to be that of a module. */
export function isModuleMetadata(metadata: ReadonlyMap<string, string>): boolean {
  return metadata.get('format')?.startsWith('connito/expert-module/') === true;
}

function parseFamily(metadata: ReadonlyMap<string, string>): Family {
  const family = metadata.get('family') ?? '';
  if ((FAMILIES as readonly string[]).includes(family)) return family as Family;
  throw invalid('family', `one of ${FAMILIES.join(', ')}`, family);
}

function parseTime(metadata: ReadonlyMap<string, string>): string | undefined {
  const time = optional(metadata, 'created_at', TIME, 'a time like 2026-11-24T12:00:00Z');
  // Date.parse takes 31 February for 3 March.
  if (time === undefined || isoOf(Date.parse(time)) === (time.includes('.') ? time : time.replace('Z', '.000Z'))) return time;
  throw invalid('created_at', 'a time that exists', time);
}

function isoOf(milliseconds: number): string | undefined {
  return Number.isNaN(milliseconds) ? undefined : new Date(milliseconds).toISOString();
}

function parseVersion(metadata: ReadonlyMap<string, string>): number | undefined {
  const version = optional(metadata, 'version', WHOLE, 'a whole number');
  if (version === undefined || Number.isSafeInteger(Number(version))) return version === undefined ? undefined : Number(version);
  throw invalid('version', 'a whole number up to 2^53 - 1', version);
}

function parseWeight(metadata: ReadonlyMap<string, string>): number | undefined {
  const weight = optional(metadata, 'weight', DECIMAL, 'a positive number');
  if (weight === undefined) return undefined;
  const value = Number(weight);
  if (value > 0 && Number.isFinite(value)) return value;
  throw invalid('weight', 'a positive number', weight);
}

function parseExtra(metadata: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const extra = new Map([...metadata].filter(([key]) => !RESERVED.has(key)));
  if (extra.size > MAX_EXTRA_FIELDS) throw invalid('__metadata__', `at most ${MAX_EXTRA_FIELDS} further fields`, `${extra.size}`);
  for (const key of extra.keys()) {
    if (!KEY.test(key)) throw invalid(key, 'a key of up to 64 lower-case letters, digits, "_", "." and "-"', key);
    text(extra, key);
  }
  return extra;
}

function parseSelection(metadata: ReadonlyMap<string, string>): ExpertSelection {
  const written = metadata.get('expert_cfg');
  if (written === undefined) throw invalid('expert_cfg', 'the selection of experts');
  if (written.length > MAX_SELECTION_LENGTH) throw invalid('expert_cfg', `at most ${MAX_SELECTION_LENGTH} characters`, `${written.length}`);
  const { experts, sharedExperts, nonExpertModules } = parseExpertConfig(written);
  if (sharedExperts || nonExpertModules) throw invalid('expert_cfg', 'routed experts only');
  if (experts.size === 0) throw invalid('expert_cfg', 'at least one expert');
  for (const [layer, ids] of experts) {
    if (ids.length === 0 || ids.some((id, i) => i > 0 && id <= ids[i - 1]!)) throw invalid('expert_cfg', `ascending experts, at least one, in layer ${layer}`);
  }
  return experts;
}

function parseDtype(metadata: ReadonlyMap<string, string>): FloatDtype {
  const dtype = metadata.get('dtype') ?? '';
  if ((FLOATS as readonly string[]).includes(dtype)) return dtype as FloatDtype;
  throw invalid('dtype', `one of ${FLOATS.join(', ')}`, dtype);
}

function text(metadata: ReadonlyMap<string, string>, field: string): string | undefined {
  const value = metadata.get(field);
  if (value === undefined || value.length <= MAX_TEXT_LENGTH) return value;
  throw invalid(field, `at most ${MAX_TEXT_LENGTH} characters`, `${value.length}`);
}

function required(metadata: ReadonlyMap<string, string>, field: string, pattern: RegExp, expected: string): string {
  const value = optional(metadata, field, pattern, expected);
  if (value === undefined) throw invalid(field, expected);
  return value;
}

function optional(metadata: ReadonlyMap<string, string>, field: string, pattern: RegExp, expected: string): string | undefined {
  const value = metadata.get(field);
  if (value === undefined || pattern.test(value)) return value;
  throw invalid(field, expected, value);
}

function notAModule(format: string | undefined): MoeError<'module-invalid'> {
  const found = format === undefined ? 'the file does not say its format' : `its format is ${quote(format)}`;
  return new MoeError('module-invalid', { message: `this is not an expert module: expected the format ${MODULE_FORMAT}, ${found}`, context: { field: 'format' } });
}

function invalid(field: string, expected: string, found?: string): MoeError<'module-invalid'> {
  const tail = found === undefined ? '' : `, got ${quote(found)}`;
  return new MoeError('module-invalid', { message: `module metadata, field ${fieldName(field)}: expected ${expected}${tail}`, context: { field: cut(field) } });
}
