import { isChainError } from '../src/errors.ts';

/** The code of the `ChainError` with which `run` refuses, or `none`; any other error is the test's failure. */
export function codeOfRun(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (isChainError(error)) return error.code;
    throw error;
  }
  return 'none';
}

/** {@link codeOfRun} of what a promise ends with. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (isChainError(error)) return error.code;
    throw error;
  }
  return 'none';
}
