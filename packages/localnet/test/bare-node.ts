/** A node without sockets, and clients that speak JSON-RPC with it in the same turn. */
import { cryptoWaitReady } from '@polkadot/util-crypto';
import { accountOfUri, DEVELOPMENT_ACCOUNTS } from '../src/accounts.ts';
import { openBeacon } from '../src/beacon.ts';
import { Chain } from '../src/chain.ts';
import { Controls } from '../src/controls.ts';
import { Faults } from '../src/faults.ts';
import { makeGenesis } from '../src/genesis.ts';
import { LocalNode } from '../src/node.ts';
import { EndpointView } from '../src/rpc/endpoint-view.ts';
import { RpcSession } from '../src/rpc/session.ts';

const GENESIS = { genesisTimeMs: 1_767_225_600_000, blockTimeMs: 12_000 } as const;

export interface BareNode {
  readonly node: LocalNode;
  readonly controls: Controls;
  readonly faults: Faults;
  client(): BareClient;
  close(): void;
}

export interface NodeOptions {
  readonly finalityLagBlocks?: number;
  readonly historyBlocks?: number;
  readonly keepBlocks?: number;
}

export async function openBareNode({ finalityLagBlocks = 0, historyBlocks = 1000, keepBlocks }: NodeOptions = {}): Promise<BareNode> {
  await cryptoWaitReady();
  const beacon = openBeacon({ seed: new TextEncoder().encode('bare'), genesisTimeMs: GENESIS.genesisTimeMs, periodMs: 86_400_000 });
  const endowed = new Map(DEVELOPMENT_ACCOUNTS.map((uri) => [accountOfUri(uri) as string, 10n ** 15n]));
  const snapshot = makeGenesis({ ...GENESIS, endowed, sudoKey: accountOfUri('//Alice') as string, beaconConfig: beacon.config });
  const chain = new Chain({ start: { snapshot }, beacon, historyBlocks, keepBlocks, finalityLagBlocks, commitRevealDefault: undefined, epochModel: 'stateful' });
  const node = new LocalNode(chain, { waitFor: undefined, mode: { type: 'manual' } });
  const controls = new Controls(node);
  const faults: Faults = new Faults({ drop: () => 0, onChange: () => view.follow() });
  const view: EndpointView = new EndpointView({ node, controls, faults });
  return {
    node,
    controls,
    faults,
    client: () => new BareClient(view),
    close: () => {
      view.close();
      node.close();
    },
  };
}

/** What a notification carries. */
export type Event = Readonly<Record<string, unknown>> & { readonly event: string };

/** One connection. */
export class BareClient {
  /** Events so far by subscription. */
  readonly #events = new Map<string, Event[]>();
  readonly #session: RpcSession;

  constructor(view: EndpointView) {
    this.#session = new RpcSession({
      context: { view, snapshotDirectory: undefined, drop: () => 0 },
      send: (text) => {
        const { params } = JSON.parse(text) as { params: { subscription: string; result: Event } };
        this.events(params.subscription).push(params.result);
      },
    });
  }

  /** The result of a request; throws the error's code and message. */
  ask<T = unknown>(method: string, ...params: readonly unknown[]): T {
    const [answer] = this.#handle({ id: 1, method, params }) as [{ result?: T; error?: { code: number; message: string } }];
    if (answer.error !== undefined) throw new Error(`${answer.error.code} ${answer.error.message}`);
    return answer.result as T;
  }

  /** The results of requests that come as one message. */
  batch(...requests: readonly (readonly [method: string, ...params: unknown[]])[]): { result?: unknown; error?: { code: number } }[] {
    return this.#handle(requests.map(([method, ...params], id) => ({ id, method, params })))[0] as never;
  }

  /** The events of a subscription; whoever looks may take them away. */
  events(subscription: string): Event[] {
    const events = this.#events.get(subscription) ?? [];
    this.#events.set(subscription, events);
    return events;
  }

  /** Starts an operation and gives what it tells. */
  operate(method: string, follow: string, ...params: readonly unknown[]): Event[] {
    const before = this.events(follow).length;
    const { operationId } = this.ask<{ operationId: string }>(method, follow, ...params);
    return this.events(follow).slice(before).filter((event) => event['operationId'] === operationId);
  }

  close(): void {
    this.#session.close();
  }

  #handle(message: unknown): unknown[] {
    const answers: unknown[] = [];
    void this.#session.handle(JSON.stringify(message), (text) => answers.push(JSON.parse(text)));
    return answers;
  }
}
