/**
 * What a runtime's metadata says of its items, in the notation of `src/internal/runtime-items.ts`.
 * @module
 */
import { stringCamelCase } from '@polkadot/util';
import type { Chain } from '../src/index.ts';

/** Undefined for what the runtime lacks. */
export interface RuntimeShape {
  storage(pallet: string, item: string): string | undefined;
  call(pallet: string, name: string): string | undefined;
  event(pallet: string, name: string): string | undefined;
  api(api: string, method: string): string | undefined;
}

export function runtimeShape(chain: Chain): RuntimeShape {
  const { api } = chain;
  const { registry } = api;
  const typeOf = (id: unknown): string => {
    const { lookupName, type } = registry.lookup.getTypeDef(id as never);
    return lookupName ?? type;
  };
  return {
    storage(pallet, item) {
      const meta = api.query[stringCamelCase(pallet)]?.[stringCamelCase(item)]?.creator.meta;
      if (meta === undefined) return undefined;
      const map = meta.type.isMap ? meta.type.asMap : undefined;
      const keys = map === undefined ? '' : `${map.hashers.map(String).join('+')} ${typeOf(map.key)} -> `;
      return `${keys}${typeOf(map === undefined ? meta.type.asPlain : map.value)}${meta.modifier.isOptional ? '?' : ''}`;
    },
    call(pallet, name) {
      // polkadot-js writes argument names in camel case.
      const args = api.tx[stringCamelCase(pallet)]?.[stringCamelCase(name)]?.meta.args;
      return args && [...args].map((argument) => `${argument.name.toString()}: ${argument.type.toString()}`).join(', ');
    },
    event(pallet, name) {
      const event = api.events[stringCamelCase(pallet)]?.[name] as { readonly meta: { readonly fields: Iterable<{ readonly type: unknown }> } } | undefined;
      return event && [...event.meta.fields].map((field) => typeOf(field.type)).join(', ');
    },
    api(name, method) {
      const found = [...registry.metadata.apis].find((candidate) => candidate.name.toString() === name);
      const row = found && [...found.methods].find((candidate) => candidate.name.toString() === method);
      if (row === undefined) return undefined;
      const inputs = [...row.inputs].map((input) => `${input.name.toString()}: ${typeOf(input.type)}`).join(', ');
      return `${inputs === '' ? '' : `${inputs} `}-> ${typeOf(row.output)}`;
    },
  };
}
