import { describe, expect, it } from 'vitest';
import { encodeSafetensors, fromBytes, fromFloat32, openSafetensors, streamSafetensors, tensorSizeBytes, toFloat32, type ByteSource } from '../../src/index.ts';
import { expectCode } from '../expect-code.ts';

const vector = (name: string, ...values: number[]) => ({ name, dtype: 'F32' as const, shape: [values.length], data: new Uint8Array(Float32Array.from(values).buffer) });

const sameBits = (a: Float32Array, b: Float32Array): boolean => Buffer.compare(new Uint8Array(a.buffer, a.byteOffset, a.byteLength), new Uint8Array(b.buffer, b.byteOffset, b.byteLength)) === 0;

describe('openSafetensors', () => {
  it('reads by range: the length, the header, then one tensor at a time', async () => {
    const bytes = encodeSafetensors([vector('a', 1, 2), vector('b', 3)]);
    const reads: [number, number][] = [];
    const source: ByteSource = {
      sizeBytes: bytes.length,
      read: async (offset, length) => {
        reads.push([offset, length]);
        return bytes.slice(offset, offset + length);
      },
    };
    const file = await openSafetensors(source);
    expect(await file.readFloat32('b')).toEqual(Float32Array.of(3));
    expect(reads).toEqual([[0, 8], [8, bytes.length - 8 - 12], [bytes.length - 4, 4]]);
  });

  it('gives arrays that belong to the caller', async () => {
    const bytes = encodeSafetensors([vector('a', 1, 2)]);
    const file = await openSafetensors(fromBytes(bytes));
    (await file.readFloat32('a')).fill(9);
    (await file.read('a')).data.fill(9);
    expect(await file.readFloat32('a')).toEqual(Float32Array.of(1, 2));
  });

  it('reads from bytes that are not aligned', async () => {
    const bytes = encodeSafetensors([vector('a', 1, 2)]);
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    const file = await openSafetensors(fromBytes(shifted.subarray(1)));
    expect(await file.readFloat32('a')).toEqual(Float32Array.of(1, 2));
    expect(toFloat32({ dtype: 'F32', data: shifted.subarray(shifted.length - 4) })).toEqual(Float32Array.of(2));
  });

  it('refuses unknown names, integers as floats, headers over a caller’s cap', async () => {
    const file = await openSafetensors(fromBytes(encodeSafetensors([{ name: 'i', dtype: 'I64', shape: [1], data: new Uint8Array(8) }])));
    expect((await expectCode('tensor-missing', () => file.read('x'))).message).toContain('"x"');
    await expectCode('dtype-not-convertible', () => file.readFloat32('i'));
    await expectCode('safetensors-header-too-large', () => openSafetensors(fromBytes(encodeSafetensors([vector('a', 1)])), { maxHeaderBytes: 16 }));
  });

  it('keeps control characters of strangers out of messages', async () => {
    const header = new TextEncoder().encode(JSON.stringify({ '\u001b[31mred\u202e': { dtype: 'U9', shape: [], data_offsets: [0, 1] } }));
    const bytes = new Uint8Array(8 + header.length);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
    bytes.set(header, 8);
    const error = await expectCode('safetensors-unknown-dtype', () => openSafetensors(fromBytes(bytes)));
    // oxlint-disable-next-line no-control-regex
    expect(error.message).not.toMatch(/[\u0000-\u001f\u202e]/);
  });

  it('refuses a source that ends early', async () => {
    await expectCode('source-short-read', () => fromBytes(new Uint8Array(4)).read(2, 3));
    await expectCode('source-short-read', () => fromBytes(new Uint8Array(4)).read(-1, 1));
  });

  it('knows the cap of the format before it allocates', async () => {
    const error = await expectCode('safetensors-header-too-large', () => openSafetensors({ sizeBytes: 2 ** 40, read: async () => Uint8Array.of(0, 0x5e, 0xd0, 0xb2, 0, 0, 0, 0) }));
    expect(error.context).toEqual({ headerBytes: 3_000_000_000n, limitBytes: 100_000_000 });
  });

  it('reads floats into an array that is there, of every type and across pieces', async () => {
    // Just above a piece of halves.
    const elements = 1_050_001;
    const values = Float32Array.from({ length: elements }, (_, i) => ((i * 7919) % 401) - 200);
    const dtypes = ['F64', 'F32', 'F16', 'BF16', 'F8_E4M3', 'F8_E8M0'] as const;
    const bytes = encodeSafetensors(dtypes.map((dtype) => ({ name: dtype, dtype, shape: [elements], data: fromFloat32(values, dtype) })));
    const { sizeBytes, read } = fromBytes(bytes);
    for (const source of [fromBytes(bytes), { sizeBytes, read }]) {
      const file = await openSafetensors(source);
      const room = new Float32Array(elements + 1).fill(7);
      for (const dtype of dtypes) {
        const expected = toFloat32({ dtype, data: fromFloat32(values, dtype) });
        expect(sameBits(await file.readFloat32(dtype), expected)).toBe(true);
        const into = room.subarray(1);
        expect(await file.readFloat32(dtype, into)).toBe(into);
        expect(sameBits(into, expected)).toBe(true);
      }
      expect(room[0]).toBe(7);
      expect((await expectCode('tensor-size-unexpected', () => file.readFloat32('F16', room))).context).toEqual({ tensor: 'F16', expected: elements, actual: elements + 1 });
    }
  });

  it('reads runs of elements, whole bytes of them', async () => {
    const tensors = [{ name: 'a', dtype: 'F4' as const, shape: [6], data: Uint8Array.of(1, 2, 3) }, { name: 'b', dtype: 'I16' as const, shape: [2, 2], data: Uint8Array.of(1, 0, 2, 0, 3, 0, 4, 0) }];
    const file = await openSafetensors(fromBytes(encodeSafetensors(tensors)));
    expect([...(await file.readRange('b', { offset: 1, length: 2 }))]).toEqual([2, 0, 3, 0]);
    expect([...(await file.readRange('a', { offset: 2, length: 4 }))]).toEqual([2, 3]);
    const error = await expectCode('tensor-range-invalid', () => file.readRange('a', { offset: 1, length: 2 }));
    expect(error.message).toContain('as whole bytes');
    await expectCode('tensor-range-invalid', () => file.readRange('b', { offset: 3, length: 2 }));
  });

  it('reads tensors without values', async () => {
    const file = await openSafetensors(fromBytes(encodeSafetensors([{ name: 'a', dtype: 'BF16', shape: [0, 3], data: new Uint8Array(0) }])));
    expect(await file.readFloat32('a')).toEqual(new Float32Array(0));
  });
});

describe('encodeSafetensors', () => {
  it('sorts metadata, where the reference shuffles it', async () => {
    const bytes = encodeSafetensors([], { z: '1', a: '2', '\u{1f600}': '3', '\ue000': '4' });
    const text = new TextDecoder().decode(bytes.subarray(8));
    expect(text.trimEnd()).toBe('{"__metadata__":{"a":"2","z":"1","\ue000":"4","\u{1f600}":"3"}}');
    expect(encodeSafetensors([], new Map([['z', '1'], ['a', '2'], ['\u{1f600}', '3'], ['\ue000', '4']]))).toEqual(bytes);
  });

  it('refuses what its own reader would refuse', async () => {
    const data = new Uint8Array(1);
    const one = (name: string) => ({ name, dtype: 'U8' as const, shape: [1], data });
    await expectCode('safetensors-duplicate-tensor', () => encodeSafetensors([one('a'), one('a')]));
    await expectCode('safetensors-name-invalid', () => encodeSafetensors([one('__metadata__')]));
    await expectCode('safetensors-name-invalid', () => encodeSafetensors([one('__proto__')]));
    await expectCode('safetensors-name-invalid', () => encodeSafetensors([one('\ud800')]));
    await expectCode('safetensors-name-too-long', () => encodeSafetensors([one('n'.repeat(1025))]));
    await expectCode('safetensors-metadata-invalid', () => encodeSafetensors([], { a: '\udc00' }));
    await expectCode('safetensors-metadata-invalid', () => encodeSafetensors([], new Map([['__proto__', '']])));
    await expectCode('safetensors-metadata-invalid', () => encodeSafetensors([], { a: 1 } as never));
    await expectCode('safetensors-rank-too-large', () => encodeSafetensors([{ ...one('a'), shape: Array.from({ length: 65 }, () => 1) }]));
    await expectCode('tensor-size-unexpected', () => encodeSafetensors([{ ...one('a'), shape: [2] }]));
    await expectCode('safetensors-size-overflow', () => tensorSizeBytes({ name: 'a', dtype: 'U8', shape: [2 ** 40, 2 ** 40] }));
    await expectCode('safetensors-partial-byte', () => encodeSafetensors([{ ...one('a'), dtype: 'F6_E2M3' }]));
    await expectCode('safetensors-header-too-large', () => encodeSafetensors([], { a: 'x'.repeat(100_000_001) }));
    const short = { name: 'a', dtype: 'U8' as const, shape: [2], read: async () => data };
    await expectCode('tensor-size-unexpected', async () => {
      for await (const chunk of streamSafetensors([short])) expect(chunk.length).toBeGreaterThan(8);
    });
  });
});
