import { describe, expect, it } from 'vitest';
import { createCheckpoint, encodeSafetensors, fingerprintCheckpoint, fromBytes, openSafetensors } from '../../src/index.ts';
import { fromFloat64 } from '../../src/internal/round-once.ts';
import { fixtureTensors, TOPOLOGY } from '../model-fixture.ts';
import { fromBase64, readVectors } from '../vectors/read-vectors.ts';

interface Vectors {
  readonly fingerprint: string;
  readonly float64: string;
  readonly rounded: Readonly<Record<'F32' | 'BF16' | 'F16', string>>;
}

const vectors = readVectors<Vectors>('composition');

describe('against Python', () => {
  it('a fingerprint is what hashlib makes of the documented lines', async () => {
    const file = await openSafetensors(fromBytes(encodeSafetensors(fixtureTensors())));
    expect(await fingerprintCheckpoint(createCheckpoint({ topology: TOPOLOGY, files: [file] }))).toBe(vectors.fingerprint);
  });

  it.each(['F32', 'BF16', 'F16'] as const)('float64 to %s is rounded once, as rational arithmetic says', (dtype) => {
    const values = new Float64Array(fromBase64(vectors.float64).slice().buffer);
    expect(fromFloat64(values, dtype)).toEqual(fromBase64(vectors.rounded[dtype]));
  });

  it('float64 stays, and the largest finite values do not become infinities by the detour', () => {
    const values = Float64Array.of(1 / 3, -0, 3.4028235677973366e38, Number.POSITIVE_INFINITY, Number.NaN);
    expect(new Float64Array(fromFloat64(values, 'F64').buffer)).toEqual(values);
    expect([...new Uint16Array(fromFloat64(values.slice(2), 'BF16').buffer)]).toEqual([0x7f80, 0x7f80, 0x7fc0]);
    expect([...new Uint16Array(fromFloat64(Float64Array.of(3.3895313892515355e38, 2 ** -149), 'BF16').buffer)]).toEqual([0x7f7f, 0]);
  });
});
