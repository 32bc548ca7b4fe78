"""Weighted rendezvous hashing with Python's hashlib and math.log, written from the description in src/partition/rendezvous.ts; and -ln(u) in 50 digits. Run: python assignment.py"""
import hashlib, math, random
from decimal import Decimal, getcontext
from vectors import write

getcontext().prec = 50
rng = random.Random(20261124)


def field(data: bytes) -> bytes:
    return len(data).to_bytes(4, "little") + data


def cost(tag, seed, key, node, capacity):
    digest = hashlib.sha256(field(tag.encode()) + field(seed) + field(key.encode()) + field(node.encode())).digest()
    return -math.log((int.from_bytes(digest[:8], "big") >> 12) / 2**52 + 2**-53) / capacity


def shards(seed, keys, miners, copies):
    taken = {miner: [] for miner in sorted(miners)}
    for key in sorted(keys):
        ranked = sorted(miners, key=lambda miner: cost("connito/assign-shards/v1", seed, key, miner, miners[miner]))
        for miner in ranked[:copies]:
            taken[miner].append(key)
    return taken


def groups(seed, miners, weights):
    return {miner: min(weights, key=lambda group: cost("connito/assign-miners/v1", seed, miner, group, weights[group])) for miner in sorted(miners)}


seed = bytes(range(32))
miners = {f"5F{rng.getrandbits(60):x}": rng.choice([0.5, 1, 2, 3.7, 8]) for _ in range(12)} | {"miner-é": 1}
keys = [f"train-{i:04d}" for i in range(150)]
weights = {"code": 2, "law": 1, "summary": 0.25}
odd = [1, 3, 2**53 - 1, 2**52 + 1, 2**52 - 1, 2**31 + 1, 2**32 + 1, 2**32 - 1] + [rng.getrandbits(52) * 2 + 1 for _ in range(300)] + [2 ** rng.randint(1, 52) + 1 for _ in range(60)]
logs = [[x, float(-(Decimal(x) / 2**53).ln())] for x in odd]
write("assignment", [], {"seed": seed.hex(), "miners": miners, "shards": keys, "byMiner": {str(copies): shards(seed, keys, miners, copies) for copies in (1, 3)}, "groups": weights, "byGroup": groups(seed, miners, weights), "logs": logs})
