/** The runtime without network: accounts by number, calls with their error by name, blocks that step the chain. */
import { deriveBeaconKey, pulseRandomness, signRound } from '@connito/commit-reveal';
import { mint } from '../src/runtime/balances.ts';
import { stepSubnets } from '../src/runtime/coinbase.ts';
import { revealCommitments } from '../src/runtime/commitments.ts';
import { dispatch } from '../src/runtime/dispatch.ts';
import { errorName, Execution, type EpochModel, type Origin } from '../src/runtime/execution.ts';
import { genesisState } from '../src/genesis.ts';
import type { Storage } from '../src/runtime/storage.ts';
import { StateOverlay } from '../src/state.ts';

export const TAO = 1_000_000_000n;
export const BEACON = deriveBeaconKey(new Uint8Array(32).fill(7));

/** Hex of the n-th account. */
export const account = (n: number): string => n.toString(16).padStart(64, '0');

/** A chain of one state, in which calls are made one by one. */
export class Runtime {
  execution: Execution;
  readonly #epochModel: EpochModel;

  constructor({ blockNumber = 1, epochModel = 'stateful' }: { blockNumber?: number; epochModel?: EpochModel } = {}) {
    this.#epochModel = epochModel;
    const config = { public_key: BEACON.publicKey, period: 3, genesis_time: 0, hash: new Uint8Array(32), group_hash: new Uint8Array(32), scheme_id: new Uint8Array(0), metadata: { beacon_id: new Uint8Array(0) } };
    const genesis = genesisState({ genesisTimeMs: 0, endowed: new Map(), sudoKey: account(0xff), beaconConfig: config });
    const overlay = new StateOverlay({ get: () => undefined });
    for (const [key, value] of genesis) overlay.set(key, value);
    this.execution = this.#at(overlay, blockNumber);
  }

  get subtensor(): Storage['SubtensorModule'] {
    return this.execution.storage.SubtensorModule;
  }

  #at(overlay: StateOverlay, blockNumber: number): Execution {
    return new Execution({ overlay, blockNumber, timestampMs: blockNumber * 12_000, epochModel: this.#epochModel });
  }

  /** Calls as a signed account, or as root; the error's name, if it fails. */
  call(from: string | 'root', call: string, args: object = {}): string | undefined {
    const [pallet = '', name = ''] = call.includes('.') ? call.split('.') : ['SubtensorModule', call];
    const origin: Origin = from === 'root' ? { type: 'root' } : { type: 'signed', account: from };
    const error = this.execution.attempt(() => dispatch(this.execution, origin, { pallet, call: name, args: args as Record<string, unknown> }));
    if (error?.type === 'Token' || error?.type === 'Arithmetic') return `${error.type}.${error.value.type}`;
    return error === undefined ? undefined : errorName(error);
  }

  /** Names of the events since the block began, or since the last time. */
  events(): string[] {
    return this.records().map(({ event }) => event);
  }

  /** Events with their data. */
  records(): { event: string; data: unknown }[] {
    return this.execution.events.splice(0).map(({ event }) => ({ event: event.event, data: event.data }));
  }

  /** Begins the next blocks; what the start of a block does happens in each. */
  blocks(count = 1): void {
    for (let made = 0; made < count; made++) {
      const events = this.execution.events;
      this.execution = this.#at(this.execution.overlay, this.execution.blockNumber + 1);
      this.execution.events.push(...events);
      const failures = [this.execution.attempt(() => stepSubnets(this.execution)), this.execution.attempt(() => revealCommitments(this.execution))];
      if (failures.some((failure) => failure !== undefined)) throw new Error(`block ${this.execution.blockNumber} failed: ${JSON.stringify(failures)}`);
    }
  }

  /** Goes to the block without making those between. */
  jump(blockNumber: number): void {
    const { overlay, events } = this.execution;
    this.execution = this.#at(overlay, blockNumber);
    this.execution.events.push(...events);
  }

  fund(who: string, rao: bigint): void {
    mint(this.execution, who, rao);
  }

  /** Writes the beacon's pulse of a round. */
  pulse(round: number): void {
    const signature = signRound(BEACON.secretKey, round);
    this.execution.storage.Drand.Pulses.set(BigInt(round), { round: BigInt(round), randomness: pulseRandomness(signature), signature });
    this.execution.storage.Drand.LastStoredRound.set(BigInt(round));
  }

  /** A started subnet of the n-th coldkey with its hotkey n + 1 on uid 0, and `miners` more hotkeys from 100 · netuid on. */
  subnet({ owner = 1, neurons = 0, commitReveal = false }: { owner?: number; neurons?: number; commitReveal?: boolean } = {}): number {
    this.fund(account(owner), 10_000_000n * TAO);
    this.subtensor.NetworkRateLimit.set(0n);
    const netuid = Math.max(0, ...this.subtensor.NetworksAdded.entries().map(([[id]]) => id)) + 1;
    this.expect(this.call(account(owner), 'register_network', { hotkey: account(owner + 1) }));
    this.expect(this.call(account(owner), 'start_call', { netuid }));
    this.subtensor.CommitRevealWeightsEnabled.set(netuid, commitReveal);
    this.subtensor.WeightsSetRateLimit.set(netuid, 0n);
    for (let n = 0; n < neurons; n++) this.expect(this.call(account(owner), 'burned_register', { netuid, hotkey: account(100 * netuid + n) }));
    this.events();
    return netuid;
  }

  expect(error: string | undefined): void {
    if (error !== undefined) throw new Error(error);
  }
}
