"""numpy's side of compression.bench.mjs: the same steps, vectorised, in place wherever numpy can, into the same file layout (one tensor a file part)."""
import hashlib
import numpy as np
from peer import seconds, serve

CHUNK, KEEP, DECAY = 4096, 64, np.float32(0.95)
state = {}


def load(paths, elements):
    """Updates of tensors of so many float32 elements; what stays between rounds is allocated here, as a training loop would."""
    state["updates"] = [np.fromfile(path, "<f4").reshape(-1, elements) for path in paths]
    assert elements % CHUNK == 0
    state["magnitudes"] = np.empty(elements, "<f4")
    state["residuals"] = [np.zeros(elements, "<f4") for _ in state["updates"][0]]
    features = np._core._multiarray_umath.__cpu_features__
    kernel = "AVX-512" if features.get("AVX512_SKX") else "AVX2" if features.get("AVX2") else "plain"
    return f"numpy {np.__version__}, argpartition with {kernel} kernels"


def compress(tensor, update):
    residual, magnitudes = state["residuals"][tensor], state["magnitudes"]
    np.multiply(residual, DECAY, out=residual)
    np.add(residual, update, out=residual)
    np.abs(residual, out=magnitudes)
    chunks = residual.reshape(-1, CHUNK)
    positions = np.argpartition(magnitudes.reshape(-1, CHUNK), CHUNK - KEEP, axis=1)[:, CHUNK - KEEP:]
    positions.sort(axis=1)
    kept = np.take_along_axis(chunks, positions, 1)
    codes, levels = quantize(kept)
    np.put_along_axis(chunks, positions, kept - np.copysign(levels[codes & 1], kept), 1)
    index = encode_positions(positions)
    values = np.packbits(np.stack([codes >> 1, codes & 1], -1).astype(np.uint8).reshape(-1))
    return index, levels, values


def compress_as_written(tensor, update):
    """The same as one would write it first: a new array for each expression."""
    total = DECAY * state["residuals"][tensor] + update
    chunks = total.reshape(-1, CHUNK)
    positions = np.sort(np.argpartition(-np.abs(chunks), KEEP, axis=1)[:, :KEEP], axis=1)
    kept = np.take_along_axis(chunks, positions, 1)
    codes, levels = quantize(kept)
    decoded = np.zeros_like(chunks)
    np.put_along_axis(decoded, positions, np.copysign(levels[codes & 1], kept), 1)
    state["residuals"][tensor] = (chunks - decoded).reshape(-1)
    return encode_positions(positions), levels, np.packbits(np.stack([codes >> 1, codes & 1], -1).astype(np.uint8).reshape(-1))


def quantize(kept):
    magnitudes = np.abs(kept)
    upper = magnitudes >= magnitudes.mean(dtype=np.float64)
    levels = np.array([magnitudes[~upper].mean(dtype=np.float64), magnitudes[upper].mean(dtype=np.float64)], np.float32)
    return (np.signbit(kept).astype(np.uint8) << 1) | upper, levels


def encode_positions(positions):
    gaps = np.diff(positions, axis=1, prepend=-1).astype(np.int32) - 1
    r = min(range(3, 8), key=lambda r: int((gaps >> r).sum()) + r * gaps.size)
    quotients = gaps >> r
    lengths = quotients + (1 + r)
    lengths[:, 0] += 1
    ends = np.cumsum(lengths.reshape(-1), dtype=np.int64)
    bits = np.zeros(int(ends[-1]), np.uint8)
    bits[ends.reshape(gaps.shape)[:, 0] - lengths[:, 0]] = 1
    bits[ends - (1 + r)] = 1
    flat = gaps.reshape(-1)
    for bit in range(r):
        bits[ends - 1 - bit] = (flat >> bit) & 1
    return np.packbits(bits)


def run(in_place):
    """Seconds of an update, the mean of one round through all of them."""
    action = compress if in_place else compress_as_written

    def each():
        for update in state["updates"]:
            for tensor, values in enumerate(update):
                action(tensor, values)
    return seconds(each) / len(state["updates"])


def digest():
    """Of the first update's streams, tensor by tensor, from residuals of zeros; the harness compares them with ours where no chunk is cut between equals."""
    digests = []
    for tensor, values in enumerate(state["updates"][0]):
        ordered = np.sort(np.abs(values).reshape(-1, CHUNK), axis=1)
        index, _, codes = compress(tensor, values)
        digests.append({"tied": bool((ordered[:, -KEEP - 1] == ordered[:, -KEEP]).any()), "streams": hashlib.sha256(index.tobytes() + codes.tobytes()).hexdigest()})
    return digests


serve(load=load, run=run, digest=digest)
