/** What the tests share: a localnet, a real @polkadot/api client, signing with the outcome awaited. */
import { ApiPromise, WsProvider } from '@polkadot/api';
import type { SubmittableExtrinsic } from '@polkadot/api/types';
import { Keyring } from '@polkadot/keyring';
import type { KeyringPair } from '@polkadot/keyring/types';
import type { Codec } from '@polkadot/types/types';
import { startLocalnet, type Localnet, type LocalnetOptions } from '../src/index.ts';

export const TAO = 1_000_000_000n;
/** One round a day: tests that do not look at the beacon need not wait for its signatures. */
export const SLOW_BEACON = { beaconPeriodMs: 86_400_000 } as const;

/** A signed call. */
export type Call = SubmittableExtrinsic<'promise'>;

/** What became of a transaction. */
export interface Outcome {
  readonly blockHash: string;
  readonly events: readonly string[];
  /** Name of the dispatch error, if it failed. */
  readonly error: string | undefined;
  readonly statuses: readonly string[];
}

/** A started chain with a connected client. */
export interface World {
  readonly net: Localnet;
  readonly api: ApiPromise;
  close(): Promise<void>;
}

export async function openWorld(options: Partial<LocalnetOptions> = {}): Promise<World> {
  const net = await startLocalnet({ seed: 'test', ...SLOW_BEACON, ...options });
  const api = await connect(net.endpoint);
  return {
    net,
    api,
    close: async () => {
      await api.disconnect();
      await net.close();
    },
  };
}

export function connect(endpoint: string): Promise<ApiPromise> {
  return ApiPromise.create({ provider: new WsProvider(endpoint, 100) as never, noInitWarn: true, throwOnConnect: true });
}

/** The sr25519 pair of a secret URI such as `//Alice`. Needs crypto to be ready, which a started localnet is. */
export function pairOf(uri: string, type: 'sr25519' | 'ed25519' | 'ecdsa' = 'sr25519'): KeyringPair {
  return new Keyring({ type, ss58Format: 42 }).addFromUri(uri);
}

/** Signs, submits, and waits until the transaction is in a block (blocks are final). */
export function send(api: ApiPromise, call: Call, pair: KeyringPair, options: object = {}): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const statuses: string[] = [];
    call
      .signAndSend(pair, options, ({ status, events, dispatchError }) => {
        statuses.push(status.type);
        if (status.isInvalid || status.isDropped || status.isUsurped) reject(new Error(status.type));
        if (!status.isInBlock && !status.isFinalized) return;
        const names = events.map(({ event }) => `${event.section}.${event.method}`);
        const error = dispatchError === undefined ? undefined : dispatchError.isModule ? api.registry.findMetaError(dispatchError.asModule).name : dispatchError.type;
        resolve({ blockHash: (status.isInBlock ? status.asInBlock : status.asFinalized).toHex(), events: names, error, statuses });
      })
      .catch(reject);
  });
}

/** Sends a call as root, and returns the inner error's name. */
export async function sudo(api: ApiPromise, call: Call): Promise<string | undefined> {
  const { blockHash } = await send(api, tx(api, 'sudo', 'sudo', call), pairOf('//Alice'));
  const records = (await (await api.at(blockHash)).query['system']?.['events']?.()) as unknown as Iterable<{ event: { method: string; data: Codec[] } }>;
  const result = [...records].find(({ event }) => event.method === 'Sudid')?.event.data[0] as unknown as { isErr: boolean; asErr: { isModule: boolean; asModule: never; type: string } };
  if (!result.isErr) return undefined;
  return result.asErr.isModule ? api.registry.findMetaError(result.asErr.asModule).name : result.asErr.type;
}

/** A call by names, without the types that the api would have to be augmented with. */
export function tx(api: ApiPromise, pallet: string, call: string, ...args: unknown[]): Call {
  const make = api.tx[pallet]?.[call];
  if (make === undefined) throw new Error(`no call ${pallet}.${call}`);
  return make(...args);
}

/** A storage value as JSON, at the head or at a block. */
export async function read(api: ApiPromise, pallet: string, item: string, keys: readonly unknown[] = [], at?: string): Promise<unknown> {
  const query = (at === undefined ? api : await api.at(at)).query[pallet]?.[item];
  if (query === undefined) throw new Error(`no storage ${pallet}.${item}`);
  return (await query(...keys)).toJSON();
}

/** A subnet with an owner hotkey on uid 0, started, with commit-reveal off and no limits that would be in a test's way. */
export async function makeSubnet(api: ApiPromise, owner = pairOf('//Alice'), hotkey = pairOf('//Alice//hotkey')): Promise<number> {
  const netuid = Number(await read(api, 'subtensorModule', 'totalNetworks'));
  await send(api, tx(api, 'subtensorModule', 'registerNetwork', hotkey.address), owner);
  await send(api, tx(api, 'subtensorModule', 'startCall', netuid), owner);
  await sudo(api, tx(api, 'adminUtils', 'sudoSetCommitRevealWeightsEnabled', netuid, false));
  await sudo(api, tx(api, 'adminUtils', 'sudoSetWeightsSetRateLimit', netuid, 0));
  return netuid;
}

/** The error that a promise ends with, as text. */
export function failureOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'no error',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}
