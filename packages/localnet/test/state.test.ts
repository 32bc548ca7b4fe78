import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StateHistory, StateOverlay } from '../src/state.ts';

const bytes = (value: number): Uint8Array => new Uint8Array([value]);

describe('the history of state', () => {
  it('equals a list of whole states, within its window', () => {
    const change = fc.dictionary(fc.constantFrom('aa', 'ab', 'b0', 'b1', 'c2'), fc.option(fc.nat(255), { nil: undefined }), { maxKeys: 4 });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 20 }), fc.integer({ min: 1, max: 8 }), (blocks, window) => {
        const history = new StateHistory({ windowBlocks: window });
        const states: Map<string, number>[] = [];
        blocks.forEach((changes, number) => {
          const next = new Map(states.at(-1));
          for (const [key, value] of Object.entries(changes)) if (value === undefined) next.delete(key);
            else next.set(key, value);
          states.push(next);
          history.apply(number, new Map(Object.entries(changes).map(([key, value]) => [key, value === undefined ? undefined : bytes(value)])));
        });
        for (let number = history.oldestBlock; number < states.length; number++) {
          const state = states[number] as Map<string, number>;
          for (const key of ['aa', 'ab', 'b0', 'b1', 'c2']) expect(history.get(key, number)?.[0]).toBe(state.get(key));
          for (const prefix of ['', 'a', 'b']) expect(history.keys(prefix, number, { count: 9 })).toEqual([...state.keys()].filter((key) => key.startsWith(prefix)).sort());
        }
      }),
    );
  });

  it('pages keys after a start key', () => {
    const history = new StateHistory({ windowBlocks: 10 });
    history.apply(0, new Map(['a1', 'a2', 'a3', 'b1'].map((key) => [key, bytes(1)])));
    expect(history.keys('a', 0, { count: 2 })).toEqual(['a1', 'a2']);
    expect(history.keys('a', 0, { start: 'a2', count: 2 })).toEqual(['a3']);
    expect(history.keys('a', 0, { start: 'a15', count: 2 })).toEqual(['a2', 'a3']);
    expect(history.keys('b', 0, { start: 'a1', count: 2 })).toEqual(['b1']);
  });

  it('forgets keys that were removed before the window', () => {
    const history = new StateHistory({ windowBlocks: 2 });
    history.apply(0, new Map([['aa', bytes(1)]]));
    history.apply(1, new Map([['aa', undefined]]));
    for (let number = 2; number < 6; number++) history.apply(number, new Map());
    expect(history.keys('', 5, { count: 9 })).toEqual([]);
    history.apply(6, new Map([['aa', bytes(2)]]));
    expect(history.keys('', 6, { count: 9 })).toEqual(['aa']);
  });
});

describe('an overlay', () => {
  it('keeps or forgets layers', () => {
    const overlay = new StateOverlay({ get: (key) => (key === 'base' ? bytes(9) : undefined) });
    overlay.set('a', bytes(1));
    overlay.begin();
    overlay.set('a', bytes(2));
    overlay.begin();
    overlay.set('base', undefined);
    expect(overlay.get('base')).toBeUndefined();
    overlay.rollback();
    expect(overlay.get('base')).toEqual(bytes(9));
    overlay.commit();
    expect(overlay.get('a')).toEqual(bytes(2));
    overlay.set('base', bytes(9));
    expect([...overlay.changes()]).toEqual([['a', bytes(2)]]);
  });
});
