import { describe, expect, expectTypeOf, it } from 'vitest';
import { isMoeError, MoeError } from '../src/index.ts';

describe('MoeError', () => {
  const cause = new Error('below');
  const error = new MoeError('tensor-missing', { message: 'there is no tensor "x"', context: { tensor: 'x' }, cause });

  it('carries code, frozen context and cause', () => {
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: 'MoeError', code: 'tensor-missing', context: { tensor: 'x' }, message: 'there is no tensor "x"', cause });
    expect(Object.isFrozen(error.context)).toBe(true);
    expect('cause' in new MoeError('tensor-missing', { message: '', context: { tensor: '' } })).toBe(false);
  });

  it('is known by its brand, also from another copy of the package', () => {
    const foreign = Object.assign(new Error('x'), { code: 'tensor-missing', [Symbol.for('@connito/moe-core/MoeError')]: true });
    for (const known of [error, foreign]) {
      expect(isMoeError(known)).toBe(true);
      expect(isMoeError(known, 'tensor-missing')).toBe(true);
      expect(isMoeError(known, 'file-missing')).toBe(false);
    }
    for (const other of [cause, null, undefined, 'tensor-missing', { code: 'tensor-missing' }]) expect(isMoeError(other)).toBe(false);
  });

  it('types the context by the code', () => {
    const caught: unknown = error;
    if (isMoeError(caught, 'source-short-read')) expectTypeOf(caught.context.offset).toEqualTypeOf<number>();
    if (isMoeError(caught, 'tensor-missing')) expectTypeOf(caught.context.tensor).toEqualTypeOf<string>();
  });
});
