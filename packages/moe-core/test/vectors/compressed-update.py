"""UPDATE-FORMAT.md implemented from its text, apart from the TypeScript. Run, with the package built: python compressed-update.py"""
import base64, json, pathlib, struct, subprocess
import numpy as np
from vectors import b64, write


class Bits:
    """A string of '0' and '1': slow, and hard to get wrong."""

    def __init__(self, data):
        self.text, self.at = "".join(f"{byte:08b}" for byte in data), 0

    def take(self, count):
        assert self.at + count <= len(self.text), "stream ends early"
        piece = self.text[self.at:self.at + count]
        self.at += count
        return int(piece, 2) if piece else 0

    def unary(self):
        one = self.text.index("1", self.at)
        zeros, self.at = one - self.at, one + 1
        return zeros

    def finish(self):
        rest = self.text[self.at:]
        assert len(rest) < 8 and "1" not in rest, "padding"


def pack(text):
    text += "0" * (-len(text) % 8)
    return bytes(int(text[i:i + 8], 2) for i in range(0, len(text), 8))


def width(quota):
    return (quota - 1).bit_length()


def chunks_of(elements, chunk, keep):
    for start in range(0, elements, chunk):
        length = min(chunk, elements - start)
        yield start, length, -(-keep * length // chunk)


def steps(gaps, r):
    return sum(((g >> r) + 1) // 2 for g in gaps)


def decode(data):
    at = 0

    def read(form):
        nonlocal at
        values = struct.unpack_from("<" + form, data, at)
        at += struct.calcsize("<" + form)
        return values if len(values) != 1 else values[0]

    def text():
        return bytes(read(f"{read('H')}s")).decode("utf-8")

    assert read("8s") == b"MOEUPD01"
    header_end = read("I") + 12
    chunk, keep, value_bits = read("IIB")
    assert 1 <= keep <= chunk <= 65536 and value_bits in (1, 2, 4, 8, 32)
    metadata = [(text(), text()) for _ in range(read("H"))]
    assert all(a[0].encode() < b[0].encode() for a, b in zip(metadata, metadata[1:]))
    entries = []
    for _ in range(read("I")):
        name, rank = text(), read("B")
        shape = [read("I") for _ in range(rank)]
        kept, index_bytes, r, count = read("IIBB")
        entries.append((name, shape, kept, index_bytes, r, [read("f") for _ in range(count)]))
    assert at == header_end
    assert all(a[0].encode() < b[0].encode() for a, b in zip(entries, entries[1:]))
    tensors = {}
    for name, shape, kept, index_bytes, r, levels in entries:
        elements = int(np.prod(shape, dtype=object)) if shape else 1
        bits, positions, gaps = Bits(data[at:at + index_bytes]), [], []
        at += index_bytes
        for start, length, quota in chunks_of(elements, chunk, keep):
            number = quota if bits.take(1) else bits.take(width(quota))
            cursor = 0
            for _ in range(number):
                gap = (bits.unary() << r) + bits.take(r)
                gaps.append(gap)
                positions.append(start + cursor + gap)
                cursor += gap + 1
            assert cursor <= length
        bits.finish()
        assert len(positions) == kept
        assert steps(gaps, r) <= kept and (r == 0 or steps(gaps, r - 1) > kept), "Rice parameter"
        size = -(-kept * value_bits // 8)
        stream = data[at:at + size]
        at += size
        if value_bits == 32:
            values = np.frombuffer(stream, "<f4")
        else:
            bits, values, used = Bits(stream), [], set()
            for _ in range(kept):
                negative, level = bits.take(1), bits.take(value_bits - 1)
                used.add(level)
                values.append(-levels[level] if negative else levels[level])
            bits.finish()
            assert used == set(range(len(levels)))
        dense = np.zeros(elements, "<f4")
        dense[positions] = values
        tensors[name] = dense.reshape(shape)
    assert at == len(data)
    return metadata, (chunk, keep, value_bits), tensors


def encode(tensors, chunk, keep, value_bits, metadata):
    """Keeps the largest; levels are the mean of each of equally filled bins, which is another choice than that of compressUpdate."""

    def text(value):
        utf8 = value.encode("utf-8")
        return struct.pack("<H", len(utf8)) + utf8

    header = struct.pack("<IIBH", chunk, keep, value_bits, len(metadata))
    for key in sorted(metadata, key=str.encode):
        header += text(key) + text(metadata[key])
    header += struct.pack("<I", len(tensors))
    data = b""
    for name in sorted(tensors, key=str.encode):
        flat = tensors[name].reshape(-1)
        choice = []
        for start, length, quota in chunks_of(flat.size, chunk, keep):
            order = sorted((i for i in range(start, start + length) if flat[i] != 0), key=lambda i: (-abs(float(flat[i])), i))
            choice.append((start, quota, sorted(order[:quota])))
        positions = [i for _, _, kept in choice for i in kept]
        gaps = [i - before for start, _, kept in choice for i, before in zip(kept, [start] + [j + 1 for j in kept])]
        r = next(r for r in range(17) if steps(gaps, r) <= len(gaps))
        index, rest = "", iter(gaps)
        for _, quota, kept in choice:
            index += "1" if len(kept) == quota else "0" + (f"{len(kept):0{width(quota)}b}" if width(quota) else "")
            for _ in kept:
                gap = next(rest)
                index += "0" * (gap >> r) + "1" + (f"{gap & ((1 << r) - 1):0{r}b}" if r else "")
        values = flat[positions]
        levels = np.zeros(0, "<f4")
        if value_bits == 32:
            stream = values.astype("<f4").tobytes()
        else:
            magnitudes = np.abs(values.astype(np.float64))
            bins = [part for part in np.array_split(np.sort(magnitudes), 2 ** (value_bits - 1)) if part.size]
            levels = np.unique(np.array([part.mean() for part in bins], "<f4"))
            nearest = [int(np.argmin(np.abs(levels - magnitude))) for magnitude in magnitudes]
            used = sorted(set(nearest))
            levels, codes = levels[used], [used.index(level) for level in nearest]
            stream = pack("".join(("1" if value < 0 else "0") + (f"{code:0{value_bits - 1}b}" if value_bits > 1 else "") for value, code in zip(values, codes)))
        index = pack(index)
        header += text(name) + struct.pack(f"<B{tensors[name].ndim}I", tensors[name].ndim, *tensors[name].shape)
        header += struct.pack("<IIBB", len(positions), len(index), r, levels.size) + levels.tobytes()
        data += index + stream
    return b"MOEUPD01" + struct.pack("<I", len(header)) + header + data


def cases():
    rng = np.random.default_rng(20261124)

    def tensor(*shape, sparse=1.0):
        return (rng.standard_normal(shape) * (rng.random(shape) < sparse) * 1e-3).astype("<f4")

    yield "two whole chunks and a rest", dict(chunk=256, keep=16, value_bits=2), {"a": tensor(9, 64), "b": tensor(31)}, {"salt": "00ff", "format": "x"}
    yield "signs only", dict(chunk=64, keep=3, value_bits=1), {"w": tensor(10, 20)}, {}
    yield "eight levels", dict(chunk=128, keep=40, value_bits=4), {"w": tensor(300)}, {}
    yield "128 levels, names beyond the basic plane", dict(chunk=512, keep=64, value_bits=8), {"\U0001f600": tensor(3, 500), "\uffff": tensor(40)}, {"\u00e9": "\U0001f600"}
    yield "float32 values", dict(chunk=100, keep=7, value_bits=32), {"w": tensor(333)}, {}
    yield "mostly zeros", dict(chunk=64, keep=8, value_bits=2), {"w": tensor(40, 40, sparse=0.05), "zero": np.zeros(100, "<f4"), "empty": np.zeros((0, 3), "<f4"), "scalar": tensor()}, {}
    yield "everything kept", dict(chunk=16, keep=16, value_bits=8), {"w": tensor(50)}, {}
    yield "chunks of one", dict(chunk=1, keep=1, value_bits=2), {"w": tensor(33, sparse=0.5)}, {}
    yield "long gaps", dict(chunk=65536, keep=2, value_bits=2), {"w": np.eye(1, 3000, 2999, dtype="<f4")}, {}


def main():
    """`file` is this encoder's, `decoded` what it holds; `ours` is compressUpdate's file of the same input, `sent` what this decoder reads in it."""
    vectors = []
    for title, rule, tensors, metadata in cases():
        data = encode(tensors, **rule, metadata=metadata)
        pairs, (chunk, keep, value_bits), decoded = decode(data)
        assert dict(pairs) == metadata
        vectors.append({"title": title, "rule": {"chunkSize": chunk, "keep": keep, "valueBits": value_bits}, "metadata": metadata, "file": b64(data),
                        "tensors": [{"name": name, "shape": list(value.shape), "input": b64(value.tobytes()), "decoded": b64(decoded[name].tobytes())} for name, value in tensors.items()]})
    script = pathlib.Path(__file__).with_suffix(".mjs")
    ours = json.loads(subprocess.run(["node", script], input=json.dumps(vectors), capture_output=True, text=True, check=True).stdout)
    for vector, file in zip(vectors, ours, strict=True):
        vector["ours"] = file
        pairs, rule, sent = decode(base64.b64decode(file))
        assert dict(pairs) == vector["metadata"] and rule == tuple(vector["rule"].values())
        for tensor in vector["tensors"]:
            tensor["sent"] = b64(sent[tensor["name"]].tobytes())
    write("compressed-update", ["numpy"], {"vectors": vectors})


main()
