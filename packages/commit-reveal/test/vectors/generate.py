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


TENSOR_NODE = b"connito/tensor-root/node/v1"


def tree(node, leaves):
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return sha(node, tree(node, leaves[:k]), tree(node, leaves[k:]))


def path(node, index, leaves):
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if index < k:
        return path(node, index, leaves[:k]) + [tree(node, leaves[k:])]
    return path(node, index - k, leaves[k:]) + [tree(node, leaves[:k])]


def ordered(tensors):
    return sorted(tensors, key=lambda t: t["name"].encode())


def root(tensors):
    leaves = [leaf(t) for t in ordered(tensors)]
    return sha(b"connito/tensor-root/root/v1", u64(len(leaves)), tree(TENSOR_NODE, leaves))


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
        {"name": rows[i]["name"], "index": i, "count": len(rows), "leaf": leaves[i].hex(), "siblings": [s.hex() for s in path(TENSOR_NODE, i, leaves)]}
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


def sealed_records(rng):
    """The ciphertexts are any bytes: timelock.py has real ones."""
    c, a, t, k = (rng.randbytes(32) for _ in range(4))
    update, sheet_seal = rng.randbytes(340), rng.randbytes(810)
    locator = "s3://\u4f8b/u"
    first, second = b"\x01\x02" + struct.pack("<I", 7) + c + locator.encode(), a + struct.pack("<Q", 5_000_000)
    head = {"kind": "sealed-update", "cycle": 7, "commitment": c.hex(), "locator": locator, "sealedSha256": a.hex(), "sizeBytes": 5_000_000}
    lock = lambda data, n: {"kind": "timelocked", "ciphertext": data.hex(), "round": n}
    return [
        {"record": {**head, "seal": lock(update, 123)}, "fields": [first.hex(), second.hex(), lock(update, 123)], "charged": len(first) + 40 + 340},
        {"record": {**head, "chunkRoot": k.hex(), "seal": lock(update, 2**40)}, "fields": [first.hex(), (second + k).hex(), lock(update, 2**40)], "charged": len(first) + 72 + 340},
        {"record": {"kind": "sealed-sheet", "cycle": 9, "seal": lock(sheet_seal, 124)}, "fields": [(b"\x03\x02" + struct.pack("<I", 9)).hex(), lock(sheet_seal, 124)], "charged": 816},
        {"record": {"kind": "sealed-sheet", "cycle": 9, "taskHash": t.hex(), "seal": lock(sheet_seal, 124)},
         "fields": [(b"\x03\x02" + struct.pack("<I", 9) + t).hex(), lock(sheet_seal, 124)], "charged": 848},
    ]


def pattern(size):
    return bytes((i * 31 + (i >> 8)) & 255 for i in range(size))


def chunk_list(chunk_bytes, size):
    """The file is `pattern(size)`, so that the vectors stay small."""
    node = b"connito/chunks/node/v1"
    data = pattern(size)
    chunks = [data[i:i + chunk_bytes] for i in range(0, size, chunk_bytes)] or [b""]
    hashes = [sha(b"connito/chunks/leaf/v1", u64(i), chunk) for i, chunk in enumerate(chunks)]
    shape = struct.pack("<IQ", chunk_bytes, size)
    value = sha(b"connito/chunks/root/v1", shape, u64(len(hashes)), tree(node, hashes))
    last = len(hashes) - 1
    return {"chunkBytes": chunk_bytes, "sizeBytes": size, "sideFile": (b"connito/chunks/v1" + shape + b"".join(hashes)).hex(), "root": value.hex(),
            "lastSiblings": [s.hex() for s in path(node, last, hashes)]}


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
        "sealedRecords": sealed_records(random.Random(20261129)),
        "chunkLists": [chunk_list(*case) for case in ((1024, 0), (1024, 1), (1024, 1024), (1024, 1025), (1024, 5000), (2048, 13 * 2048), (65536, 65535))],
        "sheet": sheet(rng),
        "minersHash": miners_hash(),
    }
    print(json.dumps(out, ensure_ascii=True))


main()
