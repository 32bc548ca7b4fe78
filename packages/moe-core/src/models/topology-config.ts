/**
 * From `config.json` to a topology. What this package does not implement is refused by the name of its field, never guessed.
 * @module
 */
import { MoeError } from '../errors.ts';
import { FAMILY_DEFINITIONS } from './families/registry.ts';
import { ConfigFields } from '../internal/config-fields.ts';
import { quote } from '../internal/quote.ts';
import { FAMILIES, type Family, type Topology } from './topology.ts';

/** Three tensors each make six times as many tensors as the largest index on the Hub has; counting them takes a third of a second. */
const MAX_EXPERTS_IN_ALL = 2 ** 20;

/**
 * Reads a topology from a parsed `config.json` of any of {@link FAMILIES}; `families/` here has a file for each.
 *
 * Sizes that fix the shape of everything (vocabulary, hidden size, layers, heads, experts and their width, K) must be there; other fields default as in the
 * reference's config classes. E stands under `num_experts`, `num_local_experts` or `n_routed_experts`; rope's theta under `rope_theta` or in `rope_parameters` /
 * `rope_scaling`. Where several stand they must agree.
 * @throws config-invalid a field is missing or of the wrong type or range
 * @throws config-contradiction two fields say different things
 * @throws config-unsupported unknown family, activation, rope type, scoring, quantisation
 * @example
 * const topology = parseTopology(JSON.parse(configText));
 */
export function parseTopology(config: unknown): Topology {
  const fields = new ConfigFields(config);
  const family = parseFamily(fields);
  assertArchitectures(fields, family);
  const topology = FAMILY_DEFINITIONS[family].parse(fields);
  const experts = topology.moeLayers.length * topology.expertsPerLayer;
  if (experts > MAX_EXPERTS_IN_ALL) {
    throw (fields.nested('text_config') ?? fields).invalid('num_hidden_layers', `at most ${MAX_EXPERTS_IN_ALL} experts in all layers together`, experts);
  }
  return Object.freeze(topology);
}

function parseFamily(fields: ConfigFields): Family {
  const type = fields.text('model_type');
  if (type === undefined) throw fields.invalid('model_type', `one of ${FAMILIES.join(', ')}`, undefined);
  const family = FAMILIES.find((name) => name === (type === 'llama4_text' ? 'llama4' : type));
  if (family !== undefined) return family;
  throw new MoeError('config-unsupported', {
    message: `config field model_type: the family ${quote(type)} is not supported; supported: ${FAMILIES.join(', ')}`,
    context: { field: 'model_type' },
  });
}

/** Classes of other families contradict the `model_type`; names that no family here has may be anyone's own classes. */
function assertArchitectures(fields: ConfigFields, family: Family): void {
  const names = fields.value('architectures') ?? [];
  if (!Array.isArray(names) || names.some((name) => typeof name !== 'string')) throw fields.invalid('architectures', 'an array of class names', names);
  const known = new Map(FAMILIES.map((each) => [FAMILY_DEFINITIONS[each].architecture, each]));
  for (const name of names as string[]) {
    const named = known.get(name.replace(/(?:For[A-Z]\w*|(?:Text|Vision)?Model)$/, ''));
    if (named !== undefined && named !== family) throw fields.contradiction('architectures', 'model_type');
  }
}
