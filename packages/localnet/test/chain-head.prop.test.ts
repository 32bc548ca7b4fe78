import { ok } from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openBareNode, type BareNode, type Event } from './bare-node.ts';

const RUNS = process.env['CONNITO_SLOW'] === undefined ? 25 : 1000;

/** What a client that trusts the specification knows of the chain; it fails where an event does not follow from those before. */
class Reader {
  readonly #parents = new Map<string, string>();
  readonly pinned = new Set<string>();
  finalized = '';
  best = '';
  stopped = false;

  hear({ event, ...fields }: Event): void {
    ok(!this.stopped);
    if (event === 'initialized') this.#initialized(fields['finalizedBlockHashes'] as string[]);
    if (event === 'newBlock') this.#newBlock(fields['blockHash'] as string, fields['parentBlockHash'] as string);
    if (event === 'bestBlockChanged') this.#bestBlockChanged(fields['bestBlockHash'] as string);
    if (event === 'finalized') this.#final(fields['finalizedBlockHashes'] as string[], fields['prunedBlockHashes'] as string[]);
    this.stopped = event === 'stop';
  }

  #initialized(final: readonly string[]): void {
    ok(this.finalized === '');
    for (const hash of final) this.pinned.add(hash);
    this.finalized = final.at(-1) as string;
  }

  #newBlock(hash: string, parent: string): void {
    ok(!this.#knows(hash) && this.#knows(parent));
    this.#parents.set(hash, parent);
    this.pinned.add(hash);
  }

  #bestBlockChanged(hash: string): void {
    ok(this.#knows(hash));
    this.best = hash;
  }

  #final(final: readonly string[], pruned: readonly string[]): void {
    for (const hash of final) {
      ok(this.#parents.get(hash) === this.finalized);
      this.finalized = hash;
      this.#parents.delete(hash);
    }
    for (const hash of pruned) ok(this.#parents.delete(hash));
    ok(!pruned.includes(this.best) && this.#knows(this.best));
    for (const parent of this.#parents.values()) ok(this.#knows(parent));
  }

  #knows(hash: string): boolean {
    return hash === this.finalized || this.#parents.has(hash);
  }
}

type Step = { readonly kind: 'seal' | 'reorganize' | 'snapshot' | 'restore' | 'stale' | 'fresh' | 'follow'; readonly count: number };

const steps = fc.array(fc.record({ kind: fc.constantFrom<Step['kind']>('seal', 'seal', 'seal', 'reorganize', 'reorganize', 'snapshot', 'restore', 'stale', 'fresh', 'follow'), count: fc.integer({ min: 1, max: 5 }) }), { minLength: 1, maxLength: 30 });

function perform({ controls, node, faults }: BareNode, { kind, count }: Step): void {
  if (kind === 'seal') controls.seal(count);
  if (kind === 'reorganize' && node.head.header.number - node.finalized.header.number >= count) controls.reorganize(count);
  if (kind === 'snapshot') controls.takeSnapshot('one');
  if (kind === 'restore' && controls.snapshots.has('one')) controls.restoreSnapshot('one');
  if (kind === 'stale') faults.set({ stale: true });
  if (kind === 'fresh') faults.clear();
}

describe('chainHead_v1_follow', () => {
  it('tells, whatever happens to the chain, only what follows from what it told before, and ends where the chain stands', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 4 }), steps, async (finalityLagBlocks, list) => {
        const bare = await openBareNode({ finalityLagBlocks });
        const client = bare.client();
        let readers: { id: string; reader: Reader }[] = [];
        const begin = (): void => void (readers.length < 4 && readers.push({ id: client.ask<string>('chainHead_v1_follow', false), reader: new Reader() }));
        begin();
        for (const step of [...list, { kind: 'fresh', count: 1 } as const]) {
          if (step.kind === 'follow') begin();
          else perform(bare, step);
          for (const { id, reader } of readers) for (const event of client.events(id).splice(0)) reader.hear(event);
          readers = readers.filter(({ reader }) => !reader.stopped);
        }
        for (const { id, reader } of readers) {
          expect([reader.best, reader.finalized]).toEqual([`0x${bare.node.head.hash}`, `0x${bare.node.finalized.hash}`]);
          expect(client.ask('chainHead_v1_unpin', id, [...reader.pinned])).toBeNull();
        }
        bare.close();
      }),
      { numRuns: RUNS },
    );
  });
});
