/**
 * Expert scores from logs of routing: ESFT's text logs and our binary ones, against the Python that published the scores and against numpy. 64 experts,
 * top-6, one thread each, files warm in the page cache.
 * @module
 */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addRoutingLog, createExpertRelevance, encodeRoutingLog, gateScores, tokenScores } from '../dist/index.js';
import { openRoutingLogFile, readGateLogs, writeFileAtomic } from '../dist/node.js';
import { measureRounds, openPeer, report, seconds } from './harness.mjs';

const SIZE = { experts: 64, expertsPerToken: 6 };
const LAYERS = 4;
const SAMPLES = 160;
const TOKENS = 512;

let state = 1;
const random = () => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
};

function makeSample() {
  const ids = new Uint8Array(TOKENS * 6);
  const weights = new Float64Array(ids.length);
  for (let token = 0; token < TOKENS; token++) {
    const chosen = new Set();
    while (chosen.size < 6) chosen.add(Math.floor(random() ** 1.5 * 64));
    [...chosen].forEach((id, rank) => {
      ids[token * 6 + rank] = id;
      weights[token * 6 + rank] = Math.round(random() ** 3 * 5000) / 10_000;
    });
  }
  return { ids, weights };
}

const directory = mkdtempSync(join(tmpdir(), 'moe-core-bench-'));
const peer = openPeer(new URL('./routing-logs.py', import.meta.url));
try {
  const layers = Array.from({ length: LAYERS }, (_, layer) => layer + 1);
  const samples = layers.flatMap((layer) => Array.from({ length: SAMPLES }, () => ({ layer, ...makeSample() })));
  const entries = samples.length * TOKENS * 6;
  const paths = layers.map((layer) => {
    const path = join(directory, `expert_weights_${layer}.txt`);
    // As Python prints floats.
    const lines = samples.filter((sample) => sample.layer === layer).map(({ ids, weights }) => `${ids.join('\t')}\t\t${Array.from(weights, (weight) => (Number.isInteger(weight) ? `${weight}.0` : weight)).join('\t')}\n`);
    writeFileSync(path, lines.join(''));
    return path;
  });
  const binary = join(directory, 'all.routes');
  await writeFileAtomic(binary, encodeRoutingLog({ ...SIZE, weightUnits: 10_000, layers }, samples));
  const [ids, weights] = [join(directory, 'ids'), join(directory, 'weights')];
  writeFileSync(ids, Buffer.concat(samples.map((sample) => sample.ids)));
  writeFileSync(weights, Buffer.concat(samples.map((sample) => Buffer.from(Uint16Array.from(sample.weights, (weight) => Math.round(weight * 10_000)).buffer))));

  const textBytes = paths.reduce((sum, path) => sum + statSync(path).size, 0);
  console.log(`${(entries / 1e6).toFixed(1)} M entries: text ${(textBytes / 1e6).toFixed(1)} MB (${(textBytes / entries).toFixed(2)} B each), binary ${(statSync(binary).size / 1e6).toFixed(1)} MB (${(statSync(binary).size / entries).toFixed(2)} B each)`);

  const text = () => seconds(async () => scoresOf(await readGateLogs(directory, SIZE)));
  const log = () =>
    seconds(async () => {
      const opened = await openRoutingLogFile(binary);
      scoresOf(await addRoutingLog(createExpertRelevance(SIZE), opened));
      await opened.close();
    });
  const peers = peer === undefined ? {} : { "Python, ESFT's way": () => peer.call('script', { paths }), 'Python, numpy per line': () => peer.call('numpy_text', { paths }) };
  report('text logs to scores', { medians: await measureRounds({ ...peers, 'moe-core': text }, 5), work: entries / 1e6, unit: 'M entries/s', against: peer === undefined ? 'moe-core' : "Python, ESFT's way" });
  const dumps = peer === undefined ? {} : { 'numpy, unchecked dump of both columns': () => peer.call('numpy_binary', { ids, weights }) };
  report('binary logs to scores', { medians: await measureRounds({ 'moe-core, from text': text, 'moe-core, binary log': log, ...dumps }, 7), work: entries / 1e6, unit: 'M entries/s', against: 'moe-core, from text' });
} finally {
  peer?.close();
  rmSync(directory, { recursive: true });
}

function scoresOf(relevance) {
  return [tokenScores(relevance), gateScores(relevance)];
}
