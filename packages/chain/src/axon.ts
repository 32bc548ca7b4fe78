/**
 * Where a neuron answers: its axon and its Prometheus endpoint, as the chain keeps them.
 *
 * The chain looks at the form only. Of addresses it refuses `127.0.0.1`, `::1` and all ones; private ranges pass, and for axons so does `0.0.0.0`.
 * @see pallets/subtensor/src/subnets/serving.rs of opentensor/subtensor at 14bc6f9f9 (spec 425)
 * @module
 */
import { toHex } from '@connito/commit-reveal';
import type { ReadOptions } from './block.ts';
import type { Chain } from './connection.ts';
import { ChainError } from './errors.ts';
import type { Inclusion, SendOptions } from './extrinsic.ts';
import { parseHotkey, parseNetuid } from './identifier.ts';
import { formatIp, parseIp, type IpAddress } from './internal/ip.ts';
import { openState } from './internal/block-state.ts';
import { subtensorCall } from './internal/own-call.ts';
import { persist } from './internal/persist.ts';
import { fieldOf, readStorage, subtensor, toBigInt, toBytes, toNumber, type Codec } from './internal/storage.ts';
import { createPlan, sendPlan, type Check, type Plan } from './plan.ts';
import { parseUnsigned } from './unsigned.ts';

/** An endpoint on chain. */
export interface Endpoint {
  /** IPv4 or IPv6, written out. */
  readonly ip: string;
  readonly port: number;
  /** Version of the software that serves, u32; the Python SDK writes 1,000,000 · major + 1,000 · minor + patch. */
  readonly version: number;
  /** Block that it was served in. */
  readonly blockNumber: number;
}

/** An axon on chain. */
export interface Axon extends Endpoint {
  /** The Python SDK writes 4. */
  readonly protocol: number;
  readonly placeholder1: number;
  readonly placeholder2: number;
}

/** Options of {@link planEndpoint}. */
export interface EndpointOptions {
  readonly netuid: number;
  readonly ip: string;
  /** 1 to 65535. */
  readonly port: number;
  /** u32 (default 0). */
  readonly version?: number;
}

/** Options of {@link planAxon}. */
export interface AxonOptions extends EndpointOptions {
  /** u8 (default 4, as the Python SDK has it). */
  readonly protocol?: number;
  /** u8 (default 0). */
  readonly placeholder1?: number;
  /** u8 (default 0). */
  readonly placeholder2?: number;
  /** A public key for TLS, 1 to 65 bytes: the algorithm's number, then the key. */
  readonly certificate?: Uint8Array;
}

/** Longest certificate. */
export const MAX_CERTIFICATE_BYTES = 65;

/** An announcement of an axon with what speaks against it. @throws bad-address, bad-value, and as `Chain.request` */
export async function planAxon(chain: Chain, options: AxonOptions & { readonly account: string }): Promise<Plan> {
  const { certificate } = options;
  const { netuid, address, port, version } = parseEndpoint(options);
  const bytes = [options.protocol ?? 4, options.placeholder1 ?? 0, options.placeholder2 ?? 0].map((value) => parseUnsigned('protocol or placeholder', value, 8));
  const args = [netuid, version, address.value, port, address.version, ...bytes];
  if (certificate !== undefined && (certificate.length === 0 || certificate.length > MAX_CERTIFICATE_BYTES)) {
    throw new ChainError('bad-value', `a certificate has 1 to ${MAX_CERTIFICATE_BYTES} bytes, got ${certificate.length}`, { subject: 'certificate', expected: MAX_CERTIFICATE_BYTES, actual: certificate.length });
  }
  const call = certificate === undefined ? subtensorCall(chain, 'serve_axon', args) : subtensorCall(chain, 'serve_axon_tls', [...args, `0x${toHex(certificate)}`]);
  return planServing(chain, { call, netuid, address, port, account: options.account, item: 'Axons' });
}

/**
 * Announces where the hotkey `signer` answers, and reads it back.
 * @throws bad-value, refused (`HotKeyNotRegisteredInNetwork`, `InvalidIpAddress`, `ServingRateLimitExceeded`, `InvalidPort`), read-back, and as `sendCall`
 * @example await serveAxon(chain, { netuid: 1, ip: '203.0.113.7', port: 8091, signer: hotkey });
 */
export async function serveAxon(chain: Chain, options: AxonOptions & SendOptions): Promise<Inclusion & { readonly axon: Axon }> {
  const inclusion = await sendPlan(chain, await planAxon(chain, { ...options, account: options.signer.hotkey }), options);
  const { netuid, signer } = options;
  const axon = await persist(() => readAxon(chain, { netuid, hotkey: signer.hotkey, at: inclusion.blockHash }));
  return { ...inclusion, axon: assertServed(axon, options, inclusion) };
}

/** An announcement of a Prometheus endpoint with what speaks against it. @throws bad-address, bad-value, and as `Chain.request` */
export async function planPrometheus(chain: Chain, options: EndpointOptions & { readonly account: string }): Promise<Plan> {
  const { netuid, address, port, version } = parseEndpoint(options);
  const call = subtensorCall(chain, 'serve_prometheus', [netuid, version, address.value, port, address.version]);
  return planServing(chain, { call, netuid, address, port, account: options.account, item: 'Prometheus' });
}

/** Announces the Prometheus endpoint of the hotkey `signer`, and reads it back. @throws as {@link serveAxon} */
export async function servePrometheus(chain: Chain, options: EndpointOptions & SendOptions): Promise<Inclusion & { readonly endpoint: Endpoint }> {
  const inclusion = await sendPlan(chain, await planPrometheus(chain, { ...options, account: options.signer.hotkey }), options);
  const { netuid, signer } = options;
  const endpoint = await persist(() => readPrometheus(chain, { netuid, hotkey: signer.hotkey, at: inclusion.blockHash }));
  return { ...inclusion, endpoint: assertServed(endpoint, options, inclusion) };
}

/** Where and which neuron. */
export interface NeuronQuery extends ReadOptions {
  readonly netuid: number;
  readonly hotkey: string;
}

/** A neuron's axon; undefined where it has served none. @throws bad-address, bad-value, and as `Chain.request` */
export async function readAxon(chain: Chain, { netuid, hotkey, at }: NeuronQuery): Promise<Axon | undefined> {
  const [axon] = await readStorage(await openState(chain, at), [subtensor('Axons', parseNetuid(netuid), parseHotkey(hotkey))]);
  return axon === undefined ? undefined : decodeAxon(axon);
}

/** A neuron's Prometheus endpoint; undefined where it has served none. @throws bad-address, bad-value, and as `Chain.request` */
export async function readPrometheus(chain: Chain, { netuid, hotkey, at }: NeuronQuery): Promise<Endpoint | undefined> {
  const [info] = await readStorage(await openState(chain, at), [subtensor('Prometheus', parseNetuid(netuid), parseHotkey(hotkey))]);
  return info === undefined ? undefined : decodeEndpoint(info);
}

/** The certificate of a neuron's axon: the algorithm's number, then the public key. @throws bad-address, bad-value, and as `Chain.request` */
export async function readCertificate(chain: Chain, { netuid, hotkey, at }: NeuronQuery): Promise<Uint8Array | undefined> {
  const [certificate] = await readStorage(await openState(chain, at), [subtensor('NeuronCertificates', parseNetuid(netuid), parseHotkey(hotkey))]);
  return certificate === undefined ? undefined : Uint8Array.of(toNumber(fieldOf(certificate, 'algorithm')), ...toBytes(fieldOf(certificate, 'public_key')));
}

/** Decodes an `AxonInfo`. */
export function decodeAxon(axon: Codec): Axon {
  const [protocol, placeholder1, placeholder2] = ['protocol', 'placeholder1', 'placeholder2'].map((name) => toNumber(fieldOf(axon, name))) as [number, number, number];
  return { ...decodeEndpoint(axon), protocol, placeholder1, placeholder2 };
}

function decodeEndpoint(info: Codec): Endpoint {
  // Whatever is no 6 is read as IPv4: the chain takes 4 and 6 only, and an axon that was never served has 0.
  const version = toNumber(fieldOf(info, 'ip_type')) === 6 ? 6 : 4;
  return {
    ip: formatIp({ version, value: toBigInt(fieldOf(info, 'ip')) }),
    port: toNumber(fieldOf(info, 'port')),
    version: toNumber(fieldOf(info, 'version')),
    blockNumber: toNumber(fieldOf(info, 'block')),
  };
}

interface Parsed {
  readonly netuid: number;
  readonly address: IpAddress;
  readonly port: number;
  readonly version: number;
}

function parseEndpoint({ netuid, ip, port, version }: EndpointOptions): Parsed {
  const address = parseIp(ip);
  if (address === undefined) throw new ChainError('bad-value', `expected an IP address such as 203.0.113.7 or 2001:db8::1, got ${JSON.stringify(ip)}`, { subject: 'ip', actual: ip });
  return { netuid: parseNetuid(netuid), address, port: parseUnsigned('port', port, 16), version: parseUnsigned('version', version ?? 0, 32) };
}

interface Serving {
  readonly call: Plan['call'];
  readonly netuid: number;
  readonly address: IpAddress;
  readonly port: number;
  readonly account: string;
  readonly item: 'Axons' | 'Prometheus';
}

async function planServing(chain: Chain, { call, netuid, address, port, account, item }: Serving): Promise<Plan> {
  const hotkey = parseHotkey(account);
  const { number, hash } = await chain.finalisedHead();
  const [uid, served, limit] = await readStorage(await openState(chain, hash), [subtensor('Uids', netuid, hotkey), subtensor(item, netuid, hotkey), subtensor('ServingRateLimit', netuid)]);
  const last = served === undefined ? 0 : toNumber(fieldOf(served, 'block'));
  const limitBlocks = toNumber(limit);
  const free = last + limitBlocks;
  const registered: Check = [uid === undefined, 'HotKeyNotRegisteredInNetwork', `the hotkey is not registered on subnet ${netuid}`];
  // Prometheus has its address looked at first, and 0 is none there.
  const isPrometheus = item === 'Prometheus';
  const servable: Check = [!isServable(address) || (isPrometheus && address.value === 0n), 'InvalidIpAddress', `the chain takes no ${formatIp(address)}`];
  const checks: Check[] = [
    ...(isPrometheus ? [servable, registered] : [registered, servable]),
    [limitBlocks !== 0 && last !== 0 && number + 1 < free, 'ServingRateLimitExceeded', `it was served in block ${last} and can be served again from block ${free} on`],
    [port === 0, 'InvalidPort', 'port 0 is none'],
  ];
  return createPlan(chain, { call, account: hotkey, figures: {}, checks, isFree: true });
}

function isServable({ version, value }: IpAddress): boolean {
  return version === 4 ? value < 0xffff_ffffn && value !== 0x7f00_0001n : value !== (1n << 128n) - 1n && value !== 1n;
}

function assertServed<E extends Endpoint>(stored: E | undefined, sent: EndpointOptions, { blockNumber, extrinsicHash }: Inclusion): E {
  if (stored !== undefined && stored.port === sent.port && parseIp(stored.ip)?.value === parseIp(sent.ip)?.value) return stored;
  throw new ChainError('read-back', `block ${blockNumber} holds another endpoint than was sent; does a second process use this key?`, { blockNumber, extrinsicHash });
}
