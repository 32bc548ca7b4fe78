import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { Block } from '../src/block.ts';
import { openChainStore, type ChainStore } from '../src/disk.ts';
import { isLocalnetError } from '../src/errors.ts';
import { StateHistory } from '../src/state.ts';

const root = mkdtempSync(join(tmpdir(), 'connito-disk-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const KEYS = ['aa', 'ab', 'ab01', 'b0', 'b1ff', 'c2'];
const bytes = (value: number): Uint8Array => Uint8Array.of(value);
const hash = (number: number, fork: number): string => (number * 1000 + fork).toString(16).padStart(64, '0');
const blockOf = (number: number, fork: number): Block => ({
  hash: hash(number, fork),
  header: { parentHash: hash(number - 1, fork), number, stateRoot: hash(0, 0), extrinsicsRoot: hash(0, 0) },
  extrinsics: [bytes(number)],
  timestampMs: number * 1000,
});

type State = ReadonlyMap<string, number>;
const change = fc.dictionary(fc.constantFrom(...KEYS), fc.option(fc.nat(255), { nil: undefined }), { maxKeys: 4 });
const step = fc.oneof(
  { weight: 8, arbitrary: change.map((changes) => ({ type: 'put' as const, changes })) },
  { weight: 2, arbitrary: fc.nat(4).map((depth) => ({ type: 'rewind' as const, depth })) },
  { weight: 1, arbitrary: fc.nat(3).map((hold) => ({ type: 'evict' as const, hold })) },
  { weight: 1, arbitrary: fc.constant({ type: 'reopen' as const }) },
  { weight: 1, arbitrary: fc.constant({ type: 'prune' as const }) },
);

describe('a chain on disk with the newest blocks in memory', () => {
  it('equals a list of whole states, whatever is rewound, evicted, pruned and opened again', async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
        const directory = join(root, String(run++));
        let store = openChainStore(directory);
        const begin = new Map([['aa', 7], ['b0', 8]]);
        store.reset({ genesis: blockOf(0, 0), parent: undefined, head: blockOf(0, 0), blockTimeMs: 1, state: new Map([...begin].map(([key, value]) => [key, bytes(value)])) }, { forked: false });
        let history = historyOf(store);
        const states: State[] = [begin];
        const blocks: Block[] = [blockOf(0, 0)];
        let first = 0;
        for (const [index, action] of steps.entries()) {
          const head = states.length - 1;
          if (action.type === 'put') {
            const next = new Map(states[head]);
            for (const [key, value] of Object.entries(action.changes)) if (value === undefined) next.delete(key);
              else next.set(key, value);
            const changes = new Map(Object.entries(action.changes).map(([key, value]) => [key, value === undefined ? undefined : bytes(value)]));
            const block = blockOf(head + 1, index);
            store.put(block, changes);
            history.apply(head + 1, changes);
            states.push(next);
            blocks.push(block);
          } else if (action.type === 'rewind') {
            const to = Math.max(first, head - action.depth);
            store.rewind(to);
            history.rewind(to);
            states.length = to + 1;
            blocks.length = to + 1;
          } else if (action.type === 'evict') history.evict(head - action.hold);
          else if (action.type === 'prune' && first < head) store.prune(++first);
          else if (action.type === 'reopen') {
            await store.close();
            store = openChainStore(directory);
            history = historyOf(store);
          }
          check(store, history, { states, blocks, first });
        }
        await store.close();
      }),
      { numRuns: 25 },
    );
  });

  it('refuses a directory that is no chain, or of another format', async () => {
    const directory = join(root, 'torn');
    const store = openChainStore(directory);
    await store.close();
    writeFileSync(join(directory, 'chain.lmdb'), 'not a database, but long enough to be looked at as if it were one'.repeat(200));
    let code: unknown;
    try {
      openChainStore(directory);
    } catch (error) {
      code = isLocalnetError(error) && error.code;
    }
    expect(code).toBe('bad-state');
  });
});

function historyOf(store: ChainStore): StateHistory {
  const history = new StateHistory({ windowBlocks: 1000, archive: store });
  const { head, firstBlock } = store.chain() as NonNullable<ReturnType<ChainStore['chain']>>;
  history.begin(head.header.number, firstBlock);
  return history;
}

function check(store: ChainStore, history: StateHistory, { states, blocks, first }: { states: readonly State[]; blocks: readonly Block[]; first: number }): void {
  expect(store.chain()?.head.hash).toBe(blocks.at(-1)?.hash);
  for (let number = first; number < states.length; number++) {
    const state = states[number] as State;
    for (const key of KEYS) expect(history.get(key, number)?.[0]).toBe(state.get(key));
    for (const prefix of ['', 'aa', 'ab', 'b1']) expect(history.keys(prefix, number, { count: 99 })).toEqual([...state.keys()].filter((key) => key.startsWith(prefix)).sort());
    expect(store.blockByNumber(number)).toEqual(blocks[number]);
    expect(store.blockByHash(blocks[number]?.hash ?? '')).toEqual(blocks[number]);
  }
  expect(store.blockByNumber(states.length)).toBeUndefined();
  expect(first > 0 && store.blockByNumber(first - 1) !== undefined).toBe(false);
}
