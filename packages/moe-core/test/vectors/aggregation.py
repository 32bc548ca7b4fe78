"""ByzFL's aggregators (numpy backend), numpy and SciPy on updates of which two are far off. Run: python aggregation.py

Conventions: ByzFL's Krum(f) and MultiKrum(f) look at n - f - 1 neighbours, the paper's rule at n - f - 2, so that ByzFL's f is the paper's f + 1.
"""
import byzfl, numpy as np
from scipy.optimize import minimize
from scipy.stats import trim_mean
from vectors import b64, write

rng = np.random.default_rng(20261124)
count, size = 9, 60
honest = rng.standard_normal(size)
updates = (honest + 0.3 * rng.standard_normal((count, size))).astype(np.float32)
updates[4] *= -8
updates[7] = (5 * rng.standard_normal(size)).astype(np.float32)
weights = np.array([1, 3, 2, 1, 1, 4, 1, 2, 1.0])
center = (0.5 * honest).astype(np.float32)
x = updates.astype(np.float64)


def vector(kind, value, **rule):
    return {"rule": {"kind": kind, **rule}, "expected": b64(np.asarray(value, np.float32).tobytes())}


def krum_of_the_paper(f):
    squares = ((x[:, None] - x[None]) ** 2).sum(-1)
    scores = np.sort(squares, axis=1)[:, 1:count - f - 1].sum(1)
    return np.argsort(scores, kind="stable")


def geometric_median(w):
    """The minimum itself, by a general optimiser: nothing of Weiszfeld in it."""
    objective = lambda z: (w * np.linalg.norm(x - z, axis=1)).sum()
    gradient = lambda z: (w[:, None] * (z - x) / np.linalg.norm(x - z, axis=1)[:, None]).sum(0)
    return minimize(objective, np.median(x, axis=0), jac=gradient, method="BFGS", options={"gtol": 1e-9, "maxiter": 5000}).x


def clipping(tau, rounds, start=None):
    aggregator = byzfl.CenteredClipping(L=rounds, tau=tau)
    aggregator.m = start
    return aggregator(x)


def clipped(limit):
    norms = np.linalg.norm(x, axis=1)
    return x * np.minimum(1, limit / norms)[:, None]


norms = np.sort(np.linalg.norm(x, axis=1))
order = np.argsort(np.linalg.norm(x, axis=1))
lower = np.linalg.norm(x, axis=1)[order][np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)]
equal = [
    vector("mean", byzfl.Average()(x)),
    vector("median", byzfl.Median()(x)),
    vector("trimmed-mean", byzfl.TrMean(f=2)(x), trim=2),
    vector("trimmed-mean", trim_mean(x, 3.5 / count, axis=0), trim=3),
    vector("krum", byzfl.Krum(f=3)(x), byzantine=2),
    vector("multi-krum", byzfl.MultiKrum(f=3)(x), byzantine=2, selected=6),
    vector("krum", x[krum_of_the_paper(3)[0]], byzantine=3),
    vector("multi-krum", x[krum_of_the_paper(1)[:8]].mean(0), byzantine=1),
    vector("multi-krum", x[krum_of_the_paper(3)[:2]].mean(0), byzantine=3, selected=2),
    vector("geometric-median", byzfl.GeometricMedian(nu=1e-6, T=3000)(x), iterations=3000),
    vector("geometric-median", geometric_median(np.ones(count)), iterations=3000),
    vector("centered-clipping", clipping(2.5, 1), radius=2.5),
    vector("centered-clipping", clipping(1.0, 3), radius=1, iterations=3),
    vector("centered-clipping", clipping(100.0, 2), radius=100, iterations=2),
    vector("mean", clipped(4).mean(0), clipNorm=4),
    vector("mean", clipped(norms[count // 2]).mean(0), clipNorm="median"),
    vector("median", np.median(clipped(norms[count // 2]), axis=0), clipNorm="median"),
    vector("trimmed-mean", trim_mean(clipped(4), 1.5 / count, axis=0), trim=1, clipNorm=4),
]
weighted = [
    vector("mean", np.average(x, axis=0, weights=weights)),
    vector("mean", np.average(clipped(lower), axis=0, weights=weights), clipNorm="median"),
    vector("median", np.median(x, axis=0)),
    vector("geometric-median", geometric_median(weights), iterations=3000),
]
centered = [vector("centered-clipping", clipping(2.0, rounds, center.astype(np.float64)), radius=2, iterations=rounds) for rounds in (1, 3)]
eight = [vector("median", byzfl.Median()(x[:8])), vector("trimmed-mean", byzfl.TrMean(f=3)(x[:8]), trim=3)]
write("aggregation", ["byzfl", "numpy", "scipy"], {"updates": [b64(update.tobytes()) for update in updates], "weights": weights.tolist(), "center": b64(center.tobytes()),
      "medianNorm": float(lower), "equal": equal, "weighted": weighted, "centered": centered, "eight": eight})
