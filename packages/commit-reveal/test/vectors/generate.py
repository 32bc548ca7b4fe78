"""Test vectors of @connito/commit-reveal, from FORMAT.md alone, with Python's standard library only.

    python3 test/vectors/generate.py > test/vectors/vectors.json

Nothing here is shared with the TypeScript implementation: the tree is built by the recursive definition of
RFC 6962 (split at the largest power of two below n), binary16 comes from struct's 'e' format.
"""
import hashlib
import json
import platform
import random
import struct


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def u64(n):
    return struct.pack("<Q", n)


def leaf(tensor):
    name, dtype = tensor["name"].encode(), tensor["dtype"].encode()
    data = bytes.fromhex(tensor["data"])
    return sha(
        b"connito/tensor-root/leaf/v1",
        u64(len(name)), name,
        u64(len(dtype)), dtype,
        u64(len(tensor["shape"])), *[u64(d) for d in tensor["shape"]],
        u64(len(data)), hashlib.sha256(data).digest(),
    )


def split(n):
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def tree(leaves):
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return sha(b"connito/tensor-root/node/v1", tree(leaves[:k]), tree(leaves[k:]))


def path(index, leaves):
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if index < k:
        return path(index, leaves[:k]) + [tree(leaves[k:])]
    return path(index - k, leaves[k:]) + [tree(leaves[:k])]


def ordered(tensors):
    return sorted(tensors, key=lambda t: t["name"].encode())


def root(tensors):
    leaves = [leaf(t) for t in ordered(tensors)]
    return sha(b"connito/tensor-root/root/v1", u64(len(leaves)), tree(leaves))


def root_case(rng, count, label):
    names = ["model.layers.%d.mlp.experts.%d.up_proj.weight" % (rng.randrange(30), i) for i in range(count)]
    tensors = []
    for i, name in enumerate(names):
        shape = [rng.randrange(1, 4) for _ in range(rng.randrange(0, 4))]
        size = 2
        for d in shape:
            size *= d
        tensors.append({"name": name, "dtype": "BF16", "shape": shape, "data": bytes(rng.randrange(256) for _ in range(size)).hex()})
    return finish_case(label, tensors)


def finish_case(label, tensors):
    rows = ordered(tensors)
    leaves = [leaf(t) for t in rows]
    proofs = [
        {"name": rows[i]["name"], "index": i, "count": len(rows), "leaf": leaves[i].hex(), "siblings": [s.hex() for s in path(i, leaves)]}
        for i in sorted({0, len(rows) // 2, len(rows) - 1})
    ]
    return {"label": label, "tensors": tensors, "root": root(tensors).hex(), "proofs": proofs}


def odd_names():
    # UTF-16 order and UTF-8 order disagree on U+FF5E and U+1F600; a name may be the prefix of another, or empty.
    names = ["b", "a", "ab", "a\u0000", "", "\uff5e", "\U0001f600", "e\u0301", "\u00e9"]
    return [{"name": n, "dtype": "F32", "shape": [1], "data": struct.pack("<f", i).hex()} for i, n in enumerate(names)]


def commitment(rng):
    genesis, hotkey, salt, update_root = (bytes(rng.randrange(256) for _ in range(32)) for _ in range(4))
    netuid, cycle = rng.randrange(65536), rng.randrange(2**32)
    value = sha(b"connito/commit/v1", genesis, struct.pack("<H", netuid), struct.pack("<I", cycle), hotkey, salt, update_root)
    return {"genesis": genesis.hex(), "netuid": netuid, "cycle": cycle, "hotkey": hotkey.hex(), "salt": salt.hex(),
            "updateRoot": update_root.hex(), "commitment": value.hex()}


def records(rng):
    h = lambda: bytes(rng.randrange(256) for _ in range(32))
    c, a, t, s, m, r = h(), h(), h(), h(), h(), h()
    return [
        {"record": {"kind": "update", "cycle": 7, "commitment": c.hex(), "locator": "https://例え.example/u?v=1", "artifactSha256": a.hex(), "sizeBytes": 2**40 + 5},
         "fields": [(b"\x01\x01" + struct.pack("<I", 7) + c + "https://例え.example/u?v=1".encode()).hex(), (a + struct.pack("<Q", 2**40 + 5)).hex()]},
        {"record": {"kind": "task", "taskHash": t.hex(), "sizeBytes": 1234, "locator": ""},
         "fields": [(b"\x02\x01" + t + struct.pack("<Q", 1234)).hex()]},
        {"record": {"kind": "sheet", "cycle": 2**32 - 1, "sheetSha256": s.hex()}, "fields": [(b"\x03\x01" + b"\xff" * 4 + s).hex()]},
        {"record": {"kind": "sheet", "cycle": 0, "sheetSha256": s.hex(), "taskHash": t.hex()}, "fields": [(b"\x03\x01" + b"\0" * 4 + s + t).hex()]},
        {"record": {"kind": "root", "cycle": 9, "mergedRoot": m.hex(), "gateAccepted": True, "taskHash": t.hex(), "recordHash": r.hex()},
         "fields": [(b"\x04\x01" + struct.pack("<I", 9) + m + b"\x01" + t + r).hex()]},
    ]


def halves(rng):
    values = [0.0, 1.0, 0.5, 65504.0, 65519.999, 2.0**-24, 2.0**-25, 2.0**-25 * 1.0000001, 2.0**-14, 2.0**-14 - 2.0**-25, 1 + 2.0**-11,
              1 + 3 * 2.0**-11, 5e-324, 0.1, 0.0123, 2049.0, 2051.0, 1023.5 * 2.0**-24]
    values += [rng.random() * 2.0 ** rng.randrange(-30, 16) for _ in range(300)]
    return [[v.hex(), struct.unpack("<H", struct.pack("<e", v))[0]] for v in values]


def sheet(rng):
    hotkey, miners, base = bytes(range(32)), sha(b"miners")[:8], sha(b"base")[:8]
    scores = [None if i % 5 == 0 else rng.random() / 8 for i in range(256)]
    words = [0x8000 | 1 if s is None else struct.unpack("<H", struct.pack("<e", s))[0] for s in scores]
    words[3] = 0x8000 | 13  # resubmission
    scores[3] = "resubmission"
    raw = hotkey + struct.pack("<H", 102) + struct.pack("<I", 41) + miners + base + b"".join(struct.pack("<H", w) for w in words)
    assert len(raw) == 566
    return {"hotkey": hotkey.hex(), "netuid": 102, "cycle": 41, "minersHash": miners.hex(), "baseRoot": base.hex(), "scores": scores, "bytes": raw.hex()}


def miners_hash():
    miners = [{"uid": 300, "hotkey": sha(b"c").hex()}, {"uid": 2, "hotkey": sha(b"a").hex()}, {"uid": 10, "hotkey": sha(b"b").hex()}]
    parts = [struct.pack("<H", m["uid"]) + bytes.fromhex(m["hotkey"]) for m in sorted(miners, key=lambda m: m["uid"])]
    return {"miners": miners, "hash": sha(b"connito/miners/v1", *parts)[:8].hex()}


def main():
    rng = random.Random(20261120)
    out = {
        "source": "generate.py, Python %s, hashlib and struct" % platform.python_version(),
        "roots": [root_case(rng, n, "%d tensors" % n) for n in (1, 2, 3, 4, 5, 7, 8, 13)] + [finish_case("odd names", odd_names())],
        "commitments": [commitment(rng) for _ in range(4)],
        "records": records(rng),
        "halves": halves(rng),
        "sheet": sheet(rng),
        "minersHash": miners_hash(),
    }
    print(json.dumps(out, ensure_ascii=True))


main()
