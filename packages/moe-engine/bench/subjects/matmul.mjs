/** ONNX Runtime's own speed: the products of a step and nothing else, for ever: node matmul.mjs JOB_JSON. Run by ../engine.bench.mjs, see ../turns.mjs. */
import * as onnx from 'onnxruntime-node';
import { compileSource } from '../sources.mjs';

const { products, threads } = JSON.parse(process.argv[2]);
const { createGraph, float, integers } = await compileSource('graph/graph.ts');

/** Operands are views that wander through a buffer larger than any cache, as the weights of a model do. */
const POOL = Float32Array.from({ length: 48 << 20 }, (_, index) => ((index * 7919) % 1009) / 1009 - 0.5);
let offset = 0;
const feeds = {};
const graph = createGraph();
const operand = (shape) => {
  const length = shape.reduce((product, size) => product * size, 1);
  if (offset + length > POOL.length) offset = 0;
  const input = graph.input({ name: `x${Object.keys(feeds).length}`, shape });
  feeds[input.name] = new onnx.Tensor('float32', POOL.subarray(offset, offset + length), shape);
  offset += length;
  return input;
};
const samples = products.map(({ m, k, n, batch, transA = false, transB = false }) => {
  const stack = batch === undefined ? [] : [batch];
  const [a, b] = [operand([...stack, ...(transA ? [k, m] : [m, k])]), operand([...stack, ...(transB ? [n, k] : [k, n])])];
  const attributes = { transA: { int: Number(transA) }, transB: { int: Number(transB) } };
  const product = graph.node(batch === undefined ? 'Gemm' : 'com.microsoft:FusedMatMul', [a, b], float(...stack, m, n), attributes);
  const [axes, ones] = [[...stack, m, n].map((_, axis) => axis), [...stack, m, n].map(() => 1)];
  const corner = graph.node('Slice', [product, integers(graph, ...axes.map(() => 0)), integers(graph, ...ones), integers(graph, ...axes)], float(...ones));
  return graph.node('Reshape', [corner, integers(graph, 1)], float(1));
});
const all = graph.node('Concat', samples, float(samples.length), { axis: { int: 0 } });
const options = { executionMode: 'sequential', logSeverityLevel: 3, intraOpNumThreads: threads, interOpNumThreads: 1 };
const session = await onnx.InferenceSession.create(graph.encode([all]).model, options);
const now = () => performance.timeOrigin + performance.now();
process.stdout.write(`${JSON.stringify({ imported: process.memoryUsage.rss() })}\n`);
for (;;) {
  const [begun, cpu] = [now(), process.cpuUsage()];
  const result = await session.run(feeds);
  const spent = process.cpuUsage(cpu);
  process.stdout.write(`${JSON.stringify({ begun, ended: now(), cpu: (spent.user + spent.system) / 1e6, loss: result[all.name].data[0] })}\n`);
}
