import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { failureOf, openWorld, pairOf, read, SLOW_BEACON } from './support.ts';
import { isLocalnetError, startLocalnet } from '../src/index.ts';
import { parseScenario } from '../src/scenario/schema.ts';

const root = mkdtempSync(join(tmpdir(), 'connito-scenario-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const EXAMPLE = readFileSync(new URL('../examples/subnet.jsonc', import.meta.url), 'utf8');

const hot = (name: string): string => pairOf(`//${name}//hotkey`).address;

describe('a scenario', () => {
  it('seeds what its file says, as clients read it, and nothing more at the next start', async () => {
    const stateDirectory = join(root, 'seeded');
    const { net, api, close } = await openWorld({ stateDirectory });
    expect(await net.runScenario(EXAMPLE)).toEqual(['accounts: owner, validator, miner-1, miner-2', 'subnet 1: 3 hyperparameters, 4 neurons', 'subnet 1: weights of 1']);
    expect(await read(api, 'subtensorModule', 'subnetOwnerHotkey', [1])).toBe(hot('Owner'));
    expect(await read(api, 'subtensorModule', 'tempo', [1])).toBe(20);
    expect(await Promise.all([0, 1, 2, 3].map((uid) => read(api, 'subtensorModule', 'keys', [1, uid])))).toEqual(['Owner', 'Validator', 'Miner1', 'Miner2'].map(hot));
    expect(await read(api, 'subtensorModule', 'weights', [1, 1])).toEqual([[2, 65_535], [3, 21_845]]);
    expect(await read(api, 'subtensorModule', 'axons', [1, hot('Miner1')])).toMatchObject({ ip: 0xcb007101, port: 8091, ipType: 4 });
    const incentive = (await read(api, 'subtensorModule', 'incentive', [1])) as number[];
    expect((incentive[2] as number) / (incentive[3] as number)).toBeCloseTo(3, 1);
    expect(((await read(api, 'system', 'account', [pairOf('//Owner').address])) as { data: { free: number } }).data.free).toBeGreaterThan(3_900_000_000_000);
    const number = net.blockNumber();
    expect(await net.runScenario(EXAMPLE)).toEqual([]);
    await close();
    const again = await startLocalnet({ seed: 'test', ...SLOW_BEACON, stateDirectory });
    expect([await again.runScenario(EXAMPLE), again.blockNumber()]).toEqual([[], number]);
    const more = EXAMPLE.replace('"tempo": 20', '"tempo": 30').replace('"blocks": 25', '"blocks": 0');
    expect(await again.runScenario(more)).toContain('subnet 1: 3 hyperparameters, 4 neurons');
    expect(again.getStorage({ pallet: 'SubtensorModule', item: 'Tempo', keys: [1] })).toBe(30);
    expect(again.getStorage({ pallet: 'SubtensorModule', item: 'TotalNetworks' })).toBe(2);
    await again.close();
  });

  it('sets storage and carries out calls, as root or as somebody', async () => {
    const net = await startLocalnet({ seed: 'test', ...SLOW_BEACON });
    const bob = pairOf('//Bob').address;
    await net.runScenario(`{ "accounts": { "a": { "uri": "//A", "balanceTao": "5.5" } },
      "storage": [{ "pallet": "SubtensorModule", "item": "Tempo", "keys": [9], "value": 77 }, { "key": "0xab", "value": "0x01" }],
      "calls": [
        { "as": "a", "pallet": "Balances", "call": "transfer_keep_alive", "args": { "dest": { "Id": "${bob}" }, "value": "1500000000" } },
        { "as": "root", "pallet": "SubtensorModule", "call": "start_call", "args": { "netuid": 1 } }
      ].slice }`.replace('.slice', '').replace(/,\s*\{ "as": "root".*\n/, '\n'));
    expect(net.getStorage({ pallet: 'SubtensorModule', item: 'Tempo', keys: [9] })).toBe(77);
    expect(net.getStorage({ pallet: 'System', item: 'Account', keys: [pairOf('//A').address] })).toMatchObject({ data: { free: 4_000_000_500 } });
    await net.close();
  });

  it.each([
    ['{', /not JSON/],
    ['{ "acounts": {} }', /the file: Unrecognized key.*acounts/],
    ['{ "accounts": { "a b": { "uri": "//A" } } }', /a name has letters/],
    ['{ "accounts": { "a": { "uri": "//A", "balanceTao": -1 } } }', /accounts\.a\.balanceTao/],
    ['{ "accounts": { "a": { "uri": "//A", "balanceTao": "1.0000000001" } } }', /nine decimals/],
    ['{ "accounts": { "a": { "uri": "who is this" } } }', /accounts\.a\.uri: "who is this" is no name/],
    ['{ "subnets": [{ "owner": "//A" }] }', /subnets\.0\.ownerHotkey/],
    ['{ "subnets": [{ "owner": "nobody", "ownerHotkey": "//H" }] }', /subnets\.0\.owner: "nobody" is no name/],
    ['{ "subnets": [{ "owner": "//A", "ownerHotkey": "//H", "hyperparameters": { "temp": 5 } }] }', /hyperparameters\.temp: there is no such hyperparameter.*tempo/],
    ['{ "subnets": [{ "owner": "//A", "ownerHotkey": "//H", "hyperparameters": { "tempo": "fast" } }] }', /hyperparameters\.tempo: expected a whole number/],
    ['{ "subnets": [{ "owner": "//A", "ownerHotkey": "//H", "neurons": [{ "hotkey": "//N", "coldkey": "//A", "weights": { "//Nobody": 1 } }] }] }', /weights\.\/\/Nobody: its hotkey is not registered/],
    ['{ "subnets": [{ "owner": "//A", "ownerHotkey": "//H", "neurons": [{ "hotkey": "//N", "coldkey": "//A", "axon": { "ip": "300.1.1.1", "port": 1 } }] }] }', /axon\.ip/],
    ['{ "subnets": [{ "owner": "//A", "ownerHotkey": "//H", "neurons": [{ "hotkey": "//N", "coldkey": "//A", "stakeTao": 50, "weights": { "0": 1 } }] }] }', /weights: SubtensorModule\.set_weights failed with/],
    ['{ "calls": [{ "as": "root", "pallet": "System", "call": "explode" }] }', /calls\.0: expected a call that this chain has/],
    ['{ "calls": [{ "as": "//A", "pallet": "Sudo", "call": "set_key", "args": { "new": { "Id": "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY" } } }] }', /calls\.0: Sudo\.set_key failed with RequireSudo/],
  ])('%s is refused, and the place is named', async (text, message) => {
    const net = await startLocalnet({ seed: 'test', ...SLOW_BEACON });
    expect(await failureOf(net.runScenario(text).catch((error: unknown) => Promise.reject(isLocalnetError(error) ? error : new Error(`not ours: ${String(error)}`))))).toMatch(message);
    await net.close();
  });

  it('may hold comments and trailing commas wherever there is no text', () => {
    const inner = fc.constantFrom('', ' // a "comment"\n', ' /* , ] */ ', '\n');
    fc.assert(
      fc.property(fc.string(), inner, inner, (text, before, after) => {
        const parsed = parseScenario(`{${before}"accounts":{},${after}"storage":[{"key":"0x01","value":${JSON.stringify(text)},${before}},${after}],}`);
        expect(parsed.storage).toEqual([{ key: '0x01', value: text }]);
      }),
    );
  });

  it('refuses anything else with one error', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        let failure: unknown;
        try {
          parseScenario(text);
        } catch (error) {
          failure = error;
        }
        expect(failure === undefined || isLocalnetError(failure, 'bad-scenario')).toBe(true);
      }),
    );
  });
});
