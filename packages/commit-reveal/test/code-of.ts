import { isCommitRevealError } from '../src/index.ts';

/** The code with which `run` refuses, or `none`; any other error is the test's failure. */
export function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (isCommitRevealError(error)) return error.code;
    throw error;
  }
  return 'none';
}

/** {@link codeOf} of what `run` promises. */
export async function codeOfAsync(run: () => Promise<unknown>): Promise<string> {
  try {
    await run();
  } catch (error) {
    if (isCommitRevealError(error)) return error.code;
    throw error;
  }
  return 'none';
}
