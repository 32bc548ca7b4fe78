/**
 * The demo's network: one localnet, one owner, validators and miners, each a process of its own, from the first block to the last cycle.
 *
 * @module
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connectChain, watchBlocks, type Chain, type FinalisedBlock } from '@connito/chain';
import { formatExpertConfig } from '@connito/moe-core';
import { writeFileAtomic } from '@connito/moe-core/node';
import type { AgentEvent, TaskRulesOverrides } from '@connito/subnet';
import type { PreparedTask } from './prepare-task.ts';
import type { Participant } from './participants.ts';
import { startProcess, type RunningProcess } from './processes.ts';
import { setUpSubnet, type DemoSubnet } from './set-up-chain.ts';

/** Short cycles of chain time; each leaves room for the rounds R1 and R2, 48 s after commit and score phase, and the blocks that follow them. */
const DEMO_RULES: TaskRulesOverrides = {
  schedule: { distributeMs: 60_000, trainMs: 60_000, commitMs: 60_000, scoreMs: 144_000, publishMs: 144_000 },
};

/** Blocks between set-up and the first cycle: enough for an epoch, which gives validators their permits. */
const BLOCKS_BEFORE_START = 24;
const BLOCK_MS = 12_000;

/** A network to run. */
export interface NetworkPlan {
  readonly participants: readonly Participant[];
  readonly task: PreparedTask;
  readonly taskName: string;
  readonly modelDirectory: string;
  readonly out: string;
  readonly seed: number;
  readonly device: string;
  readonly signal: AbortSignal;
  /** The subnet is there, its roles are about to start. */
  readonly onReady: (subnet: DemoSubnet) => void;
  readonly onHead: (block: FinalisedBlock) => void;
  readonly onEvent: (name: string, event: AgentEvent) => void;
}

/** A network that has run to its end. The chain is still up, for reading. */
export interface FinishedNetwork extends DemoSubnet {
  readonly endpoint: string;
  readonly storeDirectory: string;
  close(): Promise<void>;
}

/** Starts everything, waits until every role has ended well, and leaves only the chain running. Stops all on failure or abort. */
export async function runNetwork(plan: NetworkPlan): Promise<FinishedNetwork> {
  const running: RunningProcess[] = [];
  let connection: Chain | undefined;
  const stopAll = async (): Promise<void> => {
    await connection?.close();
    await Promise.all(running.splice(0).map((process) => process.stop()));
  };
  try {
    const logs = join(plan.out, 'logs');
    await mkdir(logs, { recursive: true });
    const { process: chain, endpoint } = await startChain(plan, logs);
    running.push(chain);
    connection = await connectChain({ endpoint });
    await watchBlocks(connection, plan.onHead);
    const subnet = await setUpSubnet(endpoint, plan.participants);
    plan.onReady(subnet);
    const storeDirectory = join(plan.out, 'store');
    const start = { plan, endpoint, subnet, storeDirectory, logs, startMs: await startTimeMs(connection) };
    await writeOwnerFiles(plan);
    const roles = plan.participants.map((participant) => startRole(participant, start));
    running.push(...roles);
    await raceAbort(Promise.race([endsEarly(chain), Promise.all(roles.map(({ done }) => done))]), plan.signal);
    return { ...subnet, endpoint, storeDirectory, close: stopAll };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

async function startChain({ participants, seed, signal, out }: NetworkPlan, logs: string): Promise<{ process: RunningProcess; endpoint: string }> {
  const { promise, resolve } = deferred<string>();
  const process = startProcess(
    {
      name: 'localnet',
      args: ['localnet', '--json', '--quiet', '--port', '0', '--seed', String(seed), '--wait-for', String(participants.length), '--state', join(out, 'chain')],
      onEvent: (event) => resolve((event as { endpoint: string }).endpoint),
    },
    logs,
  );
  try {
    return { process, endpoint: await raceAbort(Promise.race([promise, endsEarly(process)]), signal) };
  } catch (error) {
    await process.stop();
    throw error;
  }
}

/** Rejects when a process that should go on ends. */
async function endsEarly({ name, done }: RunningProcess): Promise<never> {
  await done;
  throw new Error(`${name} ended before the demo did`);
}

/** Chain time of cycle 0, the same for the same set-up. */
async function startTimeMs(chain: Chain): Promise<number> {
  return (await chain.finalisedHead()).timestampMs + BLOCKS_BEFORE_START * BLOCK_MS;
}

function rulesPath(out: string): string {
  return join(out, 'rules.json');
}

function expertsPath(out: string): string {
  return join(out, 'expert_cfg.json');
}

async function writeOwnerFiles({ out, task }: NetworkPlan): Promise<void> {
  await writeFile(rulesPath(out), `${JSON.stringify(DEMO_RULES, null, 2)}\n`);
  await writeFileAtomic(expertsPath(out), new TextEncoder().encode(formatExpertConfig({ experts: task.selection, sharedExperts: false, nonExpertModules: false })));
}

interface RoleStart {
  readonly plan: NetworkPlan;
  readonly endpoint: string;
  readonly subnet: DemoSubnet;
  readonly storeDirectory: string;
  readonly logs: string;
  readonly startMs: number;
}

function startRole({ role, name, uri, strategy }: Participant, { plan, endpoint, subnet, storeDirectory, logs, startMs }: RoleStart): RunningProcess {
  const { out, device, task, modelDirectory, taskName } = plan;
  const common = ['--json', '--network', endpoint, '--netuid', String(subnet.netuid), '--store', storeDirectory, '--state', join(out, 'state', name), '--device', device];
  const own: Record<Participant['role'], readonly string[]> = {
    owner: ['--name', taskName, '--model', modelDirectory, '--data', task.dataDirectory, '--experts', expertsPath(out), '--rules', rulesPath(out), '--start', String(startMs)],
    miner: ['--strategy', strategy ?? 'honest'],
    validator: [],
  };
  const onEvent = (event: unknown): void => plan.onEvent(name, event as AgentEvent);
  return startProcess({ name, args: [role, 'run', ...common, ...own[role]], env: { CONNITO_KEY: uri }, onEvent }, logs);
}

/** `Promise.withResolvers` of Node 22. */
function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  const settle: { resolve?: (value: T) => void } = {};
  const promise = new Promise<T>((resolve) => {
    settle.resolve = resolve;
  });
  return { promise, resolve: (value) => settle.resolve?.(value) };
}

function raceAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
