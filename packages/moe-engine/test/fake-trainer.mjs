/** Stands in for an external trainer: `node fake-trainer.mjs MODE JOB_FILE`. */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { encodeExpertWeights, encodeSafetensors, decodeExpertWeights } from '@connito/moe-core';
import { openSafetensorsFile } from '@connito/moe-core/node';

const [mode, path] = process.argv.slice(2);
const job = JSON.parse(readFileSync(path, 'utf8'));
const file = await openSafetensorsFile(job.start);
const weights = await decodeExpertWeights(file);
await file.close();
const names = [...weights.keys()];
const first = weights.get(names[0]);
const write = (bytes) => writeFileSync(job.out, bytes);
const moved = () => new Map([...weights].map(([name, { shape, data }]) => [name, { shape, data: data.map((entry) => entry + 1) }]));

const modes = {
  good() {
    console.log('{not a report}');
    console.log('{"step": 1, "loss": 3.5, "gradientNorm": 0.5, "targets": 12, "extra": true}');
    console.log('{"step": 1, "loss": 3.4}');
    console.log('{"step": 2, "loss": null}');
    console.log('{"step": 99, "loss": 1}');
    console.error(`key: ${process.env.CONNITO_KEY ?? 'none'}, job: ${process.env.CONNITO_JOB === path}`);
    write(encodeExpertWeights(moved()));
  },
  missing: () => write(encodeExpertWeights(new Map([...weights].slice(1)))),
  extra: () => write(encodeExpertWeights(new Map([...weights, ['model.norm.weight', { shape: [1], data: Float32Array.of(1) }]]))),
  shape: () => write(encodeExpertWeights(new Map([...weights, [names[0], { shape: [first.data.length], data: first.data }]]))),
  dtype: () => write(encodeSafetensors([...weights].map(([name, { shape, data }]) => ({ name, shape, dtype: 'F16', data: new Uint8Array(data.length * 2) })))),
  nan: () => write(encodeExpertWeights(new Map([...weights, [names[0], { shape: first.shape, data: first.data.map((entry, index) => (index === 2 ? NaN : entry)) }]]))),
  nothing: () => undefined,
  garbage: () => write('no safetensors at all'),
  header: () => write(new Uint8Array([0, 0, 0, 4, 0, 0, 0, 0, ...new Uint8Array(64)])),
  fails() {
    console.error('out of memory\n');
    process.exitCode = 3;
  },
  hangs() {
    process.on('SIGTERM', () => {
      console.error('asked to end');
      setTimeout(() => process.exit(), 100);
    });
    console.log('{"step": 1, "loss": 1}');
    setInterval(() => undefined, 1000);
  },
  stubborn() {
    process.on('SIGTERM', () => console.error('asked in vain'));
    console.log('{"step": 1, "loss": 1}');
    setInterval(() => undefined, 1000);
  },
  endless() {
    process.stdout.write('x'.repeat(3_000_000));
    write(encodeExpertWeights(moved()));
  },
  background() {
    spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)'], { stdio: 'inherit' }).unref();
    write(encodeExpertWeights(moved()));
  },
};
modes[mode]();
