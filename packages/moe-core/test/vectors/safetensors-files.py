"""Files written by the reference writer (safetensors, Rust through Python). Run: python safetensors-files.py"""
import ctypes, random
from safetensors import TensorSpec, serialize
from vectors import b64, write

SIZES = {"bool": 1, "uint8": 1, "int8": 1, "float8_e5m2": 1, "float8_e4m3fn": 1, "float8_e8m0fnu": 1, "float8_e4m3fnuz": 1, "float8_e5m2fnuz": 1,
         "int16": 2, "uint16": 2, "float16": 2, "bfloat16": 2, "int32": 4, "uint32": 4, "float32": 4, "complex64": 8, "float64": 8, "int64": 8, "uint64": 8}
rng = random.Random(20261120)


def tensor(dtype, shape):
    count = 1
    for size in shape:
        count *= size
    return {"dtype": dtype, "shape": shape, "data": rng.randbytes(count * SIZES[dtype])}


def save(tensors, metadata):
    buffers = {name: ctypes.create_string_buffer(t["data"], max(1, len(t["data"]))) for name, t in tensors.items()}
    specs = {name: TensorSpec(dtype=t["dtype"], shape=t["shape"], data_ptr=ctypes.addressof(buffers[name]), data_len=len(t["data"])) for name, t in tensors.items()}
    return bytes(serialize(specs, metadata))


def accepted(dtype):
    try:
        save({"x": tensor(dtype, [1])}, None)
        return True
    except Exception as error:
        print("left out:", dtype, error)
        return False


dtypes = [dtype for dtype in SIZES if accepted(dtype)]
cases = {
    "every dtype": ({f"t.{i}": tensor(dtype, [2, 3]) for i, dtype in enumerate(dtypes)}, None),
    "one dtype, names out of order": ({name: tensor("float32", [3]) for name in ["b", "a.10", "a.2", "B", "a"]}, None),
    "scalars and empty tensors": ({"s": tensor("int64", []), "e": tensor("float32", [0, 4]), "f": tensor("float32", [2]), "z": tensor("uint8", [0])}, None),
    "code point order": ({"\ue000": tensor("uint8", [1]), "\U0001f600": tensor("uint8", [1]), "é": tensor("uint8", [1])}, None),
    "escapes": ({'q"\\/\x7f\x01\n\t\b\f\r\u2028': tensor("uint8", [3])}, {'k"\n': 'v\\\x1f"é'}),
    "metadata": ({"a": tensor("bfloat16", [2, 2])}, {"format": "pt"}),
    "empty metadata": ({"a": tensor("float16", [2, 2])}, {}),
    "no tensors": ({}, None),
    "no tensors, metadata": ({}, {"a": "b"}),
}
out = []
for name, (tensors, metadata) in cases.items():
    data = save(tensors, metadata)
    out.append({"name": name, "metadata": metadata, "file": b64(data),
                "tensors": [{"name": key, "shape": value["shape"], "data": b64(value["data"])} for key, value in tensors.items()]})
write("safetensors-files", ["safetensors"], {"cases": out})
