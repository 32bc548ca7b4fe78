import { TypeRegistry, Metadata } from '@polkadot/types';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeMetadata } from '../src/metadata.ts';
import { isLocalnetError } from '../src/errors.ts';
import { decodeExtrinsic, encodeBareExtrinsic, eraBirth } from '../src/extrinsic.ts';
import { palletList } from '../src/pallets/index.ts';
import { types } from '../src/pallets/types.ts';
import { ScaleReader, ScaleWriter } from '../src/scale/bytes.ts';
import { codecOf, decodeScale, encodeScale } from '../src/scale/codec.ts';
import { formatType, parseType } from '../src/scale/parse.ts';

const registry = new TypeRegistry();
registry.setMetadata(new Metadata(registry, encodeMetadata(16)), undefined, undefined, true);

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));

/** All types that any item of the description names. */
const TYPES = [
  ...Object.keys(types).filter((name) => !['EventRecord', 'UncheckedExtrinsic', 'FpUncheckedExtrinsic'].includes(name)),
  ...new Set(palletList.flatMap(([, pallet]) => Object.values(pallet.storage).map(({ value }) => value))),
];

describe('compact integers', () => {
  it.each([
    [0n, '00'],
    [1n, '04'],
    [42n, 'a8'],
    [63n, 'fc'],
    [64n, '0101'],
    [69n, '1501'],
    [16383n, 'fdff'],
    [16384n, '02000100'],
    [65535n, 'feff0300'],
    [1073741823n, 'feffffff'],
    [1073741824n, '0300000040'],
    [100000000000000n, '0b00407a10f35a'],
    [2n ** 64n - 1n, '13ffffffffffffffff'],
  ])('%i is %s', (value, text) => {
    expect(hex(new ScaleWriter().compact(value).finish())).toBe(text);
    expect(new ScaleReader(unhex(text)).compact()).toBe(value);
    expect(registry.createType('Compact<u128>', value).toHex()).toBe(registry.createType('Compact<u128>', unhex(text)).toHex());
  });

  it.each(['', '01', '0100', '02000000', '0300000000', '03ffffff3f', '0bffffffffff00'])('refuses %s', (text) => {
    expect(() => new ScaleReader(unhex(text)).compact()).toThrow(/SCALE/);
  });
});

describe('codecs', () => {
  it('read back what they wrote, for all calls of the description, as @polkadot/types does', () => {
    const names = palletList.flatMap(([, { calls, index }]) => Object.values(calls).map(([call]) => [index, call] as const));
    for (const [pallet, index] of names) {
      fc.assert(
        fc.property(fc.uint8Array({ minLength: 200, maxLength: 200 }), (noise) => {
          const bytes = Uint8Array.from([pallet, index, ...noise]);
          const decoded = attempt(() => codecOf(parseType('RuntimeCall')).decode(new ScaleReader(bytes)));
          if (decoded === undefined || hasOddAddress(decoded) || hasOddSet(decoded)) return;
          const again = encodeScale('RuntimeCall', decoded as never);
          expect(hex(again)).toBe(hex(bytes.subarray(0, again.length)));
          expect(hex(registry.createType('Call', again).toU8a())).toBe(hex(again));
        }),
        { numRuns: 15 },
      );
    }
  });

  it('never throw anything but bad-scale, and never leave a byte over', () => {
    fc.assert(
      fc.property(fc.constantFrom(...TYPES), fc.uint8Array({ maxLength: 120 }), (type, bytes) => {
        const value = attempt(() => decodeScale(type, bytes));
        const again = value === undefined ? bytes : encodeScale(type, (value === NOTHING ? undefined : value) as never);
        expect(hex(again)).toBe(hex(bytes));
      }),
      { numRuns: 2000 },
    );
  });

  it('decode extrinsics strictly, whatever comes', () => {
    const good = encodeBareExtrinsic({ pallet: 'Timestamp', call: 'set', args: { now: 7n } });
    expect(decodeExtrinsic(good).call).toEqual({ pallet: 'Timestamp', call: 'set', args: { now: 7n } });
    for (let length = 0; length < good.length; length++) expect(() => decodeExtrinsic(good.subarray(0, length))).toThrow(/SCALE/);
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void attempt(() => decodeExtrinsic(bytes))), { numRuns: 1000 });
  });

  it.each([
    ['bool', '02'],
    ['Option<u8>', '02'],
    ['Vec<u16>', '0801'],
    ['Vec<u8>', '02093d00'],
    ['BoundedVec<u8;3>', '1001020304'],
    ['CommitmentInfo', '1000000000'],
    ['CommitmentData', '89'],
    ['CommitmentData', '8101'],
    ['CommitmentData', '8601080000'],
    ['CommitmentData', `8805${'08'}`],
    ['Phase', '03'],
    ['MultiAddress', '05'],
    ['Era', '0001ff'],
    ['Era', '0b00'.slice(0, 2)],
    ['Compact<u16>', '02000400'],
    ['Text', '0480'],
    ['LastRuntimeUpgradeInfo', '0c0c008000'],
    ['u16', '000000'],
    ['RuntimeCall', 'ff00'],
    ['RuntimeCall', '07ff'],
  ])('%s is not %s', (type, text) => {
    expect(() => decodeScale(type, unhex(text))).toThrow(/SCALE/);
  });

  it('refuse calls nested without end', () => {
    const deep = Uint8Array.from([...Array.from({ length: 600 }, () => [12, 0]).flat(), 0, 0, 0]);
    expect(() => decodeScale('RuntimeCall', deep)).toThrow(/levels/);
  });
});

describe('eras', () => {
  it('are written, and begin, as @polkadot/types has it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 16 }), fc.nat(1_000_000), (bits, current) => {
        const period = 2 ** bits;
        const bytes = registry.createType('ExtrinsicEra', { current, period }).asMortalEra.toU8a();
        const oracle = registry.createType('ExtrinsicEra', bytes).asMortalEra;
        const era = decodeScale('Era', bytes);
        expect(hex(encodeScale('Era', era))).toBe(hex(bytes));
        for (const at of [current, current + 1, current + period - 1, current + 3 * period]) expect(eraBirth(era, at)).toBe(oracle.birth(at));
      }),
    );
  });
});

describe('type strings', () => {
  it.each(['u16', 'Vec<(u16,AccountId)>', 'Option<Vec<[u8;32]>>', 'BoundedVec<CommitmentData;3>', 'Result<(),DispatchError>', 'Cow<Vec<([u8;8],u32)>>', 'PerDispatchClass<Weight>', 'BTreeSet<(u16,AccountId)>', 'Compact<()>', '()'])('%s is parsed and written again', (text) => {
    expect(formatType(parseType(text))).toBe(text);
  });
});

/** @polkadot/types writes other addresses than `Id` in its own way (it knows an account index; this chain, like finney, has none). */
function hasOddAddress(decoded: unknown): boolean {
  const text = JSON.stringify(decoded, (_key, value: unknown) => (typeof value === 'bigint' ? 0 : value));
  return /"(dest|who|new|real|delegate|spawner)":\{"type":"(?!Id")/.test(text);
}

/** Rust reads sets whose items repeat or stand in another order; `@polkadot/types` refuses the one and sorts the other. */
function hasOddSet(decoded: unknown): boolean {
  const text = JSON.stringify(decoded, (_key, value: unknown) => (typeof value === 'bigint' ? 0 : value));
  return [...text.matchAll(/"subnets":\[([\d,]*)\]/g)].some(([, list = '']) => {
    const items = list.split(',').map(Number);
    return items.some((item, index) => index > 0 && item <= (items[index - 1] as number));
  });
}

/** Stands for a value that has no bytes. */
const NOTHING = Symbol('nothing');

/** The decoded value, or `undefined` for bad SCALE; any other error is one of the test. */
function attempt(decode: () => unknown): unknown {
  try {
    return decode() ?? NOTHING;
  } catch (error) {
    if (isLocalnetError(error, 'bad-scale')) return undefined;
    throw error;
  }
}
