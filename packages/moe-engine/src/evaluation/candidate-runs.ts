/**
 * Losses of many candidates, inside the worker thread: what they share is computed once a batch, the rest once for each.
 *
 * The pair of programs is compiled for the tensors that candidates may change and kept while these stay the same. What crosses the cut is kept
 * for the batch in hand only.
 *
 * @module
 */
import type { Tensor } from 'onnxruntime-common';
import { compileSplitEvaluation, type Program } from '../model/program.ts';
import { stopIfCancelled, type RequestContext } from '../runtime/loaded-engine.ts';
import type { CandidatesRequest, OpenRequest } from '../runtime/messages.ts';
import type { Runtime, Session } from '../runtime/runtime.ts';
import { batchesOf } from './batches.ts';
import { lossesOf } from './loss-runs.ts';
import { withPlacedExperts, type PlacedExperts } from './placed-experts.ts';

/** What candidates are computed with. */
export interface CandidateContext {
  readonly runtime: Runtime;
  /** The base's, by name. */
  readonly weights: ReadonlyMap<string, Tensor>;
  /** What the full program was compiled from. */
  readonly request: OpenRequest;
}

/** Answers requests about candidates. */
export interface CandidateRuns {
  /**
   * @returns `[N, S − 1]` for each candidate, in order; the bits are those of `computeLosses` with its experts
   * @throws {aborted} {runtime-failed}
   */
  run(request: CandidatesRequest, context: RequestContext): Promise<readonly Float32Array[]>;
}

type Feeds = Readonly<Record<string, Tensor>>;

/** A program with its session. */
interface Part {
  readonly program: Program;
  readonly session: Session;
}

interface Split {
  readonly key: string;
  readonly shared: Part;
  readonly own: Part;
}

/** Nothing is compiled before the first request. */
export function openCandidateRuns(context: CandidateContext): CandidateRuns {
  let split: Split | undefined;
  return {
    async run(request, { isCancelled }) {
      const key = request.changed.join();
      if (split?.key !== key) {
        const last = split;
        split = undefined;
        await last?.shared.session.release();
        await last?.own.session.release();
        split = { key, ...(await compileSplit(context, request.changed)) };
      }
      const { own, shared } = split;
      return withPlacedExperts(context.runtime, request.candidates, (candidates) => runCandidates({ own, shared }, { ...context, tokens: request.tokens, candidates, isCancelled }));
    },
  };
}

async function compileSplit({ runtime, request }: CandidateContext, changed: readonly string[]): Promise<Omit<Split, 'key'>> {
  const { shared, own } = compileSplitEvaluation({ ...request, profile: runtime.profile, changed });
  return { shared: { program: shared, session: await runtime.createSession(shared, { kept: true }) }, own: { program: own, session: await runtime.createSession(own) } };
}

type Job = Pick<CandidateContext, 'runtime' | 'weights'> & Pick<CandidatesRequest, 'tokens'> & Pick<RequestContext, 'isCancelled'> & { readonly candidates: readonly PlacedExperts[] };

async function runCandidates({ shared, own }: Omit<Split, 'key'>, { runtime, weights, tokens, candidates, ...context }: Job): Promise<readonly Float32Array[]> {
  const { batchSize, sequenceLength } = shared.program;
  const base = pick(weights, own.program.weights);
  const feeds = candidates.map((experts) => ({ ...base, ...experts }));
  const sharedFeeds = pick(weights, shared.program.weights);
  const predicted = sequenceLength - 1;
  const losses = candidates.map(() => new Float32Array((tokens.length / sequenceLength) * predicted));
  for (const { batch, row, rows } of batchesOf(tokens, shared.program)) {
    stopIfCancelled(context);
    const given = new Map([['tokens', runtime.tensor(batch, [batchSize, sequenceLength])]]);
    const crossing = await shared.session.run({ ...sharedFeeds, ...pick(given, shared.program.fed) });
    const carried = pick(new Map([...given, ...crossing]), own.program.fed);
    try {
      for (const [index, candidate] of feeds.entries()) {
        stopIfCancelled(context);
        const outputs = await own.session.run({ ...candidate, ...carried });
        losses[index]!.set(lossesOf(outputs).subarray(0, rows * predicted), row * predicted);
      }
    } finally {
      for (const tensor of crossing.values()) tensor.dispose();
    }
  }
  return losses;
}

function pick(from: ReadonlyMap<string, Tensor>, names: readonly string[]): Feeds {
  return Object.fromEntries(names.map((name) => [name, from.get(name)!]));
}
