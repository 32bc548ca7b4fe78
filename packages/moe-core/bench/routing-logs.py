"""The Python side of routing-logs.bench.mjs. `script` does what deepseek-ai/ESFT 18d2350 scripts/get_expert_scores.py does per file (lines, split, per-entry sums), written again from its
description; `numpy_text` is the quickest we could write with numpy; `numpy_binary` reads the same three bytes per entry from a plain dump."""
import numpy as np
from peer import seconds, serve

E, K = 64, 6


def script(paths):
    def one(path):
        token, gate, total = [0.0] * E, [0.0] * E, 0.0
        with open(path) as file:
            for line in file:
                ids, weights = line.strip().split("\t\t")
                ids = [int(i) for i in ids.split("\t")]
                weights = [float(w) for w in weights.split("\t")]
                for i, w in zip(ids, weights):
                    gate[i] += w
                    token[i] += 1 / K
                    total += 1 / K
        return [[round(t / total, 4) for t in token], [round(g / total, 4) for g in gate]]

    return seconds(lambda: [one(path) for path in paths])


def numpy_text(paths):
    def one(path):
        token, gate = np.zeros(E), np.zeros(E)
        for line in open(path, "rb").read().split(b"\n"):
            if not line:
                continue
            ids, weights = line.split(b"\t\t")
            ids = np.fromstring(ids, dtype=np.int64, sep="\t")
            token += np.bincount(ids, minlength=E)
            gate += np.bincount(ids, weights=np.fromstring(weights, dtype=np.float64, sep="\t"), minlength=E)
        total = token.sum() / K
        return [(token / K / total).round(4).tolist(), (gate / total).round(4).tolist()]

    return seconds(lambda: [one(path) for path in paths])


def numpy_binary(ids, weights):
    def run():
        i = np.fromfile(ids, dtype=np.uint8)
        w = np.fromfile(weights, dtype="<u2")
        return [np.bincount(i, minlength=E), np.bincount(i, weights=w / 10_000, minlength=E)]

    return seconds(run)


serve(script=script, numpy_text=numpy_text, numpy_binary=numpy_binary)
