/** compressUpdate on the inputs of compressed-update.py, which starts this: JSON in, JSON out. */
import { compressUpdate } from '../../dist/index.js';

let text = '';
for await (const part of process.stdin) text += part;
const floats = (base64) => new Float32Array(new Uint8Array(Buffer.from(base64, 'base64')).buffer);
const files = JSON.parse(text).map(({ rule, metadata, tensors }) => {
  const update = new Map(tensors.map(({ name, shape, input }) => [name, { shape, data: floats(input) }]));
  return Buffer.from(compressUpdate(update, { ...rule, metadata }).bytes).toString('base64');
});
console.log(JSON.stringify(files));
