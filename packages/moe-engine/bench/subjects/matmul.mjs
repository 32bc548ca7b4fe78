/** ONNX Runtime's own speed: the products of a step and nothing else, for ever: node matmul.mjs JOB_JSON. Run by ../engine.bench.mjs, see ../turns.mjs. */
import * as onnx from 'onnxruntime-node';
import { compileSource } from '../sources.mjs';

const { products, threads, parameters } = JSON.parse(process.argv[2]);
const { createGraph, float } = await compileSource('graph/graph.ts');

/** Second operands wander through as many numbers as the model has, so that its caches serve them as they serve a model's weights; first ones are activations and stay warm. */
const numbers = (length) => Float32Array.from({ length }, (_, index) => ((index * 7919) % 1009) / 1009 - 0.5);
const largest = (sizes) => Math.max(...products.map(sizes));
const weights = numbers(Math.max(Math.min(parameters, 48 << 20), largest(({ k, n, batch = 1 }) => batch * k * n)));
const activations = numbers(largest(({ m, k, batch = 1 }) => batch * m * k));
let offset = 0;
const feeds = {};
const graph = createGraph();
const operand = (data, shape) => {
  const input = graph.input({ name: `x${Object.keys(feeds).length}`, shape });
  feeds[input.name] = new onnx.Tensor('float32', data.subarray(0, count(shape)), shape);
  return input;
};
const weight = (shape) => {
  if (offset + count(shape) > weights.length) offset = 0;
  offset += count(shape);
  return operand(weights.subarray(offset - count(shape)), shape);
};
/** Only shapes are asked for, which cost nothing; unoptimised, so that the products are not left out. */
const made = products.map(({ m, k, n, batch, transA = false, transB = false }) => {
  const stack = batch === undefined ? [] : [batch];
  const [a, b] = [operand(activations, [...stack, ...(transA ? [k, m] : [m, k])]), weight([...stack, ...(transB ? [n, k] : [k, n])])];
  const attributes = { transA: { int: Number(transA) }, transB: { int: Number(transB) } };
  const product = graph.node(batch === undefined ? 'Gemm' : 'com.microsoft:FusedMatMul', [a, b], float(...stack, m, n), attributes);
  return graph.node('Shape', [product], { type: 'int64', shape: [stack.length + 2] });
});
const all = graph.node('Concat', made, { type: 'int64', shape: [null] }, { axis: { int: 0 } });
const options = { executionMode: 'sequential', graphOptimizationLevel: 'disabled', logSeverityLevel: 3, intraOpNumThreads: threads, interOpNumThreads: 1, extra: { session: { intra_op: { allow_spinning: '0' } } } };
const session = await onnx.InferenceSession.create(graph.encode([all]).model, options);
const now = () => performance.timeOrigin + performance.now();
process.stdout.write(`${JSON.stringify({ imported: process.memoryUsage.rss() })}\n`);
for (;;) {
  const [begun, cpu] = [now(), process.cpuUsage()];
  const result = await session.run(feeds);
  const spent = process.cpuUsage(cpu);
  process.stdout.write(`${JSON.stringify({ begun, ended: now(), cpu: (spent.user + spent.system) / 1e6, loss: Number(result[all.name].data[0]) })}\n`);
}

function count(shape) {
  return shape.reduce((product, size) => product * size, 1);
}
