"""What calls weigh, read from the sources of the runtime: python3 generate.py SUBTENSOR CRATES > ../../../src/runtime/benchmarked-weights.ts

SUBTENSOR is a checkout of opentensor/subtensor at 14bc6f9f9 (spec 425). CRATES holds, unpacked from crates.io, the versions that its
Cargo.lock names: frame-system 41.0.0, pallet-balances 42.0.0, pallet-multisig 41.0.0, pallet-sudo 41.0.0, pallet-timestamp 40.0.0.
Reads and writes of the database are counted as finney's `System.DbWeight` has them.
"""
import re
import sys
from pathlib import Path

READ, WRITE = 25_000_000, 100_000_000
SUBTENSOR, CRATES = sys.argv[1:3]
MAX_PROXIES, MAX_PENDING = 20, 75

PALLETS = {
    'System': (f'{CRATES}/frame-system-41.0.0/src/lib.rs', f'{CRATES}/frame-system-41.0.0/src/weights.rs'),
    'Timestamp': (f'{CRATES}/pallet-timestamp-40.0.0/src/lib.rs', f'{CRATES}/pallet-timestamp-40.0.0/src/weights.rs'),
    'Balances': (f'{CRATES}/pallet-balances-42.0.0/src/lib.rs', f'{CRATES}/pallet-balances-42.0.0/src/weights.rs'),
    'SubtensorModule': (f'{SUBTENSOR}/pallets/subtensor/src/macros/dispatches.rs', f'{SUBTENSOR}/pallets/subtensor/src/weights.rs'),
    'Utility': (f'{SUBTENSOR}/pallets/utility/src/lib.rs', f'{SUBTENSOR}/pallets/utility/src/weights.rs'),
    'Sudo': (f'{CRATES}/pallet-sudo-41.0.0/src/lib.rs', f'{CRATES}/pallet-sudo-41.0.0/src/weights.rs'),
    'Multisig': (f'{CRATES}/pallet-multisig-41.0.0/src/lib.rs', f'{CRATES}/pallet-multisig-41.0.0/src/weights.rs'),
    'Proxy': (f'{SUBTENSOR}/pallets/proxy/src/lib.rs', f'{SUBTENSOR}/pallets/proxy/src/weights.rs'),
    'Commitments': (f'{SUBTENSOR}/pallets/commitments/src/lib.rs', f'{SUBTENSOR}/pallets/commitments/src/weights.rs'),
    'AdminUtils': (f'{SUBTENSOR}/pallets/admin-utils/src/lib.rs', f'{SUBTENSOR}/pallets/admin-utils/src/weights.rs'),
    'Drand': (f'{SUBTENSOR}/pallets/drand/src/lib.rs', f'{SUBTENSOR}/pallets/drand/src/weights.rs'),
    'Swap': (f'{SUBTENSOR}/pallets/swap/src/pallet/mod.rs', f'{SUBTENSOR}/pallets/swap/src/weights.rs'),
}
# Calls whose weight is that of a benchmark of another name, of the heavier of two, or that of the call within: see dispatch-info.ts.
CONSTANTS = {'a': MAX_PENDING, 'p': MAX_PROXIES}
DESCRIPTIONS = '\n'.join(path.read_text() for path in (Path(__file__).parents[3] / 'src' / 'pallets').glob('*.ts'))
# Only calls that are here count.
DESCRIBED = set(re.findall(r'^ {2,4}(\w+): \[\d+, ', DESCRIPTIONS, re.M))


def number(text):
    return int(re.sub(r'_?u64|_', '', text))


def weigh(text, parameters=()):
    """[refTime, proofSize, then both again for each parameter that is no constant]"""
    text = re.sub(r'//.*', '', text)
    slopes = {name: [0, 0] for name in parameters}
    total = [0, 0]
    term = re.compile(
        r'from_parts\(([\d_]+), ([\d_]+)\)(?:\.saturating_mul\((\w)\.into\(\)\))?'
        r'|reads\(\((\w+)\)\.saturating_mul\((\w)\.into\(\)\)\)|writes\(\((\w+)\)\.saturating_mul\((\w)\.into\(\)\)\)'
        r'|reads\((\w+)\)|writes\((\w+)\)|reads_writes\((\d+), (\d+)\)'
    )
    for m in term.finditer(text):
        ref, proof, per, reads_per, rp, writes_per, wp, reads, writes, both_r, both_w = m.groups()
        into = total if not (per or rp or wp) else slopes[per or rp or wp]
        if ref:
            into[0] += number(ref)
            into[1] += number(proof)
        for count, cost in ((reads_per, READ), (writes_per, WRITE), (reads, READ), (writes, WRITE), (both_r, READ), (both_w, WRITE)):
            if count:
                into[0] += number(count) * cost
    for name in parameters:
        if name in CONSTANTS:
            total[0] += slopes[name][0] * CONSTANTS[name]
            total[1] += slopes[name][1] * CONSTANTS[name]
    return total + [part for name in parameters if name not in CONSTANTS for part in slopes[name]]


def benchmarks(path):
    text = open(path).read()
    start = re.search(r'impl<T: (?:frame_system|crate)::Config> WeightInfo for SubstrateWeight<T>', text).end()
    end = re.compile(r'^impl WeightInfo for \(\)|^// For backwards', re.M).search(text, start).start()
    found = {}
    for m in re.finditer(r'fn (\w+)\(([^)]*)\) -> Weight \{(.*?)\n(?:\t|    )\}', text[start:end], re.S):
        name, parameters, body = m.groups()
        found[name] = weigh(body, re.findall(r'_?(\w): u32', parameters))
    return found


def main():
    rows, operational, free = {}, [], []
    for pallet, (source, weights) in PALLETS.items():
        measured = benchmarks(weights)
        text = open(source).read()
        if pallet != 'SubtensorModule':
            text = text.split('#[cfg(test)]\nmod tests {')[0]
        for m in re.finditer(r'#\[pallet::call_index\(\d+\)\](.*?)pub fn (\w+)', text, re.S):
            attributes, name = m.groups()
            if name not in DESCRIBED:
                continue
            declared = re.search(r'#\[pallet::weight\((.*)\)\]', attributes, re.S)
            body = re.sub(r'//.*', '', declared.group(1) if declared else f'WeightInfo::{name}()')
            key = f'{pallet}.{name}'
            if 'Operational' in body:
                operational.append(key)
            if 'Pays::No' in body:
                free.append(key)
            if 'WeightInfo::' not in body:
                if 'from_parts' in body or 'DbWeight' in body:
                    rows[key] = weigh(body)
                continue
            for used in re.findall(r'WeightInfo::(\w+)', body):
                rows[key if used == name else f'{pallet}.{used}'] = measured[used]
    lines = ',\n'.join(f"  '{key}': [{', '.join(f'{n:_}' for n in row)}]" for key, row in sorted(rows.items()))
    names = lambda keys: '\n'.join(f"  '{key}'," for key in sorted(keys))
    print(f'''/**
 * What calls weigh: `[refTime, proofSize]` in picoseconds and bytes, and both again for each unit of what the weight depends on. Made by
 * `test/vectors/call-weights/generate.py` from the runtime's benchmarks and declarations; database access is counted in.
 * @module
 * @see pallets/subtensor/src/weights.rs and others (opentensor/subtensor 14bc6f9f9), Substrate's pallets in the versions of its Cargo.lock
 */

/** By call, or by benchmark where a call has several. */
export const BENCHMARKED_WEIGHTS = {{
{lines},
}} as const;

/** Calls that are `DispatchClass::Operational`. */
export const OPERATIONAL_CALLS: ReadonlySet<string> = new Set([
{names(operational)}
]);

/** Calls that are declared `Pays::No`. */
export const FREE_CALLS: ReadonlySet<string> = new Set([
{names(free)}
]);''')


main()
