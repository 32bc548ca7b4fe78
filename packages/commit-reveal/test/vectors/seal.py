"""Sealed artifacts from FORMAT.md alone, with Python's `cryptography` (OpenSSL) for AES-256-GCM.

    pip install cryptography
    python3 test/vectors/seal.py > test/vectors/seal.json
"""
import hashlib
import json
import random
import struct

import cryptography
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def seal(key, salt, frame_bytes, text):
    header = b"connito/seal/v1" + bytes([frame_bytes.bit_length() - 1]) + salt
    cipher = AESGCM(hashlib.sha256(b"connito/seal-key/v1" + key + header).digest())
    pieces = [text[i:i + frame_bytes] for i in range(0, len(text), frame_bytes)] or [b""]
    frames = [cipher.encrypt(struct.pack("<Q3xB", i, i == len(pieces) - 1), piece, None) for i, piece in enumerate(pieces)]
    return header + b"".join(frames)


def cases(rng):
    for frame_bytes, size in ((1024, 0), (1024, 1), (1024, 1024), (1024, 1025), (1024, 3000), (2048, 4096), (65536, 100)):
        key, salt, text = rng.randbytes(32), rng.randbytes(16), rng.randbytes(size)
        yield {"key": key.hex(), "salt": salt.hex(), "frameBytes": frame_bytes, "text": text.hex(), "sealed": seal(key, salt, frame_bytes, text).hex()}


print(json.dumps({"source": "seal.py, cryptography %s" % cryptography.__version__, "cases": list(cases(random.Random(20261129)))}, indent=1))
