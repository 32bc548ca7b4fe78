"""torch.optim.SGD(nesterov=True) over five steps, and numpy's norms. Run: python outer-step.py"""
import numpy as np, torch
from vectors import b64, write

torch.manual_seed(20261120)


def run(lr, momentum, count=75, steps=5):
    start = torch.randn(count)
    updates = torch.randn(steps, count) * 0.05
    theta = torch.nn.Parameter(start.clone())
    optimizer = torch.optim.SGD([theta], lr=lr, momentum=momentum, nesterov=True)
    weights, velocities = [], []
    for update in updates:
        theta.grad = update.clone()
        optimizer.step()
        weights.append(b64(theta.detach().numpy().tobytes()))
        velocities.append(b64(optimizer.state[theta]["momentum_buffer"].numpy().tobytes()))
    return {"learningRate": lr, "momentum": momentum, "start": b64(start.numpy().tobytes()),
            "updates": [b64(update.numpy().tobytes()) for update in updates], "weights": weights, "velocities": velocities}


rng = np.random.default_rng(20261120)
first, second = (rng.standard_normal(500).astype(np.float32) for _ in range(2))
a, b = first.astype(np.float64), second.astype(np.float64)
mean = ((3 / 4) * a + (1 / 4) * b).astype(np.float32)
clip = 10.0
assert np.linalg.norm(a) > clip and np.linalg.norm(b) > clip
clipped = ((3 / 4) * a * clip / np.linalg.norm(a) + (1 / 4) * b * clip / np.linalg.norm(b)).astype(np.float32)
geometry = {"a": b64(first.tobytes()), "b": b64(second.tobytes()), "norm": float(np.linalg.norm(a)), "distance": float(np.linalg.norm(a - b)),
            "cosine": float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)), "difference": b64((first - second).tobytes()),
            "weightedMean": b64(mean.tobytes()), "clipNorm": clip, "clippedMean": b64(clipped.tobytes())}
write("outer-step", ["torch", "numpy"], {"runs": [run(0.7, 0.9), run(0.5, 0.5), run(1.0, 0.99)], "geometry": geometry})
