/**
 * Brings a chain into the state that a scenario describes.
 *
 * Each step is what a call of the chain does, carried out with the origin that it needs but without a signature or a fee, in a block of its
 * own. What is there already is left as it is: accounts are given what they lack, subnets are known by their owner's hotkey, neurons by
 * theirs. So the same file can be run at every start.
 * @module
 */
import type { Controls } from '../controls.ts';
import { fundAccount } from '../controls.ts';
import { accountOfAddress, accountOfUri } from '../accounts.ts';
import { LocalnetError } from '../errors.ts';
import { blake2, toHex } from '../hex.ts';
import type { LocalNode } from '../node.ts';
import { pallets } from '../pallets/index.ts';
import { EXISTENTIAL_DEPOSIT, freeBalance } from '../runtime/balances.ts';
import { dispatch } from '../runtime/dispatch.ts';
import { errorName, type Execution, type Origin } from '../runtime/execution.ts';
import { networkLockCost } from '../runtime/subnets.ts';
import { callFromJson, valueFromJson } from '../scale/json.ts';
import type { RuntimeCall } from '../scale/type-of.ts';
import type { NeuronScenario, Scenario, SubnetScenario } from './schema.ts';

/** What a scenario has done, a line for each thing; empty if all was there. */
export type ScenarioReport = readonly string[];

/** Raw storage key under which the hash of the last scenario stands. */
const MARK = toHex(new TextEncoder().encode(':connito:scenario'));
const MAX_WEIGHT = 65_535;
const RAO_PER_TAO = 1_000_000_000n;

/** Runs a scenario. What a step needs beyond the accounts' balances (lock cost, price, stake) is given to its coldkey. @throws bad-scenario, naming the step that failed */
export async function runScenario(scenario: Scenario, parts: { readonly node: LocalNode; readonly controls: Controls }): Promise<ScenarioReport> {
  return new ScenarioRun(scenario, parts).run();
}

class ScenarioRun {
  readonly #scenario: Scenario;
  readonly #node: LocalNode;
  readonly #controls: Controls;
  readonly #report: string[] = [];

  constructor(scenario: Scenario, { node, controls }: { readonly node: LocalNode; readonly controls: Controls }) {
    this.#scenario = scenario;
    this.#node = node;
    this.#controls = controls;
  }

  async run(): Promise<ScenarioReport> {
    const hash = blake2(Buffer.from(JSON.stringify(this.#scenario, (_key, value: unknown) => (typeof value === 'bigint' ? `${value}` : value))));
    const { history, head } = this.#node.chain;
    const mark = history.get(MARK, head.header.number);
    if (mark !== undefined && Buffer.compare(mark, hash) === 0) return [];
    this.#fundAccounts();
    for (const [index, subnet] of this.#scenario.subnets.entries()) await this.#makeSubnet(subnet, `subnets.${index}`);
    if (this.#scenario.storage.length > 0) {
      this.#controls.setStorage(this.#scenario.storage);
      this.#report.push(`storage: ${this.#scenario.storage.length} values`);
    }
    for (const [index, { as, ...call }] of this.#scenario.calls.entries()) this.#call(as === 'root' ? { type: 'root' } : this.#signed(as, `calls.${index}.as`), callFromJson(call, `calls.${index}`), `calls.${index}`);
    if (this.#scenario.calls.length > 0) this.#report.push(`calls: ${this.#scenario.calls.length}`);
    await this.#givePulses();
    if (this.#scenario.blocks > 0) await this.#controls.jump(this.#scenario.blocks, { skipPulses: true });
    this.#node.edit(({ overlay }) => overlay.set(MARK, hash));
    return this.#report;
  }

  #fundAccounts(): void {
    const accounts = Object.entries(this.#scenario.accounts).map(([name, { uri, balanceTao }]) => ({ account: this.#account(uri, `accounts.${name}.uri`), balanceTao }));
    if (accounts.length === 0) return;
    this.#node.edit((execution) => accounts.forEach(({ account, balanceTao }) => topUp(execution, account, balanceTao)));
    this.#report.push(`accounts: ${Object.keys(this.#scenario.accounts).join(', ')}`);
  }

  /** Rounds that the chain is past are left out, as whatever is there already. */
  async #givePulses(): Promise<void> {
    const last = this.#storage.Drand.LastStoredRound.get();
    const pulses = this.#scenario.pulses.filter(({ round }) => round > last);
    if (pulses.length === 0) return;
    await this.#controls.givePulses(pulses).catch((cause: unknown) => {
      throw cause instanceof LocalnetError ? new LocalnetError('bad-scenario', `The scenario cannot be carried out. ${cause.message}`, { cause }) : cause;
    });
    this.#report.push(`pulses: ${pulses.length}`);
  }

  async #makeSubnet(subnet: SubnetScenario, where: string): Promise<void> {
    const [coldkey, hotkey] = [this.#account(subnet.owner, `${where}.owner`), this.#account(subnet.ownerHotkey, `${where}.ownerHotkey`)];
    const netuid = this.#netuidOf(hotkey) ?? this.#registerNetwork({ coldkey, hotkey, where });
    const { FirstEmissionBlockNumber } = this.#storage.SubtensorModule;
    if (subnet.start && FirstEmissionBlockNumber.get(netuid) === undefined) {
      const due = Number(this.#storage.SubtensorModule.NetworkRegisteredAt.get(netuid) + this.#storage.SubtensorModule.StartCallDelay.get());
      if (due > this.#number + 1) await this.#controls.jump(due - this.#number, { skipPulses: true });
      this.#call({ type: 'signed', account: coldkey }, { pallet: 'SubtensorModule', call: 'start_call', args: { netuid } }, `${where}.start`);
    }
    for (const [name, value] of Object.entries(subnet.hyperparameters)) this.#call({ type: 'root' }, hyperparameterCall(netuid, name, value, `${where}.hyperparameters.${name}`), `${where}.hyperparameters.${name}`);
    const places = subnet.neurons.map((neuron, index) => ({ neuron, where: `${where}.neurons.${index}` }));
    for (const place of places) this.#makeNeuron(netuid, place);
    this.#report.push(`subnet ${netuid}: ${Object.keys(subnet.hyperparameters).length} hyperparameters, ${this.#storage.SubtensorModule.SubnetworkN.get(netuid)} neurons`);
    await this.#setAllWeights(netuid, places);
  }

  #registerNetwork({ coldkey, hotkey, where }: { coldkey: string; hotkey: string; where: string }): number {
    const netuid = this.#storage.SubtensorModule.TotalNetworks.get();
    this.#node.edit((execution) => {
      execution.storage.SubtensorModule.LastRateLimitedBlock.remove({ type: 'NetworkLastRegistered' });
      topUp(execution, coldkey, networkLockCost(execution) + RAO_PER_TAO);
    });
    this.#call({ type: 'signed', account: coldkey }, { pallet: 'SubtensorModule', call: 'register_network', args: { hotkey } }, where);
    return this.#netuidOf(hotkey) ?? netuid;
  }

  #makeNeuron(netuid: number, { neuron, where }: NeuronPlace): void {
    const [coldkey, hotkey] = [this.#account(neuron.coldkey, `${where}.coldkey`), this.#account(neuron.hotkey, `${where}.hotkey`)];
    const { Uids, Burn } = this.#storage.SubtensorModule;
    const signed: Origin = { type: 'signed', account: coldkey };
    const isNew = Uids.get(netuid, hotkey) === undefined;
    if (isNew) {
      const price = Burn.get(netuid);
      this.#node.edit((execution) => {
        execution.storage.SubtensorModule.RegistrationsThisBlock.set(netuid, 0);
        topUp(execution, coldkey, price + RAO_PER_TAO);
      });
      this.#call(signed, { pallet: 'SubtensorModule', call: 'burned_register', args: { netuid, hotkey } }, where);
      // The next one is to cost what this one did.
      this.#node.edit((execution) => execution.storage.SubtensorModule.Burn.set(netuid, price));
    }
    const stake = neuron.stakeTao ?? 0n;
    if (isNew && stake > 0n) {
      this.#node.edit((execution) => topUp(execution, coldkey, stake + RAO_PER_TAO));
      this.#call(signed, { pallet: 'SubtensorModule', call: 'add_stake', args: { hotkey, netuid, amount_staked: stake } }, `${where}.stakeTao`);
    }
    if (isNew && neuron.axon !== undefined) this.#call({ type: 'signed', account: hotkey }, axonCall(netuid, neuron.axon), `${where}.axon`);
  }

  /** Permits to set weights are given by an epoch, so one runs first where somebody lacks one. */
  async #setAllWeights(netuid: number, places: readonly NeuronPlace[]): Promise<void> {
    const rows = places.filter(({ neuron }) => neuron.weights !== undefined);
    const { ValidatorPermit, Uids } = this.#storage.SubtensorModule;
    const lacks = rows.some(({ neuron, where }) => ValidatorPermit.get(netuid)[Uids.get(netuid, this.#account(neuron.hotkey, where)) as number] !== true);
    if (lacks) await this.#controls.jumpToEpoch(netuid, { skipPulses: true });
    for (const { neuron, where } of rows) {
      const hotkey = this.#account(neuron.hotkey, where);
      const row = this.#weightRow(netuid, neuron.weights ?? {}, `${where}.weights`);
      const versionKey = this.#storage.SubtensorModule.WeightsVersionKey.get(netuid);
      this.#call({ type: 'signed', account: hotkey }, { pallet: 'SubtensorModule', call: 'set_weights', args: { netuid, ...row, version_key: versionKey } }, `${where}.weights`);
    }
    if (rows.length > 0) this.#report.push(`subnet ${netuid}: weights of ${rows.length}`);
  }

  #weightRow(netuid: number, weights: Readonly<Record<string, number>>, where: string): { dests: number[]; weights: number[] } {
    const most = Math.max(...Object.values(weights));
    const entries = Object.entries(weights).map(([to, weight]) => {
      const uid = /^\d+$/.test(to) ? Number(to) : this.#storage.SubtensorModule.Uids.get(netuid, this.#account(to, `${where}.${to}`));
      if (uid === undefined) throw badScenario(`${where}.${to}`, 'its hotkey is not registered on the subnet');
      return [uid, most > 0 ? Math.round((weight / most) * MAX_WEIGHT) : 0] as const;
    });
    entries.sort(([a], [b]) => a - b);
    return { dests: entries.map(([uid]) => uid), weights: entries.map(([, weight]) => weight) };
  }

  get #number(): number {
    return this.#node.head.header.number;
  }

  get #storage(): ReturnType<LocalNode['chain']['storageAt']> {
    return this.#node.chain.storageAt(this.#number);
  }

  #netuidOf(ownerHotkey: string): number | undefined {
    const { TotalNetworks, SubnetOwnerHotkey, NetworksAdded } = this.#storage.SubtensorModule;
    return Array.from({ length: TotalNetworks.get() }, (_, netuid) => netuid).find((netuid) => netuid > 0 && NetworksAdded.get(netuid) && SubnetOwnerHotkey.get(netuid) === ownerHotkey);
  }

  #signed(name: string, where: string): Origin {
    return { type: 'signed', account: this.#account(name, where) };
  }

  /** The account of a name of the scenario, a URI or an address. */
  #account(name: string, where: string): string {
    const uri = Object.hasOwn(this.#scenario.accounts, name) ? (this.#scenario.accounts[name]?.uri ?? name) : name;
    const account = accountOfAddress(uri) ?? accountOfUri(uri);
    if (account === undefined) throw badScenario(where, `"${name.slice(0, 60)}" is no name of accounts, no URI such as //Alice and no ss58 address`);
    return account;
  }

  #call(origin: Origin, call: RuntimeCall, where: string): void {
    let failed: string | undefined;
    this.#node.edit((execution) => {
      const error = execution.attempt(() => dispatch(execution, origin, call));
      if (error !== undefined) failed = errorName(error);
    });
    if (failed !== undefined) throw badScenario(where, `${call.pallet}.${call.call} failed with ${failed}`);
  }
}

interface NeuronPlace {
  readonly neuron: NeuronScenario;
  readonly where: string;
}

/** Gives the account what it lacks to have this much, and to stay alive. */
function topUp(execution: Execution, account: string, balanceRao: bigint): void {
  const missing = balanceRao + EXISTENTIAL_DEPOSIT - freeBalance(execution, account);
  if (missing > 0n) fundAccount(execution, account, missing);
}

function axonCall(netuid: number, { ip, port, protocol, version }: NonNullable<NeuronScenario['axon']>): RuntimeCall {
  const isV6 = ip.includes(':');
  return { pallet: 'SubtensorModule', call: 'serve_axon', args: { netuid, version, ip: isV6 ? ipv6(ip) : ipv4(ip), port, ip_type: isV6 ? 6 : 4, protocol, placeholder1: 0, placeholder2: 0 } };
}

function ipv4(ip: string): bigint {
  return ip.split('.').reduce((value, part) => (value << 8n) | BigInt(part), 0n);
}

function ipv6(ip: string): bigint {
  const [head = '', tail = ''] = ip.split('::');
  const [left, right] = [head, tail].map((text) => text.split(':').filter((group) => group !== '')) as [string[], string[]];
  const missing = 8 - left.length - right.length;
  return [...left, ...Array<string>(ip.includes('::') ? missing : 0).fill('0'), ...right].reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n);
}

/** The root call that sets a hyperparameter: `tempo` is `AdminUtils.sudo_set_tempo(netuid, …)`. */
function hyperparameterCall(netuid: number, name: string, value: unknown, where: string): RuntimeCall {
  const call = `sudo_set_${name}`;
  const calls = pallets.AdminUtils.calls as Readonly<Record<string, readonly [number, unknown]>>;
  const fields = Object.hasOwn(calls, call) ? Object.entries((calls[call]?.[1] ?? {}) as Readonly<Record<string, string>>) : [];
  const [first, ...rest] = fields;
  if (first?.[0] !== 'netuid' || rest.length === 0) {
    const known = Object.entries(calls).filter(([, [, args]]) => Object.keys(args as object)[0] === 'netuid');
    throw badScenario(where, `there is no such hyperparameter. There are: ${known.map(([setter]) => setter.slice('sudo_set_'.length)).join(', ')}`);
  }
  const values = rest.length === 1 ? [value] : Array.isArray(value) && value.length === rest.length ? (value as unknown[]) : undefined;
  if (values === undefined) throw badScenario(where, `expected a list of ${rest.map(([field]) => field).join(', ')}`);
  try {
    return { pallet: 'AdminUtils', call, args: { netuid, ...Object.fromEntries(rest.map(([field, type], index) => [field, valueFromJson(type, values[index], where)])) } };
  } catch (cause) {
    throw cause instanceof LocalnetError ? new LocalnetError('bad-scenario', cause.message, { cause }) : cause;
  }
}

function badScenario(where: string, problem: string): LocalnetError {
  return new LocalnetError('bad-scenario', `The scenario cannot be carried out. ${where}: ${problem}.`, { context: { where } });
}
