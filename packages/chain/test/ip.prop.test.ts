import { isIP } from 'node:net';
import { assert, bigInt, constantFrom, ipV4, ipV6, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIp, parseIp } from '../src/internal/ip.ts';

/** Node's own URL parser is the oracle: it writes IPv6 as RFC 5952 does. */
const canonical = (text: string): string => new URL(`http://[${text}]/`).hostname.slice(1, -1);

/** Written again; nothing where it was not read. */
function rewrite(text: string): string | undefined {
  const address = parseIp(text);
  return address && formatIp(address);
}

describe('IP addresses', () => {
  it('writes what it reads, and as RFC 5952 does', () => {
    assert(property(ipV4(), (text) => rewrite(text) === text));
    assert(property(ipV6(), (text) => rewrite(text) === canonical(text)));
    assert(property(bigInt({ min: 0n, max: 2n ** 128n - 1n }), (value) => parseIp(formatIp({ version: 6, value }))?.value === value));
  });

  it('reads nothing that is no address', () => {
    const near = string({ unit: constantFrom(...'0123456789abcdefF:.%[]x '), maxLength: 24 });
    assert(property(near, (text) => (parseIp(text) === undefined) === (isIP(text.includes('%') ? 'zone' : text) === 0)), { numRuns: 5000 });
    for (const text of ['', '1.2.3', '01.2.3.4', '1.2.3.256', ':::', '1::2::3', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '::1.2.3', '1.2.3.4::', 'example.org', 'fe80::1%eth0']) {
      expect([text, parseIp(text)]).toEqual([text, undefined]);
    }
  });
});
