"""Rows of weights through the programs that make and store them on a real network.

    PYTHON weight-rows.py ORACLE > weight-rows.json     # PYTHON has bittensor 11.3.0

`sent`: what `normalize` of bittensor 11.3.0 (intents/weights.py) gives; `convert_weights_and_uids_for_emit` of 10.2.0 gave the same for all of 3,000 rows.
`stored`: what `vec_u16_max_upscale_to_u16` of opentensor/subtensor 14bc6f9f9 (pallets/subtensor/src/epoch/math.rs) makes of u16 values; ORACLE as in yuma.py.
"""

import json
import random
import sys

from bittensor.intents.weights import normalize

from yuma import Oracle


def weights(r, n):
    kind = r.choice(["any", "tiny", "spread", "tie", "half"])
    value = {
        "any": lambda: r.random(),
        "tiny": lambda: r.random() * 1e-30,
        "spread": lambda: r.random() ** 20,
        "tie": lambda: r.choice([0.0, 0.25, 0.5, 1.0]),
        "half": lambda: (r.randint(0, 65535) + 0.5) / 65535,
    }[kind]
    return [value() for _ in range(n)]


def values(r, n):
    kind = r.choice(["any", "small", "power", "one", "zero", "edge"])
    value = {
        "any": lambda: r.randint(0, 65535),
        "small": lambda: r.randint(0, 9),
        "power": lambda: 2 ** r.randint(0, 15),
        "one": lambda: 1,
        "zero": lambda: 0,
        "edge": lambda: r.choice([32767, 32768, 32769, 65535]),
    }[kind]
    return [value() for _ in range(n)]


def main(oracle):
    r = random.Random(11)
    sent = []
    for _ in range(300):
        given = weights(r, r.choice([1, 2, 3, 8, 24]))
        uids, u16s = normalize(list(range(len(given))), given)
        sent.append({"weights": given, "uids": uids, "values": u16s})
    stored = []
    for _ in range(300):
        given = values(r, r.choice([1, 2, 3, 8, 24]))
        stored.append({"values": given, "stored": oracle.ask({"op": "upscale", "values": given})})
    print(json.dumps({"sent": sent, "stored": stored}, separators=(",", ":")))


main(Oracle(sys.argv[1]))
