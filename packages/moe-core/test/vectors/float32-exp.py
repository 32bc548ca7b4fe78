"""The coefficients of src/internal/float32-exp.ts: a weighted Remez exchange in 40 digits, then a check of every 37th float32 from -87.3 to -1e-8. Writes nothing.
Run: python float32-exp.py (needs numpy and mpmath)"""
import mpmath as mp
import numpy as np

mp.mp.dps = 40
DEGREE, BOUND = 4, float(mp.log(2)) / 2 * 1.001


def remez():
    """Minimax for (e^r - 1 - r) / r^2 under the weight r^2 / e^r, which makes it minimax for the relative error of e^r."""
    count = DEGREE + 2
    target = lambda r: (mp.e**r - 1 - r) / r**2 if abs(r) > mp.mpf(10) ** -12 else mp.mpf("0.5")
    weight = lambda r: max(r**2 / mp.e**r, mp.mpf(10) ** -15)
    grid = [mp.mpf(v) for v in np.linspace(-BOUND, BOUND, 4001)]
    nodes = [BOUND * mp.cos(mp.pi * (2 * i + 1) / (2 * count)) for i in range(count)]
    for _ in range(30):
        rows = mp.matrix([[x**j for j in range(DEGREE + 1)] + [(-1) ** i / weight(x)] for i, x in enumerate(nodes)])
        coefficients = mp.lu_solve(rows, mp.matrix([target(x) for x in nodes]))[: DEGREE + 1]
        error = [(mp.polyval(coefficients[::-1], x) - target(x)) * weight(x) for x in grid]
        extrema = []
        for i, value in enumerate(error):
            if not extrema or mp.sign(value) != mp.sign(error[extrema[-1]]):
                extrema.append(i)
            elif abs(value) > abs(error[extrema[-1]]):
                extrema[-1] = i
        if len(extrema) < count:
            break
        nodes = [grid[i] for i in sorted(sorted(extrema, key=lambda i: -abs(error[i]))[:count])]
    return np.array([float(c) for c in coefficients], dtype=np.float32), max(abs(e) for e in error)


coefficients, error = remez()
log2_e, high, low, magic = np.float32(1 / np.log(2)), np.float32(0.693359375), np.float32(float(mp.log(2) - mp.mpf("0.693359375"))), np.float32(12582912)
print("Q0…Q4", [float(c) for c in coefficients], "relative error", mp.nstr(error, 4))
print("log2 e", float(log2_e), "ln 2", float(high), float(low))


def exp32(x):
    n = (x * log2_e + magic) - magic
    r = (x - n * high) - n * low
    q = np.full_like(r, coefficients[4])
    for c in coefficients[3::-1]:
        q = q * r + c
    e = (q * (r * r) + r) + np.float32(1)
    return (e.view(np.int32) + (n.astype(np.int32) << 23)).view(np.float32)


bits = np.arange(np.float32(1e-8).view(np.int32), np.float32(87.3).view(np.int32), 37, dtype=np.int32)
worst = 0.0
for part in np.array_split(bits, 40):
    x = -part.view(np.float32)
    exact = np.exp(x.astype(np.float64))
    worst = max(worst, np.abs((exp32(x) - exact) / np.spacing(exact.astype(np.float32))).max())
print(f"worst of {len(bits)}: {worst:.4f} units in the last place")
