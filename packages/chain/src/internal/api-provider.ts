/**
 * The connection as polkadot-js wants to have it.
 * @module
 */
import type { ApiOptions } from '@polkadot/api/types';
import type { Failover } from './failover.ts';

/** What `ApiPromise` takes. */
export type ApiProvider = NonNullable<ApiOptions['provider']>;

/** Subscriptions of polkadot-js that are answered here, because what they lead to is done by the connection itself and without a word to the console. */
const OWN_SUBSCRIPTIONS: ReadonlySet<string> = new Set(['state_subscribeRuntimeVersion']);

/** A provider over the node in use. */
export function createApiProvider(failover: Failover): ApiProvider {
  const stops = new Map<string, () => Promise<void>>();
  let lastId = 0;
  const provider: ApiProvider = {
    hasSubscriptions: true,
    isClonable: false,
    get isConnected() {
      return failover.link !== undefined;
    },
    clone: () => {
      throw new Error('this connection cannot be cloned');
    },
    connect: async () => {},
    disconnect: async () => {},
    on: (type, listener) => {
      if (type === 'connected') return failover.onConnected(listener);
      return type === 'disconnected' ? failover.onLost(listener) : () => {};
    },
    send: async <T>(method: string, params: unknown[]) => (await failover.request(method, params)) as T,
    subscribe: async (notification, method, params, listener) => {
      const id = `api-${++lastId}`;
      if (OWN_SUBSCRIPTIONS.has(method)) return id;
      const unsubscribe = method.replace(/_subscribe|_submitAndWatch/, (name) => (name === '_subscribe' ? '_unsubscribe' : '_unwatch'));
      stops.set(id, await failover.subscribe({ notification, method, unsubscribe, params }, (value) => listener(null, value)));
      return id;
    },
    unsubscribe: async (_notification, _method, id) => {
      await stops.get(String(id))?.();
      stops.delete(String(id));
      return true;
    },
  };
  return provider;
}
