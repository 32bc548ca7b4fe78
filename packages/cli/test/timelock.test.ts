import { spawn } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { decryptTimelock, deriveBeaconKey, encodePortableTimelock, encryptTimelock, firstRoundAt, QUICKNET, signRound, toHex } from '@connito/commit-reveal';
import { connito, main } from './run-connito.ts';

vi.setConfig({ testTimeout: 60_000 });

/** Of quicknet, round 1000. */
const SIGNATURE = 'b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39';
const KEY = deriveBeaconKey(new TextEncoder().encode('cli'));
const OTHER = ['--public-key', toHex(KEY.publicKey)];
const CHAIN_HASH = 'cd'.repeat(32);
const work = mkdtempSync(join(tmpdir(), 'connito-timelock-'));
const at = (name: string): string => join(work, name);
let server: Server;
let endpoint = '';

beforeAll(async () => {
  writeFileSync(at('plain'), 'answers');
  // A beacon over HTTP that only knows rounds up to 50, and lies about round 7.
  server = createServer((request, response) => {
    const round = Number(/\/public\/(\d+)$/.exec(request.url ?? '')?.[1]);
    if (round > 50 || !request.url?.includes(CHAIN_HASH)) response.writeHead(404).end();
    else response.end(JSON.stringify({ round, signature: toHex(signRound(KEY.secretKey, round === 7 ? 8 : round)) }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  rmSync(work, { recursive: true });
});

/** With bytes on standard input, and bytes from standard output. */
function pipe(args: readonly string[], input: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
    const parts: Buffer[] = [];
    child.stdout.on('data', (part: Buffer) => parts.push(part));
    child.once('error', reject);
    child.once('close', () => resolve(Buffer.concat(parts)));
    child.stdin.end(input);
  });
}

async function sealAt(...args: string[]): Promise<unknown> {
  return JSON.parse((await connito(['timelock', 'seal', '--in', at('plain'), '--json', ...args])).stdout);
}

async function refusal(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await connito(['timelock', ...args]);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^connito: [^\n]+\n$/);
  return `${code} ${stderr}`;
}

describe('connito timelock', () => {
  it('seals to a round of quicknet what the signature opens, through files', async () => {
    const sealed = await connito(['timelock', 'seal', '--round', '1000', '--in', at('plain'), '--out', at('sealed'), '--json']);
    expect(JSON.parse(sealed.stdout)).toEqual({ round: 1000, opensAt: '2023-08-23T15:59:24.000Z', plaintextBytes: 7, sealedBytes: 251, out: at('sealed') });
    expect(sealed.stderr).toMatch(/is past: anybody can open/);
    expect(new TextDecoder().decode(decryptTimelock(readFileSync(at('sealed')), Buffer.from(SIGNATURE, 'hex')))).toBe('answers');
    const opened = await connito(['timelock', 'open', '--signature', SIGNATURE, '--in', at('sealed')]);
    expect(opened).toEqual({ code: 0, stdout: 'answers', stderr: '' });
    expect((await connito(['timelock', 'open', '--signature', `0x${SIGNATURE}`, '--round', '1000', '--in', at('sealed'), '--json'])).stdout).toContain('"plaintext":"616e7377657273"');
  });

  it('seals and opens binary through pipes, and as hex', async () => {
    const plaintext = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7) & 255);
    const sealed = await pipe(['timelock', 'seal', '--round', '50000000', '--portable', ...OTHER], plaintext);
    expect(await pipe(['timelock', 'open', '--signature', toHex(signRound(KEY.secretKey, 50_000_000)), ...OTHER], sealed)).toEqual(Buffer.from(plaintext));
    const hex = await pipe(['timelock', 'seal', '--round', '50000000', '--hex', ...OTHER], Buffer.from('x'));
    expect(hex.toString()).toMatch(/^[0-9a-f]{490}\n$/);
    expect((await pipe(['timelock', 'open', '--hex', '--signature', toHex(signRound(KEY.secretKey, 50_000_000)), ...OTHER], hex)).toString()).toBe('x');
  });

  it('seals to a time', async () => {
    expect(await sealAt('--at', '2100-01-01T00:00Z')).toMatchObject({ round: firstRoundAt(QUICKNET, Date.UTC(2100, 0, 1)), opensAt: '2100-01-01T00:00:00.000Z' });
    expect(await sealAt('--at', '4102444800.5', ...OTHER, '--genesis', '2099-12-31T23:59:00Z', '--period', '30')).toMatchObject({ round: 4, opensAt: '2100-01-01T00:00:30.000Z' });
  });

  it('fetches the signature of a known round, and is not fooled', async () => {
    const times = ['--genesis', '2020-01-01T00:00:00Z'];
    const fetching = [...OTHER, ...times, '--chain-hash', CHAIN_HASH, '--endpoint', endpoint];
    writeFileSync(at('portable'), encodePortableTimelock({ ciphertext: encryptTimelock({ publicKey: KEY.publicKey, round: 5, plaintext: Buffer.from('five') }), round: 5 }));
    writeFileSync(at('seven'), encryptTimelock({ publicKey: KEY.publicKey, round: 7, plaintext: Buffer.from('seven') }));
    expect(await connito(['timelock', 'open', '--in', at('portable'), ...fetching])).toEqual({ code: 0, stdout: 'five', stderr: '' });
    expect(await refusal(['open', '--in', at('seven'), '--round', '7', ...fetching])).toMatch(/^4 .*round 7.*its signature is not the beacon's/);
    expect(await refusal(['open', '--in', at('seven'), '--round', '51', ...fetching])).toMatch(/^4 .*has no such round \(HTTP 404\)/);
    expect(await refusal(['open', '--in', at('portable'), '--round', '6', ...fetching])).toMatch(/^2 .*sealed to round 5/);
    expect(await refusal(['open', '--in', at('seven'), '--round', '7', ...OTHER])).toMatch(/^2 .*--chain-hash and --endpoint/);
    expect(await refusal(['open', '--in', at('seven'), '--round', '90000000000', ...fetching])).toMatch(/^1 .*Not yet: round 90000000000 is due/);
  });

  it('says what is wrong', async () => {
    writeFileSync(at('cut'), new Uint8Array(100));
    const sealed = encryptTimelock({ publicKey: QUICKNET.publicKey, round: 999, plaintext: new Uint8Array(1) });
    writeFileSync(at('other'), sealed);
    expect(await refusal(['seal', '--in', at('plain')])).toMatch(/^2 .*give --round, or --at/);
    expect(await refusal(['seal', '--in', at('plain'), '--round', '1', '--at', '2100-01-01T00:00Z'])).toMatch(/^2 .*cannot be used with/);
    expect(await refusal(['seal', '--in', at('plain'), '--at', '2100-01-01'])).toMatch(/^2 .*Expected a time such as/);
    expect(await refusal(['seal', '--in', at('plain'), '--round', '1', '--public-key', 'abcd'])).toMatch(/^2 .*Expected 96 bytes/);
    expect(await refusal(['seal', '--in', at('plain'), '--round', '1', '--public-key', '00'.repeat(96)])).toMatch(/^3 .*compressed point of G2/);
    expect(await refusal(['seal', '--in', at('absent'), '--round', '1'])).toMatch(/^3 .*no file or directory/);
    expect(await refusal(['open', '--in', at('other')])).toMatch(/^2 .*give --signature or --round/);
    expect(await refusal(['open', '--in', at('cut'), '--signature', SIGNATURE])).toMatch(/^3 .*timelock ciphertext/);
    expect(await refusal(['open', '--in', at('other'), '--signature', SIGNATURE])).toMatch(/^3 .*does not open/);
    expect(await refusal(['open', '--in', at('other'), '--signature', SIGNATURE, '--round', '999'])).toMatch(/^3 .*not the beacon's of round 999/);
    expect(await refusal(['open', '--in', at('other'), '--signature', SIGNATURE, '--hex'])).toMatch(/^3 .*hexadecimal/);
  });
});
