import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeCycleRecord, MAX_RECORD_BYTES, parseCycleRecord, type CycleRecord } from '../src/cycle-record.ts';
import { isSubnetError } from '../src/error.ts';

const hash = (digit: string): string => digit.repeat(64);
const record: CycleRecord = {
  format: 'connito/cycle-record/v1',
  genesis: hash('1'),
  netuid: 2,
  cycle: 5,
  taskHash: hash('2'),
  snapshots: { commit: { number: 70, hash: hash('3') }, score: { number: 90, hash: hash('4') } },
  pulses: { r1: { round: 7, signature: 'a'.repeat(96) }, r2: { round: 9, signature: 'b'.repeat(96) } },
  base: { number: 0, root: hash('5'), artifact: null },
  miners: [{ uid: 3, hotkey: '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY', artifact: hash('6') }],
  sheets: [{ hotkey: '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY', stakeRao: '18446744073709551615', sha256: hash('7') }],
  medians: [{ uid: 3, score: 0.25 }],
  participants: [3],
  step: 'manifest',
  accepted: true,
  version: { number: 1, root: hash('8'), artifact: { sha256: hash('9'), sizeBytes: 10 } },
};

describe('cycle record', () => {
  it('comes back as it was, in the same bytes', () => {
    const bytes = encodeCycleRecord(record);
    expect(parseCycleRecord(bytes)).toEqual(record);
    expect(encodeCycleRecord(parseCycleRecord(bytes))).toEqual(bytes);
  });

  it.each([
    ['another format', { ...record, format: 'connito/cycle-record/v2' }],
    ['a negative score', { ...record, medians: [{ uid: 3, score: -1 }] }],
    ['an unknown step', { ...record, step: 'sum' }],
    ['stake that is no number', { ...record, sheets: [{ ...record.sheets[0], stakeRao: '1e9' }] }],
    ['an unknown field', { ...record, extra: 1 }],
    ['a missing pulse', { ...record, pulses: { r1: record.pulses.r1 } }],
  ])('is refused with %s', (_what, value) => {
    expect(() => parseCycleRecord(new TextEncoder().encode(JSON.stringify(value)))).toThrow(expect.objectContaining({ code: 'invalid-record' }));
  });

  it('is refused when it is too large', () => {
    expect(() => parseCycleRecord(new Uint8Array(MAX_RECORD_BYTES + 1))).toThrow(expect.objectContaining({ code: 'invalid-record' }));
  });

  it('answers any bytes with a typed error', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.json().map((text) => new TextEncoder().encode(text))), (bytes) => {
        try {
          parseCycleRecord(bytes);
          return false;
        } catch (error) {
          return isSubnetError(error, 'invalid-record');
        }
      }),
    );
  });
});
