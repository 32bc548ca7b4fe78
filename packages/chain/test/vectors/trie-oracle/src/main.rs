// Vectors of Substrate's own trie (sp-trie, sp-state-machine). Usage: cargo run > ../state-trie.json
use serde_json::{json, Value};
use sp_core::{storage::StateVersion, Blake2Hasher, H256};
use sp_state_machine::{prove_read, Backend, InMemoryBackend};
use sp_trie::{LayoutV0, LayoutV1, TrieConfiguration};
use std::collections::BTreeMap;

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// xorshift64*: the same vectors on every machine.
struct Random(u64);
impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % below
    }
    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next(256) as u8).collect()
    }
    fn value(&mut self) -> Vec<u8> {
        let length = [0, 1, 2, 8, 24, 31, 32, 33, 34, 64, 200][self.next(11)];
        self.bytes(length)
    }
}

fn hex(bytes: &[u8]) -> String {
    hex::encode(bytes)
}
fn version_number(version: StateVersion) -> u8 {
    if version == StateVersion::V0 { 0 } else { 1 }
}
fn backend_of(map: &Map, version: StateVersion) -> InMemoryBackend<Blake2Hasher> {
    (map.clone(), version).into()
}
fn entries_json(map: &Map) -> Value {
    map.iter().map(|(key, value)| json!([hex(key), hex(value)])).collect()
}
fn proof_json(backend: &InMemoryBackend<Blake2Hasher>, keys: &[Vec<u8>]) -> Value {
    let values: Vec<Value> = keys.iter().map(|key| backend.storage(key).unwrap().map_or(Value::Null, |value| json!(hex(&value)))).collect();
    let proof = prove_read(backend.clone(), keys.iter()).unwrap();
    json!({
        "keys": keys.iter().map(|key| hex(key)).collect::<Vec<_>>(),
        "values": values,
        "proof": proof.into_iter_nodes().map(|node| hex(&node)).collect::<Vec<_>>(),
    })
}
/// Some that are there, some that are not: near misses, extensions, prefixes.
fn asked(map: &Map, random: &mut Random) -> Vec<Vec<u8>> {
    let mut keys: Vec<Vec<u8>> = map.keys().filter(|_| random.next(3) == 0).cloned().collect();
    for key in map.keys() {
        if random.next(4) > 0 { continue }
        let mut other = key.clone();
        match random.next(4) {
            0 => other.push(random.next(256) as u8),
            1 => { other.pop(); }
            2 => if let Some(last) = other.last_mut() { *last ^= 1 << random.next(8) },
            _ => { other.truncate(other.len() / 2) }
        }
        keys.push(other);
    }
    keys.truncate(24);
    if keys.is_empty() { keys.push(vec![1]) }
    keys
}
fn root_of(map: &Map, version: StateVersion) -> H256 {
    match version {
        StateVersion::V0 => LayoutV0::<Blake2Hasher>::trie_root(map),
        StateVersion::V1 => LayoutV1::<Blake2Hasher>::trie_root(map),
    }
}
fn case(name: &str, map: &Map, version: StateVersion, random: &mut Random) -> Value {
    let backend = backend_of(map, version);
    assert_eq!(*backend.root(), root_of(map, version));
    json!({
        "name": name, "version": version_number(version), "entries": entries_json(map),
        "root": hex(backend.root().as_bytes()), "read": proof_json(&backend, &asked(map, random)),
    })
}

fn maps(random: &mut Random) -> Vec<(&'static str, Map)> {
    let mut maps: Vec<(&'static str, Map)> = vec![("empty", Map::new())];
    maps.push(("one short value", Map::from([(vec![0xab], vec![1])])));
    maps.push(("one empty key", Map::from([(vec![], random.bytes(40))])));
    maps.push(("one empty value", Map::from([(vec![1, 2], vec![])])));
    maps.push(("keys within keys", (0..6).map(|n| (vec![0x11; n], random.value())).collect()));
    let mut dense = Map::new();
    for first in 0..=255u8 { if first % 3 == 0 { dense.insert(vec![first], random.value()); } }
    maps.push(("one byte", dense));
    // Around the counts of nibbles at which the header of each kind of node grows: 14, 15, 30, 31, 62, 63, and 255 more.
    for length in [7, 8, 15, 16, 31, 32, 135, 143, 159, 160, 161, 300] {
        let prefix = random.bytes(length);
        let mut map = Map::new();
        for tail in [vec![], vec![0x00], vec![0x0f, 0xf0], vec![0xf0], vec![0xf1, 1, 2]] {
            let mut key = prefix.clone();
            key.extend(tail);
            map.insert(key, random.value());
        }
        map.insert(random.bytes(length), random.bytes(60));
        maps.push(("long partial keys", map));
    }
    for size in [3, 20, 80] {
        let pallets: Vec<Vec<u8>> = (0..3).map(|_| random.bytes(32)).collect();
        let mut map = Map::new();
        for _ in 0..size {
            let mut key = pallets[random.next(3)].clone();
            let length = [0, 2, 8, 24][random.next(4)];
            key.extend(random.bytes(length));
            map.insert(key, random.value());
        }
        maps.push(("like storage", map));
    }
    maps.push(("a long value", Map::from([(vec![1], vec![7; 20_000]), (vec![2], vec![8; 64])])));
    maps
}

/// Changes after changes: the root after each step, from the trie that the steps before left.
fn history(version: StateVersion, random: &mut Random) -> Value {
    let mut map = Map::new();
    let mut steps = Vec::new();
    for _ in 0..25 {
        let mut changes = Vec::new();
        for _ in 0..1 + random.next(8) {
            let length = 1 + random.next(3);
            let key: Vec<u8> = if random.next(2) == 0 && !map.is_empty() {
                map.keys().nth(random.next(map.len())).cloned().unwrap()
            } else {
                (0..length).map(|_| [0x00, 0x01, 0x10, 0x11, 0xf0][random.next(5)]).collect()
            };
            let value = if random.next(3) == 0 { None } else { Some(random.value()) };
            match &value {
                Some(bytes) => { map.insert(key.clone(), bytes.clone()); }
                None => { map.remove(&key); }
            }
            changes.push(json!([hex(&key), value.map(|bytes| hex(&bytes))]));
        }
        steps.push(json!({ "changes": changes, "root": hex(root_of(&map, version).as_bytes()) }));
    }
    json!({ "version": version_number(version), "steps": steps })
}

/// A state of version 0 that was partly rewritten under version 1, as on a chain that has migrated.
fn migrated(random: &mut Random) -> Value {
    let map: Map = (0..40).map(|_| (random.bytes(2), random.bytes(50))).collect();
    let chosen: Vec<&Vec<u8>> = map.keys().filter(|_| random.next(2) == 0).collect();
    let rewritten: Vec<(Vec<u8>, Option<Vec<u8>>)> = chosen.into_iter().map(|key| (key.clone(), Some(random.bytes(60)))).collect();
    let backend = backend_of(&map, StateVersion::V0).update(vec![(None, rewritten)], StateVersion::V1);
    let keys: Vec<Vec<u8>> = map.keys().take(12).cloned().chain([vec![1, 2, 3]]).collect();
    json!({ "root": hex(backend.root().as_bytes()), "read": proof_json(&backend, &keys) })
}

fn main() {
    let random = &mut Random(0x00C0_44E7);
    let versions = [StateVersion::V0, StateVersion::V1];
    let mut cases = Vec::new();
    for (name, map) in maps(random) {
        for version in versions { cases.push(case(name, &map, version, random)); }
    }
    let histories: Vec<Value> = versions.into_iter().map(|version| history(version, random)).collect();
    let lists: Vec<Value> = [0usize, 1, 2, 63, 64, 65, 130].into_iter().map(|length| {
        let items: Vec<Vec<u8>> = (0..length).map(|_| { let size = random.next(60); random.bytes(size) }).collect();
        json!({
            "items": items.iter().map(|item| hex(item)).collect::<Vec<_>>(),
            "rootV0": hex(LayoutV0::<Blake2Hasher>::ordered_trie_root(&items).as_bytes()),
            "rootV1": hex(LayoutV1::<Blake2Hasher>::ordered_trie_root(&items).as_bytes()),
        })
    }).collect();
    let migrated = migrated(random);
    println!("{}", json!({
        "source": "test/vectors/trie-oracle: sp-trie 47.0.0, sp-state-machine 0.54.0, sp-core 43.0.0 of crates.io (polkadot-sdk)",
        "cases": cases, "histories": histories, "lists": lists, "migrated": migrated,
    }));
}
