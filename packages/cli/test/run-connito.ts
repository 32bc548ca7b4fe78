/** Runs the built command as a process of its own. @module */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const main: string = fileURLToPath(new URL('../dist/main.js', import.meta.url));

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs to the end; `until` may look at the output as stdout comes and act on the process (a signal, say). */
export function connito(args: readonly string[], { env = {}, until }: { readonly env?: Record<string, string>; readonly until?: (stdout: string, kill: (signal: NodeJS.Signals) => void, stderr: string) => void } = {}): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NO_COLOR: '1', CONNITO_DEBUG: '', ...env } });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      until?.(stdout, (signal) => child.kill(signal), stderr);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('error', reject);
    child.once('close', (code) => {
      // Says so, rather than look like a command that failed: a build was replacing what this process runs from.
      if (/ERR_MODULE_NOT_FOUND/.test(stderr)) reject(new Error(`connito could not load itself: was it built while the tests ran?\n${stderr}`));
      else resolve({ code, stdout, stderr });
    });
  });
}
