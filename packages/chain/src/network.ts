/**
 * Networks by name: where their nodes are, and which chain these must serve.
 * @module
 * @see bittensor/core/settings.py of opentensor/bittensor, 10.2.0
 */
import { fromHex } from '@connito/commit-reveal';
import { ChainError } from './errors.ts';

/** A network. */
export interface Network {
  /** In order of preference. */
  readonly endpoints: readonly string[];
  /** Hash of block 0, 32 bytes; undefined where every chain of that name has its own. */
  readonly genesisHash?: Uint8Array;
}

/** Names of {@link NETWORKS}. */
export type NetworkName = 'finney' | 'test' | 'archive' | 'lite' | 'local';

const FINNEY_GENESIS: Uint8Array = fromHex('2f0555cc76fc2840a25a6ea3b9637146806f1f44b090c175ffde2a7e5ab36c03');
const TEST_GENESIS: Uint8Array = fromHex('8f9cf856bf558a14440e75569c9e58594757048d7b3a84b5d25f6bd978263105');
const ARCHIVE = 'wss://archive.chain.opentensor.ai:443';

/** The networks that the Python SDK knows too. `finney` falls back to the archive, which also has the state of old blocks. */
export const NETWORKS: Readonly<Record<NetworkName, Network>> = {
  finney: { endpoints: ['wss://entrypoint-finney.opentensor.ai:443', ARCHIVE], genesisHash: FINNEY_GENESIS },
  test: { endpoints: ['wss://test.finney.opentensor.ai:443'], genesisHash: TEST_GENESIS },
  archive: { endpoints: [ARCHIVE], genesisHash: FINNEY_GENESIS },
  lite: { endpoints: ['wss://lite.sub.latent.to:443'], genesisHash: FINNEY_GENESIS },
  local: { endpoints: ['ws://127.0.0.1:9944'] },
};

/** Most endpoints of one network. */
const MAX_ENDPOINTS = 16;

/**
 * A network from what people write: a name, an endpoint, or several endpoints with commas between.
 * @throws bad-value
 * @example parseNetwork('finney'); parseNetwork('wss://a.example,wss://b.example')
 */
export function parseNetwork(text: string): Network {
  const name = text.trim();
  if (Object.hasOwn(NETWORKS, name)) return NETWORKS[name as NetworkName];
  return { endpoints: parseEndpoints(name.split(',').map((part) => part.trim())) };
}

/** Checks a list of endpoints. @throws bad-value */
export function parseEndpoints(endpoints: readonly string[]): readonly string[] {
  if (endpoints.length === 0 || endpoints.length > MAX_ENDPOINTS) throw new ChainError('bad-value', `expected 1 to ${MAX_ENDPOINTS} endpoints, got ${endpoints.length}`, { expected: `1..${MAX_ENDPOINTS}`, actual: endpoints.length });
  for (const endpoint of endpoints) assertEndpoint(endpoint);
  return [...new Set(endpoints)];
}

function assertEndpoint(endpoint: string): void {
  if (/^wss?:\/\/[^\s/]/.test(endpoint) && URL.canParse(endpoint)) return;
  const names = Object.keys(NETWORKS).join(', ');
  throw new ChainError('bad-value', `expected an endpoint such as ws://127.0.0.1:9944, or one of ${names}, got ${JSON.stringify(endpoint)}`, { endpoint });
}
