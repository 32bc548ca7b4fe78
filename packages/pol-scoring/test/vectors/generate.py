"""Independent implementation of the seed, the draw, the paired score, the floor, the medians and the weights; Student's t by scipy.

python generate.py   (numpy, scipy)
"""

import hashlib
import json
import struct
from fractions import Fraction
from pathlib import Path

import numpy as np
import scipy
from scipy import stats

HERE = Path(__file__).resolve().parent
RNG = np.random.default_rng(20261120)


def seed_of(genesis: bytes, netuid: int, cycle: int, randomness: bytes) -> bytes:
    return hashlib.sha256(b"connito/pol-seed/v1" + genesis + struct.pack("<HI", netuid, cycle) + randomness).digest()


def draw(seed: bytes, label: str, population: int, count: int, exclude: list[int]) -> list[int]:
    rows: list[int] = []
    block = 0
    limit = 2**32 // population * population
    while True:
        name = label.encode()
        digest = hashlib.sha256(b"connito/pol-draw/v1" + seed + bytes([len(name)]) + name + struct.pack("<I", block)).digest()
        block += 1
        for word in struct.unpack("<8I", digest):
            if len(rows) == count:
                return rows
            row = word % population
            if word < limit and row not in rows and row not in exclude:
                rows.append(row)


def seeds() -> list[dict]:
    cases = [(0, 0), (102, 3), (65535, 4294967295)]
    result = []
    for netuid, cycle in cases:
        genesis, randomness = RNG.bytes(32), RNG.bytes(32)
        result.append({"genesis": genesis.hex(), "netuid": netuid, "cycle": cycle, "randomness": randomness.hex(), "seed": seed_of(genesis, netuid, cycle, randomness).hex()})
    return result


def draws() -> list[dict]:
    result = []
    for label, population, count, excluded in [("score", 256, 128, 0), ("gate", 256, 128, 128), ("", 1, 1, 0), ("général", 1000, 10, 3), ("big", 4294967295, 5, 0), ("bias", 3221225472, 20, 0), ("none", 5, 0, 0), ("all", 300, 300, 0)]:
        seed = RNG.bytes(32)
        exclude = draw(seed, "score", population, excluded, []) if excluded else []
        result.append({"seed": seed.hex(), "label": label, "population": population, "count": count, "exclude": exclude, "rows": draw(seed, label, population, count, exclude)})
    return result


def quantiles() -> list[dict]:
    levels = [0.5, 0.9, 0.975, 0.99, 1 - 0.01 / 4, 1 - 0.01 / 64, 1 - 0.01 / 256, 1 - 1e-6]
    return [{"level": level, "rows": rows, "t": float(stats.t.ppf(level, rows - 1))} for level in levels for rows in (2, 3, 8, 64, 128, 1000, 100000)]


def score(base: np.ndarray, candidate: np.ndarray, clip: float, level: float) -> dict:
    d = base - candidate
    if (d < -clip).any():
        return {"code": "worse-than-clip"}
    d = np.minimum(d, clip)
    low = stats.ttest_1samp(d, 0).confidence_interval(2 * level - 1)  # two-sided interval whose ends are the one-sided bounds
    return {"code": "scored", "gain": float(d.mean()), "lowerBound": float(low.low), "upperBound": float(low.high), "standardError": float(stats.sem(d)), "rows": len(d)}


def pairs() -> list[dict]:
    result = []
    for rows, gain, spread, clip, level in [(64, 0.2, 0.08, 2, 0.9975), (128, 0.01, 0.02, 2, 0.99), (2, 0.5, 0.1, 2, 0.99), (64, -0.05, 0.3, 2, 0.99), (100, 0.5, 0.4, 0.6, 0.99), (64, 0.1, 1.0, 1, 0.99), (1000, 0.001, 0.5, 3, 0.999)]:
        base = RNG.normal(3, 0.7, rows)
        candidate = base - RNG.normal(gain, spread, rows)
        result.append({"base": base.tolist(), "candidate": candidate.tolist(), "clip": clip, "level": level, "outcome": score(base, candidate, clip, level)})
    return result


def cycles() -> list[dict]:
    result = []
    for gains, min_gain in [([0.5, 0.45, 0.012, 0.0], 0.02), ([0.5, 0.45, 0.4, 0.03, 0.06], 0.001), ([0.03], 0.02), ([0.01, -0.2], 0.0), ([], 0.02)]:
        base = RNG.normal(3, 0.7, 64)
        candidates = [base - RNG.normal(gain, 0.02, 64) for gain in gains]
        level = 1 - 0.01 / max(1, len(gains))
        outcomes = [score(base, candidate, 2, level) for candidate in candidates]
        best = sorted((max(0, o["gain"]) for o in outcomes), reverse=True)[:3]
        floor = max(min_gain, 0.1 * (sum(best) / len(best) if best else 0))
        scores = [o["lowerBound"] if o["lowerBound"] >= floor and o["lowerBound"] > 0 else 0 for o in outcomes]
        result.append({"base": base.tolist(), "candidates": [c.tolist() for c in candidates], "minGain": min_gain, "floor": floor, "scores": scores, "codes": ["scored" if s > 0 else "below-floor" for s in scores]})
    return result


def medians() -> list[dict]:
    """Each voter counted one by one: repeat every score by its stake and take the lower middle element."""
    result = []
    for _ in range(20):
        votes = [(float(RNG.integers(0, 6)) / 8, int(RNG.integers(1, 9))) for _ in range(int(RNG.integers(1, 6)))]
        spread = sorted(score for score, stake in votes for _ in range(stake))
        result.append({"votes": votes, "median": spread[(len(spread) - 1) // 2]})
    return result


def weights() -> list[dict]:
    result = []
    for ratings, target, burn in [({"1": 0.25, "2": 0.125}, 0.75, 0), ({"1": 0.5, "0": 0.5}, 0.5, 0), ({"3": 0.1}, 0.3, 0), ({}, 1, 7)]:
        total = sum(map(Fraction, ratings.values()), Fraction(0))
        paid = min(Fraction(1), total / Fraction(target))
        shares = {int(uid): paid * Fraction(rating) / total for uid, rating in ratings.items()} if total else {}
        shares[burn] = shares.get(burn, Fraction(0)) + 1 - paid
        result.append({"ratings": ratings, "targetGain": target, "burnUid": burn, "weights": [{"uid": uid, "weight": float(share)} for uid, share in sorted(shares.items()) if share]})
    return result


if __name__ == "__main__":
    vectors = {
        "generator": "packages/pol-scoring/test/vectors/generate.py",
        "versions": {"numpy": np.__version__, "scipy": scipy.__version__},
        "seeds": seeds(),
        "draws": draws(),
        "quantiles": quantiles(),
        "pairs": pairs(),
        "cycles": cycles(),
        "medians": medians(),
        "weights": weights(),
    }
    (HERE / "vectors.json").write_text(json.dumps(vectors) + "\n")
