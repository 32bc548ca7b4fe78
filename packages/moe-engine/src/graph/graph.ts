/**
 * The tensor language: values, the nodes that make them, and a tape of differentiation rules, ending in one ONNX model.
 *
 * A `Value` is a name with a type and a shape. Operations (`linear.ts`, `attention.ts`, …) append ONNX nodes and, where an
 * input depends on something that is trained, put a rule on the tape. `gradients.ts` walks the tape backwards and appends
 * the nodes of the gradients to the same graph. What does not depend on a trained value leaves no rule, so frozen parts
 * below the first trained expert cost no backward work.
 *
 * @module
 */
import { dependentOn, neededFor } from './dependencies.ts';
import { encodeOnnxModel, type ElementType, type OnnxAttribute, type OnnxConstant, type OnnxNode, type OnnxValue } from './onnx-encoder.ts';

/** A size, or `null` where it is known only when the graph runs (the rows of one expert). */
export type Dimension = number | null;

/** One tensor of the graph. */
export interface Value {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly Dimension[];
}

/** Gradients of a loss with respect to an operation's outputs, in; with respect to its inputs, out. `undefined` is zero. */
export type Pullback = (gradients: readonly (Value | undefined)[]) => readonly (Value | undefined)[];

/** One step of the tape. */
export interface Rule {
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly pullback: Pullback;
}

/** What a node makes. */
export type Spec = Pick<Value, 'type' | 'shape'>;

/** Attributes of a node, by ONNX name. */
export type Attributes = Readonly<Record<string, OnnxAttribute>>;

/**
 * Which kernels a graph is written for: `standard` for ONNX Runtime's processor, WebAssembly and CUDA kernels; `webgpu` avoids what has no kernel there,
 * and sizes that are known only when the graph runs.
 */
export type GraphProfile = 'standard' | 'webgpu';

/** A graph under construction. */
export interface Graph {
  readonly profile: GraphProfile;
  /** Declares an input; a `trained` one is what gradients are taken of. */
  input(options: { readonly name: string; readonly type?: ElementType; readonly shape: readonly Dimension[]; readonly trained?: boolean }): Value;
  /** Embeds a constant; equal small ones are embedded once. */
  constant(data: Float32Array | Int32Array | BigInt64Array, shape: readonly number[]): Value;
  /** Appends an operator with one output. Domain `''` unless the operator's name has a prefix, as in `com.microsoft:FusedMatMul`. */
  node(operator: string, inputs: readonly (Value | undefined)[], output: Spec, attributes?: Attributes): Value;
  /** Appends an operator with several outputs. */
  nodes(operator: string, inputs: readonly (Value | undefined)[], outputs: readonly Spec[], attributes?: Attributes): Value[];
  /** Whether a value depends on a trained input. */
  isTracked(value: Value): boolean;
  /** Puts a rule on the tape if one of `inputs` is tracked; its outputs then are, too. */
  differentiable(rule: Rule): void;
  /** The tape, oldest rule first. */
  readonly tape: readonly Rule[];
  /**
   * Where the graph can be cut for runs that differ only in some inputs; see {@link CutOptions}. What weights and constants alone determine is
   * no part of the cut: it would be copied for each batch, where both sides can have it for themselves.
   */
  frontier(options: CutOptions): readonly Value[];
  /** Encodes what these outputs depend on as an ONNX model; `inputs` are the graph inputs among it and the values `given`, which are not computed. */
  encode(outputs: readonly Value[], given?: readonly Value[]): { readonly model: Uint8Array; readonly inputs: readonly Value[] };
}

/** Options of {@link Graph.frontier}. */
export interface CutOptions {
  /** What is computed in the end. */
  readonly outputs: readonly Value[];
  /** Names of the inputs in which runs differ: what depends on none of them lies before the cut. */
  readonly changed: Iterable<string>;
  /** Names of the inputs that differ from batch to batch. */
  readonly varying: Iterable<string>;
}

/** Shapes, axes, counts: constants that recur. */
const MAX_SHARED_ELEMENTS = 16;

/** Starts an empty graph. */
export function createGraph({ profile = 'standard' }: { readonly profile?: GraphProfile | undefined } = {}): Graph {
  const inputs: OnnxValue[] = [];
  const constants: OnnxConstant[] = [];
  const nodes: OnnxNode[] = [];
  const tape: Rule[] = [];
  const tracked = new Set<string>();
  const madeByName = new Map<string, Value>();
  const shared = new Map<string, Value>();
  let counter = 0;
  const fresh = (stem: string): string => `${stem}_${counter++}`;

  const graph: Graph = {
    profile,
    tape,
    input({ name, type = 'float32', shape, trained = false }) {
      inputs.push({ name, type, shape });
      if (trained) tracked.add(name);
      return { name, type, shape };
    },
    constant(data, shape) {
      const key = data.length > MAX_SHARED_ELEMENTS ? undefined : `${elementType(data)} [${shape.join()}] ${data.join()}`;
      const known = key === undefined ? undefined : shared.get(key);
      if (known !== undefined) return known;
      const value = { name: fresh('constant'), type: elementType(data), shape };
      constants.push({ ...value, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) });
      if (key !== undefined) shared.set(key, value);
      return value;
    },
    node: (operator, given, output, attributes) => graph.nodes(operator, given, [output], attributes)[0]!,
    nodes(operator, given, outputs, attributes = {}) {
      const [domain, bare] = operator.includes(':') ? (operator.split(':') as [string, string]) : ['', operator];
      const made = outputs.map((spec) => ({ name: fresh(bare), ...spec }));
      for (const value of made) madeByName.set(value.name, value);
      nodes.push({ operator: bare, domain, inputs: given.map((value) => value?.name ?? ''), outputs: made.map((value) => value.name), attributes });
      return made;
    },
    isTracked: (value) => tracked.has(value.name),
    differentiable(rule) {
      if (!rule.inputs.some((value) => tracked.has(value.name))) return;
      for (const output of rule.outputs) tracked.add(output.name);
      tape.push(rule);
    },
    frontier({ outputs, changed, varying }) {
      const [needed, after, moving] = [neededFor(outputs, nodes), dependentOn(changed, nodes), dependentOn(varying, nodes)];
      const later = nodes.filter((entry) => entry.outputs.some((name) => needed.has(name) && after.has(name)));
      const wanted = [...later.flatMap((entry) => entry.inputs), ...outputs.map((value) => value.name)];
      const crossing = new Set(wanted.filter((name) => moving.has(name) && !after.has(name)));
      return [...crossing].flatMap((name) => madeByName.get(name) ?? []);
    },
    encode(outputs, given = []) {
      const needed = neededFor(outputs, nodes, given);
      const kept = { inputs: [...inputs, ...given].filter((value) => needed.has(value.name)), constants: constants.filter((value) => needed.has(value.name)) };
      const computed = new Set(given.map((value) => value.name));
      const model = encodeOnnxModel({ ...kept, nodes: nodes.filter((entry) => entry.outputs.some((name) => needed.has(name) && !computed.has(name))), outputs });
      return { model, inputs: kept.inputs };
    },
  };
  return graph;
}

function elementType(data: Float32Array | Int32Array | BigInt64Array): ElementType {
  if (data instanceof Float32Array) return 'float32';
  return data instanceof Int32Array ? 'int32' : 'int64';
}

/** A `float32` output of the given shape. */
export function float(...shape: Dimension[]): Spec {
  return { type: 'float32', shape };
}

/** A constant vector of 64-bit integers: shapes, axes and sizes are passed to operators in this form. */
export function integers(graph: Graph, ...entries: number[]): Value {
  return graph.constant(BigInt64Array.from(entries, BigInt), [entries.length]);
}

/** A constant scalar. */
export function scalar(graph: Graph, given: number): Value {
  return graph.constant(Float32Array.of(given), []);
}

/** A size that must be known while the graph is built. */
export function fixed(dimension: Dimension | undefined): number {
  if (typeof dimension !== 'number') throw new TypeError('a dimension of this operation must be known when the graph is built');
  return dimension;
}
