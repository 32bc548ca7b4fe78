/**
 * The JSON-RPC methods of the controls: `localnet_…`. They are described in the README, with their parameters.
 * @module
 */
import { join } from 'node:path';
import { addressOf } from '../accounts.ts';
import type { Block } from '../block.ts';
import type { StorageEntry } from '../controls.ts';
import type { GivenPulse } from '../drand-beacon.ts';
import type { DropOptions, FaultSettings } from '../faults.ts';
import { prefixed } from '../hex.ts';
import type { BlockMode } from '../producer.ts';
import type { EndpointView } from './endpoint-view.ts';
import { badParams } from './failure.ts';
import { accountParam, countParam } from './params.ts';

/** Blocks that `localnet_seal` makes at once. */
const MAX_SEAL = 10_000;
/** Entries of one `localnet_setStorage`. */
const MAX_ENTRIES = 100_000;

/** What a control is given besides its parameters. */
export interface ControlContext {
  readonly view: EndpointView;
  /** Where snapshot files are; `undefined` where none may be. */
  readonly snapshotDirectory: string | undefined;
  /** Cuts all connections but the one that asks. */
  readonly drop: (options: DropOptions) => number;
}

/** A control: its result, as JSON, or a promise of it. */
export type ControlMethod = (context: ControlContext, params: readonly unknown[]) => unknown;

function blockJson({ hash, header, timestampMs }: Block): unknown {
  return { blockNumber: header.number, blockHash: prefixed(hash), timestampMs };
}

const timeMethods: Readonly<Record<string, ControlMethod>> = {
  localnet_release: ({ view: { chain, producer } }, [participant, timeMs]) => {
    producer.release(accountParam(participant, 'participant'), countParam(timeMs, 'timeMs', Number.MAX_SAFE_INTEGER));
    return { blockNumber: chain.head.header.number, timestampMs: chain.head.timestampMs };
  },
  localnet_status: ({ view: { chain, pool, producer } }) => ({
    genesisHash: prefixed(chain.genesisHash),
    ...(blockJson(chain.head) as object),
    finalizedNumber: chain.finalized.header.number,
    finalizedHash: prefixed(chain.finalized.hash),
    blockTimeMs: chain.blockTimeMs,
    blockMode: producer.mode,
    finalityLagBlocks: chain.finalityLagBlocks,
    oldestStateBlock: chain.history.oldestBlock,
    pendingExtrinsics: pool.size,
    participants: [...producer.releases].map(([account, releasedUntilMs]) => ({ participant: addressOf(account), releasedUntilMs })),
  }),
  localnet_seal: ({ view }, [count = 1]) => {
    view.controls.seal(countParam(count, 'count', MAX_SEAL));
    return blockJson(view.chain.head);
  },
  localnet_jump: async ({ view }, [blocks, options]) => blockJson(await view.controls.jump(numberParam(blocks, 'blocks'), jumpParam(options))),
  localnet_jumpToEpoch: async ({ view }, [netuid, options]) => blockJson(await view.controls.jumpToEpoch(countParam(netuid, 'netuid', 0xffff), jumpParam(options))),
  localnet_setTime: ({ view }, [timeMs, options]) => {
    view.controls.setNextTime(numberParam(timeMs, 'timeMs'), jumpParam(options));
    return { nextTimestampMs: view.chain.nextTimestampMs };
  },
  localnet_givePulses: async ({ view }, [pulses]) => ({ waitingPulses: await view.controls.givePulses((Array.isArray(pulses) ? pulses : [pulses]) as readonly GivenPulse[]) }),
  localnet_setBlockMode: ({ view }, [type, intervalMs]) => {
    view.controls.setBlockMode((type === 'interval' ? { type, intervalMs } : { type }) as BlockMode);
    return view.producer.mode;
  },
  localnet_reorg: ({ view }, [depth, options]) => {
    const { dropTransactions } = recordParam(options, 'options', { dropTransactions: 'boolean' });
    return blockJson(view.controls.reorganize(numberParam(depth, 'depth'), dropTransactions === undefined ? {} : { dropTransactions: dropTransactions as boolean }));
  },
};

const stateMethods: Readonly<Record<string, ControlMethod>> = {
  localnet_fund: ({ view }, [address, amountRao]) => blockJson(view.controls.fund(textParam(address, 'address'), amountParam(amountRao))),
  localnet_setStorage: ({ view }, [entries]) => {
    const list = Array.isArray(entries) ? (entries as unknown[]) : [entries];
    if (list.length > MAX_ENTRIES) throw badParams(`entries: at most ${MAX_ENTRIES}`);
    return blockJson(view.controls.setStorage(list.map((entry) => recordParam(entry, 'entries', undefined) as unknown as StorageEntry)));
  },
  localnet_getStorage: ({ view }, [item]) => view.controls.getStorage(recordParam(item, 'item', { pallet: 'string', item: 'string', keys: 'object' }) as never),
  localnet_snapshot: ({ view }, [name]) => blockJson(view.controls.takeSnapshot(textParam(name, 'name')).head),
  localnet_restore: ({ view }, [name]) => blockJson(view.controls.restoreSnapshot(textParam(name, 'name'))),
  localnet_forgetSnapshot: ({ view }, [name]) => view.controls.forgetSnapshot(textParam(name, 'name')),
  localnet_snapshots: ({ view }) => Object.fromEntries([...view.controls.snapshots].map(([name, block]) => [name, blockJson(block)])),
  localnet_saveSnapshot: (context, [name]) => {
    const path = snapshotPath(context, name);
    context.view.controls.saveSnapshot(path);
    return { path };
  },
  localnet_loadSnapshot: (context, [name]) => blockJson(context.view.controls.loadSnapshot(snapshotPath(context, name))),
};

const faultMethods: Readonly<Record<string, ControlMethod>> = {
  localnet_setFaults: ({ view }, [settings]) => {
    view.faults.set(recordParam(settings, 'faults', undefined) as FaultSettings);
    return view.faults.settings;
  },
  localnet_faults: ({ view }) => view.faults.settings,
  localnet_clearFaults: ({ view }) => {
    view.faults.clear();
    return view.faults.settings;
  },
  localnet_dropConnections: ({ drop }, [options]) => {
    const { oneIn } = recordParam(options, 'options', { oneIn: 'number' });
    return drop(oneIn === undefined ? {} : { oneIn: oneIn as number });
  },
};

/** All controls by name. */
export const controlMethods: Readonly<Record<string, ControlMethod>> = Object.assign(Object.create(null) as Record<string, ControlMethod>, timeMethods, stateMethods, faultMethods);

function jumpParam(value: unknown): { readonly skipPulses?: boolean } {
  return recordParam(value, 'options', { skipPulses: 'boolean' });
}

/** An optional object of known fields; any fields where none are named. */
function recordParam(value: unknown, name: string, fields: Readonly<Record<string, 'boolean' | 'number' | 'string' | 'object'>> | undefined): Readonly<Record<string, unknown>> {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw badParams(`${name}: expected an object`);
  for (const [key, item] of Object.entries(fields === undefined ? {} : value)) {
    if (fields === undefined || typeof item !== fields[key]) throw badParams(`${name}: expected ${Object.entries(fields ?? {}).map(([field, type]) => `${field} (${type})`).join(', ')}`);
  }
  return value as Readonly<Record<string, unknown>>;
}

function numberParam(value: unknown, name: string): number {
  return countParam(value, name, Number.MAX_SAFE_INTEGER);
}

function textParam(value: unknown, name: string): string {
  if (typeof value !== 'string') throw badParams(`${name}: expected text`);
  return value;
}

/** Rao as a number, or as decimal text where a number cannot hold it. */
function amountParam(value: unknown): bigint {
  if (typeof value === 'string' && /^\d{1,19}$/.test(value)) return BigInt(value);
  return BigInt(countParam(value, 'amountRao', Number.MAX_SAFE_INTEGER));
}

/** Clients may name files in one directory only: any web page can speak to a local port. */
function snapshotPath({ snapshotDirectory }: ControlContext, name: unknown): string {
  if (snapshotDirectory === undefined) throw badParams('snapshot files need the option snapshotDirectory (or stateDirectory)');
  if (typeof name !== 'string' || !/^\w[\w.-]{0,63}$/.test(name)) throw badParams('name: expected a file name of 1 to 64 letters, digits, dots, dashes and underscores');
  return join(snapshotDirectory, `${name}.json`);
}
