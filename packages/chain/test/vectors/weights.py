"""Vectors for weight vectors: the Python SDK's float to u16, and the chain's max-upscale in exact integer arithmetic.

    python3 test/vectors/weights.py > test/vectors/weights.json

`emit` is the arithmetic of convert_weights_and_uids_for_emit (bittensor 10.2.0, utils/weight_utils.py) with Python's own
floats and round(); `upscale` is vec_max_upscale_to_u16 (subtensor, epoch/math.rs:78) on I32F32 written as integers of 2^-32.
"""
import json
import platform
import random

ONE = 1 << 32


def emit(uids, weights):
    top = float(max(weights))
    out = []
    for uid, weight in zip(uids, weights):
        value = round(float(weight) / top * 65535) if top > 0 else 0
        if value != 0:
            out.append([uid, value])
    return sorted(out)


def fixed_round(x):
    return min((x + ONE // 2) // ONE, 65535)


def upscale(values):
    top = max(values) * ONE
    if top == 0:
        return [0 for _ in values]
    if top > 32768 * ONE:
        factor = (65535 * ONE << 32) // top
        return [fixed_round((v * ONE * factor) >> 32) for v in values]
    return [fixed_round(((v * ONE * 65535 * ONE >> 32) << 32) // top) for v in values]


def main():
    rng = random.Random(65535)
    emits = []
    for n in (1, 2, 3, 16, 64):
        for scale in (1e-9, 0.1, 1.0, 1e6):
            uids = rng.sample(range(256), n)
            weights = [rng.random() * scale * rng.choice((0, 1, 1, 1e-5)) for _ in uids]
            if max(weights) == 0:
                weights[0] = scale
            emits.append({"uids": uids, "weights": [w.hex() for w in weights], "row": emit(uids, weights)})
    # Ties: multiples of 1/131070 of the largest.
    ties = [(2 * i + 1) / 131070 for i in range(64)] + [1.0]
    emits.append({"uids": list(range(65)), "weights": [w.hex() for w in ties], "row": emit(list(range(65)), ties)})
    upscales = []
    for top in (1, 2, 3, 100, 32767, 32768, 32769, 40000, 65534, 65535):
        values = [rng.randrange(top + 1) for _ in range(24)] + [top, 0]
        upscales.append([values, upscale(values)])
    upscales.append([[0, 0], upscale([0, 0])])
    print(json.dumps({"source": "weights.py, Python %s" % platform.python_version(), "emits": emits, "upscales": upscales}))


main()
