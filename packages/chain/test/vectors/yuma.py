"""Cases of Yuma Consensus with the figures of Subtensor's own code.

    python yuma.py ORACLE SEED SCALE | gzip -9n > yuma.jsonl.gz

ORACLE is a program that answers every line of JSON (a case, as `case()` makes it) with one line: what the runtime would store after
`epoch_with_mechanisms`. The one used held pallets/subtensor/src/epoch/math.rs, the sparse path of epoch/run_epoch.rs (`epoch_mechanism` and what it
calls) and subnets/mechanism.rs of opentensor/subtensor 14bc6f9f9 (spec 425), unchanged, over encointer/substrate-fixed v0.6.0 (d5f70362), with storage
reads answered from the case, compiled in release mode (sums wrap, as on chain).
"""

import json
import random
import subprocess
import sys

U16 = 65535


class Oracle:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def rows(r, n, kind, density):
    """Rows of [uid, u16]: with zeros, ties, extremes; in ascending order or not."""
    made = []
    for i in range(n):
        if r.random() < 0.1:
            made.append([])
            continue
        uids = [j for j in range(n) if r.random() < density]
        if r.random() < (0.15 if kind != "sorted" else 0):
            r.shuffle(uids)
        shape = r.choice(["any", "any", "tied", "small", "spread", "max"])
        value = {
            "any": lambda: r.randint(0, U16),
            "tied": lambda: r.choice([0, 1, 100, 32768, U16]),
            "small": lambda: r.randint(0, 3),
            "spread": lambda: int(U16 * r.random() ** 8),
            "max": lambda: U16,
        }[shape]
        made.append([[j, value()] for j in uids])
    return made


def stakes(r, n):
    shape = r.choice(["any", "equal", "powers", "few", "none", "huge", "tiny", "one", "any", "equal", r.choice(["wrapping", "any"])])
    whole = {
        "any": lambda i: r.randint(0, 10**15),
        "equal": lambda i: 10**12,
        "powers": lambda i: 2 ** r.randint(0, 60),
        "few": lambda i: r.randint(1, 10**15) if r.random() < 0.3 else 0,
        "none": lambda i: 0,
        "huge": lambda i: r.randint(2**62, 2**63 - 1) // max(1, n),
        "wrapping": lambda i: r.randint(2**61, 2**63 - 1),
        "tiny": lambda i: r.randint(0, 4),
        "one": lambda i: 10**13 if i == 0 else 0,
    }[shape]
    fraction = r.random() < 0.5
    return [(whole(i) << 64) + (r.getrandbits(64) if fraction else 0) for i in range(n)]


def case(r, n, **given):
    """One epoch's input. Blocks are near 10,000 so that all comparisons happen both ways and with equality."""
    block = 10_000
    near = lambda: r.choice([0, 1, 9_600, 9_638, 9_639, 9_640, 9_641, 9_700, r.randint(9_000, 10_000), r.randint(9_000, 10_000)])
    old = r.random() < 0.6  # most registrations long ago: then most weights count
    density = r.choice([0.05, 0.3, 0.8, 1.0])
    validators = r.choice([1.0, 0.5, 0.25])
    made = {
        "op": "epoch",
        "block": block,
        "tempo": 360,
        "lastMechanismStepBlock": r.choice([0, 9_639, 9_640, 9_638]),
        "stakeBits": [str(s) for s in stakes(r, n)],
        "blockAtRegistration": [near() if not old or r.random() < 0.05 else r.randint(0, 5_000) for _ in range(n)],
        "permits": [r.random() < validators for _ in range(n)],
        "ownerUid": r.choice([None, 0, r.randrange(n)]),
        "kappa": r.choice([32767, 32767, 32768, 0, U16, 1, r.randint(0, U16)]),
        "stakeThresholdRao": r.choice([0, 0, 1, 10**12, 10**14]),
        "maxValidators": r.choice([64, 64, 1, 0, max(1, n // 2), n]),
        "activityCutoffBlocks": r.choice([5_000, 5_000, 360, 1, 361]),
        "commitReveal": r.random() < 0.5,
        "bondsMovingAverage": r.choice([900_000, 900_000, 0, 1_000_000, 975_000, r.randint(0, 1_000_000)]),
        "bondsPenalty": r.choice([U16, U16, 0, 32768, 1, r.randint(0, U16)]),
        "yuma3": r.random() < 0.6,
        "liquidAlpha": r.random() < 0.6,
        "alphaLow": r.choice([45875, 1638, r.randint(0, U16)]),
        "alphaHigh": r.choice([58982, U16, r.randint(0, U16)]),
        "steepness": r.choice([1000, 1000, 0, -1000, 100, 32767, -32768, r.randint(-5000, 5000)]),
        "emissionRao": r.choice([0, 1, 10**9, 148_000_000_000, 10**18, 2**64 - 1, r.getrandbits(64)]),
        "mechanisms": [{
            "lastUpdate": [near() if r.random() < 0.3 else r.randint(9_000, 10_000) for _ in range(n)],
            "weights": rows(r, n, "any", density),
            "bonds": rows(r, n, "any", density) if r.random() < 0.7 else [[] for _ in range(n)],
            "pendingCommitBlocks": [near() if r.random() < 0.2 else None for _ in range(n)],
        }],
        "split": None,
    }
    return {**made, **given}


def realistic(r, validators, miners, **given):
    """A subnet as they are: validators that roughly agree, miners of a few levels."""
    n = validators + miners
    quality = [r.random() ** 4 for _ in range(n)]
    weights = []
    for i in range(n):
        seen = [(j, quality[j] * (0.8 + 0.4 * r.random())) for j in range(validators, n)] if i < validators else []
        top = max([v for _, v in seen], default=0)
        weights.append([[j, round(v / top * U16)] for j, v in seen])
    live = {
        "stakeBits": [str(int(10**9 * 2 ** r.uniform(10, 21)) << 64) if i < validators else "0" for i in range(n)],
        "blockAtRegistration": [r.randint(0, 5000) for _ in range(n)],
        "permits": [i < validators for i in range(n)],
        "ownerUid": 0, "kappa": 32767, "stakeThresholdRao": 10**12, "maxValidators": 64, "activityCutoffBlocks": 5000, "commitReveal": True,
        "bondsMovingAverage": 900_000, "bondsPenalty": U16, "alphaLow": 45875, "alphaHigh": 58982, "steepness": 1000, "emissionRao": 147_600_000_000,
        "lastMechanismStepBlock": 9640,
        "mechanisms": [{"lastUpdate": [r.randint(9_700, 9_999) for _ in range(n)], "weights": weights, "bonds": [[] for _ in range(n)], "pendingCommitBlocks": [None] * n}],
    }
    return case(r, n, **{**live, **given})


def follow(r, before, output):
    """The next epoch of the same subnet: bonds and permits feed back, weights change a little, somebody registers anew."""
    mechanism = before["mechanisms"][0]
    weights = [[[j, max(0, min(U16, v + r.randint(-2000, 2000)))] for j, v in row] for row in mechanism["weights"]]
    registered = list(before["blockAtRegistration"])
    if r.random() < 0.5:
        registered[r.randrange(len(registered))] = before["block"] - 5
    block = before["block"] + 360
    return {**before, "block": block, "lastMechanismStepBlock": before["block"], "permits": output["permits"], "blockAtRegistration": registered,
            "mechanisms": [{"lastUpdate": [u + 360 for u in mechanism["lastUpdate"]], "weights": weights, "bonds": output["mechanisms"][0]["bonds"],
                            "pendingCommitBlocks": mechanism["pendingCommitBlocks"]}]}


def several(r, n):
    """A subnet with two to four mechanisms."""
    count = r.randint(2, 4)
    made = case(r, n)
    made["mechanisms"] = [case(r, n)["mechanisms"][0] for _ in range(count)]
    cuts = sorted(r.randint(0, U16) for _ in range(count - 1))
    split = [b - a for a, b in zip([0] + cuts, cuts + [U16])]
    made["split"] = r.choice([None, split])
    return made


def run(seed, counts):
    r = random.Random(seed)
    for _ in range(counts["small"]):
        yield "small", case(r, r.choice([1, 2, 3, 4, 5, 8]))
    for _ in range(counts["middle"]):
        yield "middle", case(r, r.randint(9, 64))
    for _ in range(counts["chains"]):
        yield "chain", case(r, r.randint(3, 16), block=10_000) if r.random() < 0.5 else realistic(r, 4, 12)
    for _ in range(counts["mechanisms"]):
        yield "mechanisms", several(r, r.randint(2, 12))
    for index in range(counts["full"]):
        yield "full", realistic(r, 64, 192, yuma3=index % 3 != 0, liquidAlpha=index % 3 == 2)


def main(oracle, seed, counts, epochs=4):
    r = random.Random(seed + 1)
    for name, made in run(seed, counts):
        for _ in range(epochs if name == "chain" else 2 if name == "full" else 1):
            output = oracle.ask(made)
            yield {"name": name, "input": made, "output": output}
            if name in ("chain", "full"):
                made = follow(r, made, output)


def readable(line):
    """u64 as decimal strings, for readers whose numbers are doubles."""
    text = lambda values: [str(value) for value in values]
    given = {**line["input"], "emissionRao": str(line["input"]["emissionRao"]), "stakeThresholdRao": str(line["input"]["stakeThresholdRao"])}
    del given["op"]
    output = dict(line["output"])
    for name in ("emission", "serverTotal", "validatorTotal"):
        output[name] = text(output[name])
    output["mechanisms"] = [{**made, "serverEmission": text(made["serverEmission"])} for made in output["mechanisms"]]
    return {"name": line["name"], "input": given, "output": output}


if __name__ == "__main__":
    path, seed, scale = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    counts = {"small": int(150 * scale), "middle": int(50 * scale), "chains": int(15 * scale), "mechanisms": int(25 * scale), "full": int(3 * scale)}
    for line in main(Oracle(path), seed, counts):
        print(json.dumps(readable(line), separators=(",", ":")))
