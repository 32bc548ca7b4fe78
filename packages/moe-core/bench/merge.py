"""torch's and numpy's side of merge.bench.mjs, one thread."""
import numpy as np, torch
from peer import seconds, serve

torch.set_num_threads(1)
state = {}


def prepare(elements, participants):
    rng = np.random.default_rng(1)
    state["updates"] = [rng.standard_normal(elements, dtype=np.float32) * np.float32(1e-3) for _ in range(participants)]
    state["theta"] = torch.nn.Parameter(torch.from_numpy(rng.standard_normal(elements, dtype=np.float32)))
    state["theta"].grad = torch.from_numpy(state["updates"][0])
    state["optimizer"] = torch.optim.SGD([state["theta"]], lr=0.7, momentum=0.9, nesterov=True)
    state["optimizer"].step()
    state["matrix"] = np.stack(state["updates"])
    state["tensor"] = torch.from_numpy(state["matrix"])
    return f"torch {torch.__version__}, numpy {np.__version__}"


def nesterov():
    return seconds(state["optimizer"].step)


def mean_numpy():
    """float64 sums, as ours."""
    weights = np.arange(1, len(state["updates"]) + 1, dtype=np.float64)
    return seconds(lambda: np.average(state["matrix"], axis=0, weights=weights).astype(np.float32))


def median_numpy():
    return seconds(lambda: np.median(state["matrix"], axis=0))


def median_torch():
    return seconds(lambda: state["tensor"].median(dim=0))


def distances_torch():
    return seconds(lambda: torch.cdist(state["tensor"].double(), state["tensor"].double(), compute_mode="donot_use_mm_for_euclid_dist"))


serve(prepare=prepare, nesterov=nesterov, mean_numpy=mean_numpy, median_numpy=median_numpy, median_torch=median_torch, distances_torch=distances_torch)
