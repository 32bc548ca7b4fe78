/**
 * Parses the type strings of the runtime's description into a small tree, from which codecs and metadata are made alike.
 * @module
 */

/** A type expression. */
export type TypeTree =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'vec'; readonly of: TypeTree }
  | { readonly kind: 'set'; readonly of: TypeTree }
  | { readonly kind: 'option'; readonly of: TypeTree }
  | { readonly kind: 'compact'; readonly of: TypeTree }
  | { readonly kind: 'cow'; readonly of: TypeTree }
  | { readonly kind: 'perClass'; readonly of: TypeTree }
  | { readonly kind: 'bounded'; readonly of: TypeTree; readonly max: number }
  | { readonly kind: 'array'; readonly of: TypeTree; readonly length: number }
  | { readonly kind: 'tuple'; readonly of: readonly TypeTree[] }
  | { readonly kind: 'map'; readonly key: TypeTree; readonly value: TypeTree }
  | { readonly kind: 'result'; readonly ok: TypeTree; readonly err: TypeTree };

const GENERIC = { Vec: 'vec', BTreeSet: 'set', Option: 'option', Compact: 'compact', Cow: 'cow', PerDispatchClass: 'perClass' } as const;
const cache = new Map<string, TypeTree>();

/** The tree of a type string; the same object for the same string. */
export function parseType(text: string): TypeTree {
  const known = cache.get(text);
  if (known !== undefined) return known;
  const tree = parse(text);
  cache.set(text, tree);
  return tree;
}

/** Writes a tree as a string again; equal strings mean equal types. */
export function formatType(tree: TypeTree): string {
  switch (tree.kind) {
    case 'name':
      return tree.name;
    case 'tuple':
      return `(${tree.of.map(formatType).join(',')})`;
    case 'array':
      return `[${formatType(tree.of)};${tree.length}]`;
    case 'bounded':
      return `BoundedVec<${formatType(tree.of)};${tree.max}>`;
    case 'result':
      return `Result<${formatType(tree.ok)},${formatType(tree.err)}>`;
    case 'map':
      return `BTreeMap<${formatType(tree.key)},${formatType(tree.value)}>`;
    default:
      return `${Object.entries(GENERIC).find(([, kind]) => kind === tree.kind)?.[0]}<${formatType(tree.of)}>`;
  }
}

function parse(text: string): TypeTree {
  if (text.startsWith('(')) return { kind: 'tuple', of: split(text.slice(1, -1)).map(parseType) };
  if (text.startsWith('[')) {
    const [of = '', length = ''] = cutLast(text.slice(1, -1), ';');
    return { kind: 'array', of: parseType(of), length: Number(length) };
  }
  const open = text.indexOf('<');
  return open < 0 ? { kind: 'name', name: text } : parseGeneric(text.slice(0, open), text.slice(open + 1, -1));
}

function parseGeneric(head: string, body: string): TypeTree {
  if (head === 'BoundedVec') {
    const [of = '', max = ''] = cutLast(body, ';');
    return { kind: 'bounded', of: parseType(of), max: Number(max) };
  }
  if (head === 'BTreeMap') {
    const [key = '', value = ''] = split(body);
    return { kind: 'map', key: parseType(key), value: parseType(value) };
  }
  if (head === 'Result') {
    const [ok = '', err = ''] = split(body);
    return { kind: 'result', ok: parseType(ok), err: parseType(err) };
  }
  return { kind: GENERIC[head as keyof typeof GENERIC], of: parseType(body) };
}

function cutLast(text: string, separator: string): [string, string] {
  const at = text.lastIndexOf(separator);
  return [text.slice(0, at), text.slice(at + 1)];
}

function split(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let index = 0; index < text.length; index++) {
    const character = text[index] as string;
    if ('(<['.includes(character)) depth += 1;
    else if (')>]'.includes(character)) depth -= 1;
    else if (character === ',' && depth === 0) {
      parts.push(text.slice(start, index));
      start = index + 1;
    }
  }
  if (text.length > start) parts.push(text.slice(start));
  return parts;
}
