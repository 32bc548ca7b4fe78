"""The Python side of safetensors.bench.mjs (a name that shadows no library): safetensors with torch, and numpy over a memory map, one thread each."""
import os
import numpy as np, safetensors, torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from peer import seconds, serve

torch.set_num_threads(1)
state = {}


def load(path, copy, largest):
    state["path"], state["copy"], state["room"] = path, copy, torch.empty(largest)
    state["tensors"] = load_file(path)
    with open(path, "rb") as file:
        header = int.from_bytes(file.read(8), "little")
    with safe_open(path, "pt") as file:
        sizes = [int(np.prod(file.get_slice(name).get_shape())) for name in file.offset_keys()]
    state["base"], state["sizes"] = 8 + header, sizes
    return f"torch {torch.__version__}, safetensors {safetensors.__version__}, numpy {np.__version__}"


def each(use):
    with safe_open(state["path"], "pt") as file:
        for name in file.keys():
            use(file.get_tensor(name))


def each_numpy(use):
    mapped = np.memmap(state["path"], dtype=np.uint16, offset=state["base"], mode="r")
    at = 0
    for size in state["sizes"]:
        use((mapped[at:at + size].astype(np.uint32) << 16).view(np.float32))
        at += size


def checksum():
    total = 0
    with safe_open(state["path"], "pt") as file:
        for name in file.keys():
            words = file.get_tensor(name).float().flatten()[::997].contiguous().view(torch.int32).numpy().view(np.uint32)
            total = (total + int(words.astype(np.uint64).sum())) % 2**32
    return total


def reuse(tensor):
    state["room"][:tensor.numel()].copy_(tensor.flatten())


def kept(numpy=False):
    all = []
    spent = seconds(lambda: each_numpy(all.append) if numpy else each(lambda tensor: all.append(tensor.float())))
    return spent


def flushed():
    save_file(state["tensors"], state["copy"])
    with open(state["copy"], "rb") as file:
        os.fsync(file.fileno())


serve(
    load=load, checksum=checksum, kept=kept, keptNumpy=lambda: kept(True),
    fresh=lambda: seconds(lambda: each(lambda tensor: tensor.float())), freshNumpy=lambda: seconds(lambda: each_numpy(lambda values: None)),
    reused=lambda: seconds(lambda: each(reuse)), write=lambda: seconds(flushed), writeCached=lambda: seconds(lambda: save_file(state["tensors"], state["copy"])),
)
