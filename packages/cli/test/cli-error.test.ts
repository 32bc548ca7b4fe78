import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { ArtifactError } from '@connito/artifacts';
import { ChainError } from '@connito/chain';
import { DatasetError } from '@connito/dataset';
import { LocalnetError } from '@connito/localnet';
import { MoeError } from '@connito/moe-core';
import { MoeEngineError } from '@connito/moe-engine';
import { PolError } from '@connito/pol-scoring';
import { CliError, errorLine, exitCodeOf, isCliError } from '../src/cli-error.ts';

describe('exitCodeOf', () => {
  it.each([
    ['CliError', new CliError('network', 'x'), 4],
    ['moe-core', new MoeError('file-missing', { message: 'x', context: { path: 'a' } }), 3],
    ['moe-core, disk', new MoeError('file-write-failed', { message: 'x', context: { path: 'a' } }), 1],
    ['dataset', new DatasetError('malformed-shard', 'x'), 3],
    ['dataset, option', new DatasetError('invalid-option', 'x'), 2],
    ['dataset, aborted', new DatasetError('aborted', 'x'), 130],
    ['artifacts', new ArtifactError('hash-mismatch', 'x'), 3],
    ['pol-scoring', new PolError('wrong-candidate', 'x'), 3],
    ['moe-engine, data', new MoeEngineError('bad-shape', 'x', { name: 'a', expected: 'b', actual: 'c' }), 3],
    ['moe-engine, machine', new MoeEngineError('device-unavailable', 'x', { device: 'cpu' }), 1],
    ['chain', new ChainError('unreachable', 'x'), 4],
    ['chain, dispatch', new ChainError('dispatch-failed', 'x'), 1],
    ['localnet', new LocalnetError('port-in-use', 'x'), 4],
    ['localnet, option', new LocalnetError('bad-option', 'x'), 2],
    ['node, port', Object.assign(new Error('x'), { code: 'EADDRINUSE' }), 4],
    ['abort', new DOMException('x', 'AbortError'), 130],
    ['anything', new TypeError('x'), 1],
    ['nothing', null, 1],
  ])('%s', (_, error, code) => {
    expect(exitCodeOf(error)).toBe(code);
  });
});

describe('errorLine', () => {
  it('speaks plainly of files', async () => {
    const missing = await readFile('/no/such/file').catch((error: unknown) => error);
    expect([exitCodeOf(missing), errorLine(missing)]).toEqual([3, 'There is no file or directory /no/such/file: check the path']);
    const directory = await readFile('/').catch((error: unknown) => error);
    expect([exitCodeOf(directory), errorLine(directory)]).toEqual([3, 'Expected a file, found a directory']);
    // What Node says of `mkdir` with `recursive` on a read-only file system.
    const unmakable = Object.assign(new Error('raw'), { code: 'ENOENT', syscall: 'mkdir', path: '/a' });
    expect([exitCodeOf(unmakable), errorLine(unmakable)]).toEqual([3, expect.stringMatching(/^The directory \/a cannot be made: the file system is read-only/)]);
  });

  it.each([
    ['EROFS', 'read-only'],
    ['ENOSPC', 'The disk is full'],
    ['EDQUOT', 'quota'],
    ['EACCES', 'No permission'],
    ['EPERM', 'Not permitted'],
  ])('says what to do about %s', (code, words) => {
    const error = Object.assign(new Error('raw'), { code, path: '/a' });
    expect([exitCodeOf(error), errorLine(error)]).toEqual([3, expect.stringMatching(new RegExp(`${words}.*/a.*:`))]);
  });
});

describe('CliError', () => {
  it('is branded, frozen and keeps its cause', () => {
    const cause = new Error('below');
    const error = new CliError('data', 'm', { path: 'p' }, { cause });
    expect([isCliError(error), isCliError(error, 'data'), isCliError(error, 'usage'), isCliError(new Error('m'))]).toEqual([true, true, false, false]);
    expect(Object.isFrozen(error.context)).toBe(true);
    expect(error.cause).toBe(cause);
  });
});
