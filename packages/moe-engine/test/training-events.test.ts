import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packDocuments, trainExperts, trainingEvents, type TrainOptions } from '@connito/moe-engine';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadTinyModel, startOf, type TinyModel } from './tiny-model.ts';

let model: TinyModel;
let scratch: string;

beforeAll(async () => {
  model = await loadTinyModel('grouped');
  scratch = await mkdtemp(join(tmpdir(), 'connito-training-events-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const rows = packDocuments(
  Array.from({ length: 30 }, (_, number) => ({ tokens: Array.from({ length: 2 + (number % 6) }, (_token, index) => (number * 7 + index * 3) % 40), labelMask: Array.from({ length: 2 + (number % 6) }, (_token, index) => Number(index > number % 3)) })),
  { sequenceLength: 9 },
);

function job(overrides: Partial<TrainOptions> = {}): TrainOptions {
  return { ...rows, checkpoint: model.directory, start: startOf(model), sequenceLength: 9, batchSize: 2, microBatches: 2, steps: 6, learningRate: 1e-2, rowSeed: 'events', device: 'cpu', ...overrides };
}

type StreamedEvent = ReturnType<typeof trainingEvents> extends AsyncGenerator<infer Event> ? Event : never;

async function collect(options: TrainOptions): Promise<StreamedEvent[]> {
  const seen: StreamedEvent[] = [];
  for await (const event of trainingEvents(options)) seen.push(event);
  return seen;
}

async function kinds(options: TrainOptions): Promise<string[]> {
  return (await collect(options)).map((event) => (event.kind === 'step' ? `step ${event.step}` : event.kind === 'notice' || event.kind === 'done' ? event.kind : `${event.kind} ${event.completedSteps}`));
}

describe('trainingEvents', () => {
  it('tells what happens, in order, and gives the result of trainExperts', async () => {
    const resumeDirectory = join(scratch, 'whole');
    expect(await kinds(job({ resumeDirectory, saveEverySteps: 4 }))).toEqual(['started 0', 'step 1', 'step 2', 'step 3', 'step 4', 'saved 4', 'step 5', 'step 6', 'saved 6', 'done']);
    expect(await kinds(job({ resumeDirectory, saveEverySteps: 4 }))).toEqual(['started 6', 'done']);
    const plain = await trainExperts(job());
    const [done] = (await collect(job())).filter((event) => event.kind === 'done');
    expect(done!.result.experts).toEqual(plain.experts);
  });

  it('a step says where its tokens went and how many counted', async () => {
    const steps = (await collect(job({ steps: 2 }))).filter((event) => event.kind === 'step');
    expect(steps.length).toBe(2);
    for (const event of steps) {
      expect(event.expertLoad.map(({ layer }) => layer)).toEqual(model.topology.moeLayers);
      expect(event.targets).toBeGreaterThan(0);
      expect(JSON.parse(JSON.stringify(event.expertLoad))).toEqual(event.expertLoad);
    }
  });

  it('cancels the run when its loop is left, and saves it', async () => {
    const resumeDirectory = join(scratch, 'left');
    for await (const event of trainingEvents(job({ steps: 100_000, resumeDirectory, saveEverySteps: 100_000 }))) if (event.kind === 'step' && event.step === 3) break;
    const resumed = trainingEvents(job({ steps: 100_000, resumeDirectory }));
    const { value: again } = await resumed.next();
    await resumed.return();
    expect(again).toMatchObject({ kind: 'started', steps: 100_000 });
    expect((again as { completedSteps: number }).completedSteps).toBeGreaterThanOrEqual(3);
  });

  it('throws what the run threw, after the events before it', async () => {
    const controller = new AbortController();
    const seen: string[] = [];
    const reading = (async () => {
      for await (const event of trainingEvents(job({ steps: 100_000, signal: controller.signal }))) {
        seen.push(event.kind);
        if (event.kind === 'step') controller.abort('enough');
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: 'aborted', cause: 'enough' });
    expect(seen.slice(0, 2)).toEqual(['started', 'step']);
    await expect(trainingEvents(job({ steps: 0 })).next()).rejects.toMatchObject({ code: 'bad-option' });
  });

  it('two trainers run side by side with the bits of one alone, and the main loop stays free', async () => {
    const alone = await trainExperts(job({ steps: 30 }));
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const both = await Promise.all([trainExperts(job({ steps: 30 })), trainExperts(job({ steps: 30 }))]);
    clearInterval(timer);
    for (const { experts } of both) expect(experts).toEqual(alone.experts);
    expect(turns).toBeGreaterThan(10);
  });
});
