"""PyTorch's conversions, as hashes over many bit patterns. Run: python float-conversion.py

decode: all 2^16 (2^8) codes to float32, NaNs left out. encode: float32 patterns (high << 16 | low) for each low of LOWS and every high, in that
order, NaN inputs left out, NaN outputs as code 0x7fff (0x7f).
"""
import numpy as np, torch
from vectors import sha256, write

LOWS = [0, 0x0FFF, 0x1000, 0x1001, 0x3000, 0x7FFF, 0x8000, 0x8001, 0xFFFF]
high = np.arange(65536, dtype=np.uint32)
patterns = np.concatenate([(high << 16) | np.uint32(low) for low in LOWS])
values = patterns.view(np.float32)
values = values[~np.isnan(values)]
inputs = torch.from_numpy(values.copy())
TYPES = {"BF16": (torch.bfloat16, np.uint16), "F16": (torch.float16, np.uint16), "F8_E4M3": (torch.float8_e4m3fn, np.uint8), "F8_E5M2": (torch.float8_e5m2, np.uint8),
         "F8_E4M3FNUZ": (torch.float8_e4m3fnuz, np.uint8), "F8_E5M2FNUZ": (torch.float8_e5m2fnuz, np.uint8), "F8_E8M0": (torch.float8_e8m0fnu, np.uint8)}
out = {}
for name, (dtype, code) in TYPES.items():
    bits = 8 * np.dtype(code).itemsize
    codes = np.arange(2**bits, dtype=np.uint32).astype(code)
    decoded = torch.from_numpy(codes.copy()).view(dtype).float().numpy()
    decoded = decoded[~np.isnan(decoded)]
    converted = inputs.to(dtype)
    encoded = converted.view(torch.uint8 if bits == 8 else torch.int16).numpy().view(code).copy()
    encoded[torch.isnan(converted.float()).numpy()] = 0x7FFF if bits == 16 else 0x7F
    out[name] = {"decodedCount": int(decoded.size), "decodedSha256": sha256(decoded.tobytes()),
                 "encodedCount": int(encoded.size), "encodedSha256": sha256(encoded.tobytes())}
write("float-conversion", ["torch"], {"lows": LOWS, "types": out})
