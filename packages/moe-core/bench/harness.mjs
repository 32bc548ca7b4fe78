/**
 * What every benchmark here shares: a Python peer that stays up, rounds that alternate between ours and the peer's (so that a busy machine slows
 * both), and a table of medians and ratios.
 *
 *   PYTHON=/path/to/python npm run bench -- moe-core
 *
 * The Python needs torch 2.13, safetensors and numpy (`requirements.txt` beside this file). Without PYTHON only this package is measured, and that is said.
 * @module
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Starts `<topic>.py`; its calls are the functions that it hands to `peer.serve`. `undefined` without PYTHON. */
export function openPeer(url) {
  const python = process.env.PYTHON;
  if (!python) {
    console.log('PYTHON is not set: the peer is not measured.');
    return undefined;
  }
  const child = spawn(python, [fileURLToPath(url)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const failed = new Promise((_, reject) => child.once('error', reject));
  failed.catch(() => undefined);
  return {
    /** The result of one call; numbers, strings, lists. */
    async call(name, args = {}) {
      child.stdin.write(`${JSON.stringify({ name, args })}\n`);
      const { value, done } = await Promise.race([lines.next(), failed]);
      if (done) throw new Error(`the peer ended in ${name}; its error stands above`);
      return JSON.parse(value).result;
    },
    close() {
      child.stdin.end();
    },
  };
}

/** Seconds that an action takes. */
export async function seconds(action) {
  const start = performance.now();
  await action();
  return (performance.now() - start) / 1000;
}

/**
 * Measures subjects in alternating rounds, after one round that is not counted.
 * @param subjects name to a function that returns the seconds of one run
 * @returns name to the median of its rounds
 */
export async function measureRounds(subjects, rounds = 7) {
  const samples = new Map(Object.keys(subjects).map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, run] of Object.entries(subjects)) {
      const spent = await run();
      if (round > 0) samples.get(name).push(spent);
    }
  }
  return new Map([...samples].map(([name, all]) => [name, median(all)]));
}

/** Prints a line per subject: its rate, and how many times faster than `against` it is. */
export function report(title, { medians, work, unit, against }) {
  console.log(`\n${title}`);
  const base = medians.get(against);
  for (const [name, spent] of medians) {
    const rate = work / spent;
    const ratio = base === undefined || name === against ? '' : `   ${(base / spent).toFixed(2)} × ${against}`;
    console.log(`  ${name.padEnd(44)} ${rate.toPrecision(4).padStart(9)} ${unit}${ratio}`);
  }
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
