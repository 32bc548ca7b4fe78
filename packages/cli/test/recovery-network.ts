/**
 * A whole network of real processes on a real development chain, small enough for a test, whose members can be killed and started again.
 *
 * @module
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { connectChain } from '@connito/chain';
import { prepareDataset } from '@connito/dataset';
import { modelDirectory, textDirectory } from '@connito/demo-data';
import { formatExpertConfig } from '@connito/moe-core';
import type { AgentEvent, TaskRulesOverrides } from '@connito/subnet';
import { demoParticipants, type Participant } from '../src/demo/participants.ts';
import { setUpSubnet } from '../src/demo/set-up-chain.ts';
import { main } from './run-connito.ts';

export const CYCLES = 2;
export const TRAIN_STEPS = 12;
const SEED = 7;
const SEQUENCE_LENGTH = 128;
const BLOCK_MS = 12_000;

/** Cycles as short as the demo's; figures just large enough that merges pass the gate and that scoring takes a while. */
const RULES: TaskRulesOverrides = {
  schedule: { distributeMs: 60_000, trainMs: 60_000, commitMs: 60_000, scoreMs: 144_000, publishMs: 144_000 },
  training: { steps: TRAIN_STEPS, batchSize: 4 },
  scoring: { rows: 48 },
  gate: { rows: 24, generalRows: 16 },
};

/** Experts that the demo's selection contains. */
const EXPERTS: ReadonlyMap<number, readonly number[]> = new Map([
  [0, [1, 14]],
  [1, [9, 4]],
  [2, [10, 1]],
  [3, [7, 9]],
]);

/** An event with the name of its author; `life` counts the author's processes from 1. */
export interface NetworkEvent {
  readonly name: string;
  readonly life: number;
  readonly event: AgentEvent;
}

/** What became of a network that has run to its end. */
export interface NetworkOutcome {
  readonly events: readonly NetworkEvent[];
  /** How each process ended, in order: `validator-1 SIGKILL`, `miner-1 0`. */
  readonly ends: readonly string[];
}

/** Shards and files that every run of the test shares. */
export async function prepareFiles(directory: string): Promise<void> {
  await prepareDataset({
    target: [join(textDirectory, 'target')],
    general: [join(textDirectory, 'general')],
    tokenizer: modelDirectory,
    out: join(directory, 'data'),
    sequenceLength: SEQUENCE_LENGTH,
    cycles: CYCLES,
    trainShards: 2,
    heldOutRows: 96,
    generalRows: 32,
    testRows: 16,
    seed: SEED,
  });
  await writeFile(join(directory, 'rules.json'), JSON.stringify(RULES));
  await writeFile(join(directory, 'expert_cfg.json'), formatExpertConfig({ experts: EXPERTS, sharedExperts: false, nonExpertModules: false }));
}

/** How a network is run. */
export interface NetworkRun {
  /** What {@link prepareFiles} has filled. */
  readonly files: string;
  /** Of this run's own. */
  readonly out: string;
  /** Sees every event as it comes; `kill` ends its author with SIGKILL and then starts the same command again. */
  readonly onEvent?: (entry: NetworkEvent, kill: () => void) => void;
}

/** Runs one owner, two validators and two honest miners until all have ended well. Leaves no process, however it ends. */
export async function runNetwork({ files, out, onEvent }: NetworkRun): Promise<NetworkOutcome> {
  const processes = new Processes();
  const participants = demoParticipants({ seed: SEED, miners: 2, validators: 2 });
  try {
    await mkdir(out, { recursive: true });
    const endpoint = await startChain(processes, participants.length);
    const { netuid } = await setUpSubnet(endpoint, participants);
    const common = ['--json', '--network', endpoint, '--netuid', String(netuid), '--store', join(out, 'store'), '--device', 'cpu'];
    const start = String((await headTimeMs(endpoint)) + 24 * BLOCK_MS);
    const ofOwner = ['--name', 'test', '--model', modelDirectory, '--data', join(files, 'data'), '--experts', join(files, 'expert_cfg.json'), '--rules', join(files, 'rules.json'), '--start', start];
    const events: NetworkEvent[] = [];
    const runParticipant = ({ role, name, uri }: Participant): Promise<void> =>
      processes.runUntilItEndsWell(name, [role, 'run', ...common, '--state', join(out, name), ...(role === 'owner' ? ofOwner : [])], { CONNITO_KEY: uri }, (value, life, kill) => {
        const entry = { name, life, event: value as AgentEvent };
        events.push(entry);
        onEvent?.(entry, kill);
      });
    await Promise.race([processes.failed, Promise.all(participants.map(runParticipant))]);
    return { events, ends: [...processes.ends] };
  } finally {
    await processes.close();
  }
}

async function startChain(processes: Processes, waitFor: number): Promise<string> {
  const args = ['localnet', '--json', '--quiet', '--port', '0', '--seed', String(SEED), '--wait-for', String(waitFor)];
  const endpoint = new Promise<string>((resolve) => {
    processes.start('localnet', args, {}, (value) => resolve((value as { endpoint: string }).endpoint));
  });
  return Promise.race([processes.failed, endpoint]);
}

async function headTimeMs(endpoint: string): Promise<number> {
  const chain = await connectChain({ endpoint });
  try {
    return (await chain.finalisedHead()).timestampMs;
  } finally {
    await chain.close();
  }
}

type OnLine = (value: unknown, life: number, kill: () => void) => void;

/** The processes of one run. */
class Processes {
  /** Rejects when a process ends otherwise than by success, our SIGKILL, or `close`. */
  readonly failed: Promise<never>;
  readonly ends: string[] = [];
  readonly #running = new Map<ChildProcess, Promise<unknown>>();
  #fail!: (error: Error) => void;
  #isClosing = false;

  constructor() {
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.failed.catch(() => undefined);
  }

  /** Starts a process; resolves with `true` when it has ended well and `false` when it was killed. */
  start(name: string, args: readonly string[], env: Readonly<Record<string, string>>, onLine: OnLine, life = 1): Promise<boolean> {
    const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'], env: { ...process.env, ...env, CONNITO_CHILD: '1' } });
    let isKilled = false;
    let stderr = '';
    const kill = (): void => {
      isKilled ||= child.kill('SIGKILL');
    };
    createInterface({ input: child.stdout! }).on('line', (line) => onLine(JSON.parse(line), life, kill));
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const ended = new Promise<boolean>((resolve) => {
      child.once('close', (code, signal) => {
        this.#running.delete(child);
        this.ends.push(`${name} ${signal ?? code}`);
        const isWell = code === 0 || (isKilled && signal === 'SIGKILL');
        if (!isWell && !this.#isClosing) this.#fail(new Error(`${name} ended with ${signal ?? code}: ${stderr}`));
        resolve(code === 0);
      });
    });
    this.#running.set(child, ended);
    return ended;
  }

  /** The same command again and again until it ends by itself. */
  async runUntilItEndsWell(name: string, args: readonly string[], env: Readonly<Record<string, string>>, onLine: OnLine): Promise<void> {
    for (let life = 1; !(await this.start(name, args, env, onLine, life)); life += 1) if (this.#isClosing) return;
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    const running = [...this.#running];
    for (const [child] of running) child.kill('SIGKILL');
    await Promise.all(running.map(([, ended]) => ended));
  }
}
