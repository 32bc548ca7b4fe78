import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { addNetworkOption, networkOf } from '../src/network-options.ts';

const flags = (...args: string[]): { network?: string } => addNetworkOption(new Command()).parse(args, { from: 'user' }).opts();

describe('--network', () => {
  it('goes before the variables of the Python SDK, of which the endpoint goes before the name', () => {
    const env = { BT_SUBTENSOR_NETWORK: 'test', BT_SUBTENSOR_CHAIN_ENDPOINT: 'ws://node:9944' };
    expect(networkOf(flags('--network', 'finney'), { env })).toBe('finney');
    expect(networkOf(flags(), { env })).toBe('ws://node:9944');
    expect(networkOf(flags(), { env: { ...env, BT_SUBTENSOR_CHAIN_ENDPOINT: '' } })).toBe('test');
    expect(networkOf(flags(), { env: {} })).toBe('local');
  });
});
