import { expect } from 'vitest';
import { isMoeError, type MoeError, type MoeErrorCode } from '../src/index.ts';

/** The error that `action` throws or rejects with; it must be a MoeError with this code. */
export async function expectCode<Code extends MoeErrorCode>(code: Code, action: () => unknown): Promise<MoeError<Code>> {
  try {
    await action();
  } catch (error) {
    if (!isMoeError(error)) throw error;
    if (isMoeError(error, code)) return error;
    expect([error.code, error.message]).toEqual([code, expect.anything()]);
  }
  throw new Error(`expected ${code}, nothing was thrown`);
}
