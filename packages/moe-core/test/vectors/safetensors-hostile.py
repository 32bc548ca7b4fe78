"""Broken and odd files, and whether the reference reader takes them. Run: python safetensors-hostile.py"""
import json
from safetensors import deserialize
from vectors import b64, write


def file(header, data=b"", length=None):
    raw = header if isinstance(header, bytes) else header.encode("utf-8", "surrogatepass")
    return (len(raw) if length is None else length).to_bytes(8, "little") + raw + data


def entry(dtype="U8", shape=(2,), offsets=(0, 2), **more):
    return json.dumps({"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets), **more})


def one(text, data=b"\x00\x00"):
    return file('{"a":' + text + "}", data)


two = b"\x00\x00"
CASES = {
    "good": one(entry()),
    "empty file": b"",
    "seven bytes": b"\x02\x00\x00\x00\x00\x00\x00",
    "header length 2^64-1": file("{}", length=2**64 - 1),
    "header length 2^63": file("{}", length=2**63),
    "header length over the cap": file("{}", length=100_000_001),
    "header longer than the file": file("{}", length=3),
    "header of no bytes": file(""),
    "not UTF-8": file(b'{"\xff":1}'),
    "byte order mark": file(b"\xef\xbb\xbf{}"),
    "not JSON": file("hello wo"),
    "array": file("[]"),
    "string": file('"{}"'),
    "second value": file("{}{}"),
    "unclosed": file('{"a":'),
    "trailing comma": file('{"a":' + entry() + ",}", two),
    "nul padding": file("{}\x00\x00"),
    "leading whitespace": file(' \t\r\n{"a":' + entry() + "}", two),
    "trailing whitespace": file('{"a":' + entry() + "} \t\r\n", two),
    "form feed before": file("\x0c{}"),
    "entry is null": one("null"),
    "entry is an array": one("[]"),
    "no dtype": one('{"shape":[2],"data_offsets":[0,2]}'),
    "no shape": one('{"dtype":"U8","data_offsets":[0,2]}'),
    "no offsets": one('{"dtype":"U8","shape":[2]}'),
    "dtype a number": one('{"dtype":1,"shape":[2],"data_offsets":[0,2]}'),
    "dtype unknown": one(entry(dtype="F31")),
    "dtype lower case": one(entry(dtype="u8")),
    "dtype of Object.prototype": one(entry(dtype="constructor")),
    "shape a number": one('{"dtype":"U8","shape":2,"data_offsets":[0,2]}'),
    "shape of strings": one('{"dtype":"U8","shape":["2"],"data_offsets":[0,2]}'),
    "shape negative": one(entry(shape=(-2,))),
    "shape fraction": one('{"dtype":"U8","shape":[2.5],"data_offsets":[0,2]}'),
    "shape float": one('{"dtype":"U8","shape":[2.0],"data_offsets":[0,2]}'),
    "shape exponent": one('{"dtype":"U8","shape":[2e0],"data_offsets":[0,2]}'),
    "shape minus zero": one('{"dtype":"U8","shape":[-0],"data_offsets":[0,0]}', b""),
    "shape leading zero": one('{"dtype":"U8","shape":[02],"data_offsets":[0,2]}'),
    "shape NaN": one('{"dtype":"U8","shape":[NaN],"data_offsets":[0,2]}'),
    "shape 2^64": one(entry(shape=(2**64,))),
    "shape product overflows": one(entry(shape=(2**32, 2**32))),
    "shape product overflows to the size": one(entry(shape=(2**32, 2**32, 2), offsets=(0, 2))),
    "bits overflow": one(entry(dtype="U64", shape=(2**61,))),
    "one offset": one('{"dtype":"U8","shape":[2],"data_offsets":[0]}'),
    "three offsets": one('{"dtype":"U8","shape":[2],"data_offsets":[0,2,2]}'),
    "offset negative": one(entry(offsets=(-1, 1))),
    "offset float": one('{"dtype":"U8","shape":[2],"data_offsets":[0.0,2]}'),
    "offsets reversed": one(entry(offsets=(2, 0))),
    "offsets too short for the shape": one(entry(shape=(3,))),
    "offsets too long for the shape": one(entry(shape=(1,))),
    "offsets beyond the file": one(entry(shape=(3,), offsets=(0, 3))),
    "first byte unclaimed": one(entry(shape=(1,), offsets=(1, 2))),
    "trailing byte": one(entry(), b"\x00\x00\x00"),
    "hole": file('{"a":' + entry(shape=(1,), offsets=(0, 1)) + ',"b":' + entry(shape=(1,), offsets=(2, 3)) + "}", b"\x00" * 3),
    "overlap": file('{"a":' + entry() + ',"b":' + entry(offsets=(1, 3)) + "}", b"\x00" * 3),
    "same bytes twice": file('{"a":' + entry() + ',"b":' + entry() + "}", two),
    "half a byte": one(entry(dtype="F4", shape=(1,), offsets=(0, 1)), b"\x00"),
    "two nibbles": one(entry(dtype="F4", shape=(2,), offsets=(0, 1)), b"\x00"),
    "four sixes": one(entry(dtype="F6_E2M3", shape=(4,), offsets=(0, 3)), b"\x00" * 3),
    "empty tensor in the middle": file('{"a":' + entry() + ',"b":' + entry(shape=(0,), offsets=(2, 2)) + ',"c":' + entry(offsets=(2, 4)) + "}", b"\x00" * 4),
    "empty tensor inside another": file('{"a":' + entry() + ',"b":' + entry(shape=(0,), offsets=(1, 1)) + "}", two),
    "unknown field": one(entry(extra=1)),
    "duplicate tensor": file('{"a":' + entry() + ',"a":' + entry() + "}", two),
    "duplicate field": one('{"dtype":"U8","dtype":"U8","shape":[2],"data_offsets":[0,2]}'),
    "duplicate after escapes": file('{"a":' + entry() + ',"\\u0061":' + entry() + "}", two),
    "__proto__ tensor": file('{"__proto__":' + entry() + "}", two),
    "lone surrogate": file('{"\\ud800":' + entry() + "}", two),
    "raw control character": file('{"\x01":' + entry() + "}", two),
    "metadata null": file('{"__metadata__":null}'),
    "metadata array": file('{"__metadata__":[]}'),
    "metadata number": file('{"__metadata__":{"a":1}}'),
    "metadata nested": file('{"__metadata__":{"a":{}}}'),
    "metadata duplicate key": file('{"__metadata__":{"a":"1","a":"2"}}'),
    "metadata __proto__": file('{"__metadata__":{"__proto__":"1"}}'),
    "long name": file('{"' + "n" * 1025 + '":' + entry() + "}", two),
    "rank 65": one(entry(shape=(1,) * 64 + (2,))),
    "deep nesting": file('{"a":' + "[" * 1000 + "]" * 1000 + "}"),
    "empty name": file('{"":' + entry() + "}", two),
}
out = []
for name, data in CASES.items():
    try:
        deserialize(data)
        verdict = None
    except Exception as error:
        verdict = str(error)[:200]
    out.append({"name": name, "file": b64(data), "reference": verdict})
write("safetensors-hostile", ["safetensors"], {"cases": out})
