"""Fingerprints, and weighted means of modules rounded once, from exact rational arithmetic. Run: python composition.py"""
import hashlib, struct
from fractions import Fraction
import numpy as np, torch
from vectors import b64, write

# The checkpoint of ../model-fixture.ts: bf16 codes that count up through all tensors.
L, H, V, I, E, HEADS, KV, D = 3, 8, 16, 4, 3, 2, 1, 4
shapes = [("model.embed_tokens.weight", [V, H])]
for layer in range(L):
    p = f"model.layers.{layer}"
    shapes += [(f"{p}.input_layernorm.weight", [H]), (f"{p}.self_attn.q_proj.weight", [HEADS * D, H]), (f"{p}.self_attn.k_proj.weight", [KV * D, H]),
               (f"{p}.self_attn.v_proj.weight", [KV * D, H]), (f"{p}.self_attn.o_proj.weight", [H, HEADS * D]), (f"{p}.self_attn.q_norm.weight", [D]),
               (f"{p}.self_attn.k_norm.weight", [D]), (f"{p}.post_attention_layernorm.weight", [H])]
    if layer == 1:
        shapes += [(f"{p}.mlp.gate_proj.weight", [8, H]), (f"{p}.mlp.up_proj.weight", [8, H]), (f"{p}.mlp.down_proj.weight", [H, 8])]
        continue
    shapes.append((f"{p}.mlp.gate.weight", [E, H]))
    for e in range(E):
        shapes += [(f"{p}.mlp.experts.{e}.gate_proj.weight", [I, H]), (f"{p}.mlp.experts.{e}.up_proj.weight", [I, H]), (f"{p}.mlp.experts.{e}.down_proj.weight", [H, I])]
shapes.append(("model.norm.weight", [H]))
code, tensors = 0x3C00, {}
for name, shape in shapes:
    codes = []
    for _ in range(int(np.prod(shape))):
        code = 0x3C00 if code == 0x4200 else code + 1
        codes.append(code)
    tensors[name] = torch.from_numpy(np.array(codes, np.uint16).view(np.int16)).view(torch.bfloat16).reshape(shape)
lines = ["connito/base/1", "qwen3_moe"] + [f"{name} [{', '.join(map(str, shape))}]" for name, shape in sorted(shapes, key=lambda s: s[0].encode())]
lines += [f"{name} {hashlib.sha256(tensors[name].float().numpy().tobytes()).hexdigest()}" for name in (f"model.layers.{layer}.mlp.gate.weight" for layer in (0, 2))]
fingerprint = hashlib.sha256("".join(line + "\n" for line in lines).encode()).hexdigest()


def nearest(x: Fraction, mantissa: int, least: int) -> Fraction:
    """x rounded to `mantissa` bits after the leading one, exponents from `least`, ties to even."""
    if x == 0:
        return Fraction(0)
    exponent = max(least, len(bin(abs(x.numerator))) - len(bin(x.denominator)))
    if abs(x) < Fraction(2) ** exponent and exponent > least:
        exponent -= 1
    unit = Fraction(2) ** (exponent - mantissa)
    return round(x / unit) * unit  # Fraction.__round__ takes ties to even


FORMATS = {"F32": (23, -126, torch.float32), "BF16": (7, -126, torch.bfloat16), "F16": (10, -14, torch.float16)}
rng = np.random.default_rng(7)
values = list(rng.standard_normal(300)) + list(rng.standard_normal(100) * 2.0 ** rng.integers(-150, -110, 100)) + list(rng.standard_normal(100) * 2.0 ** rng.integers(-26, -12, 100))
for bits in (7, 10, 23):  # the middle between two values, and a hair to either side: what a detour through float32 gets wrong
    for base in (1.0, 1.5, 0.75, 3.25):
        for hair in (0.0, 2.0**-40, -(2.0**-40), 2.0**-30):
            for step in range(4):
                values.append(base * (1 + 2.0**-bits * step) + base * 2.0 ** -(bits + 1) + hair)
values = [float(v) for v in values] + [-float(v) for v in values] + [0.0, -0.0]
rounded = {}
for dtype, (mantissa, least, torch_dtype) in FORMATS.items():
    exact = [float(nearest(Fraction(v), mantissa, least)) for v in values]
    stored = torch.tensor(exact, dtype=torch.float64).to(torch_dtype)
    assert stored.double().tolist() == [e for e in exact]  # representable, so that torch's own rounding has nothing to do
    signs = torch.tensor(values, dtype=torch.float64)
    stored = torch.where((stored == 0) & (torch.signbit(signs)), torch.tensor(-0.0, dtype=torch_dtype), stored)
    rounded[dtype] = b64(stored.contiguous().view(torch.uint8).numpy().tobytes())
write("composition", ["torch", "numpy"], {"fingerprint": fingerprint, "float64": b64(np.array(values, np.float64).tobytes()), "rounded": rounded})
