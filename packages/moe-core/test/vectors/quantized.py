"""Dequantisation as transformers does it: fp8 in blocks (DeepSeek-V3) and MXFP4 (gpt-oss). Run: python quantized.py"""
import torch
from transformers.integrations.finegrained_fp8 import Fp8Dequantize
from transformers.integrations.mxfp4 import convert_moe_packed_tensors
from vectors import b64, write

torch.manual_seed(5)


def raw(tensor: torch.Tensor) -> str:
    return b64(tensor.contiguous().view(torch.uint8).numpy().tobytes())


fp8 = []
for rows, columns, block_rows, block_columns in ((8, 12, 4, 4), (10, 9, 4, 4), (6, 6, 8, 2), (5, 7, 128, 128)):
    weight = (torch.randn(rows, columns) * 50).to(torch.float8_e4m3fn)
    scale = torch.rand(-(-rows // block_rows), -(-columns // block_columns)) * 3e-3
    if rows % block_rows == 0 and columns % block_columns == 0:
        expected = Fp8Dequantize(None)._dequantize_one(weight, scale, torch.float32)
        source = "transformers"
    else:  # transformers refuses blocks that are cut; DeepSeek's kernel takes the same factor for what is left of one
        spread = scale.repeat_interleave(block_rows, 0).repeat_interleave(block_columns, 1)
        expected = weight.float() * spread[:rows, :columns]
        source = "torch"
    fp8.append({"shape": [rows, columns], "block": [block_rows, block_columns], "weight": raw(weight), "scale": raw(scale), "scaleShape": list(scale.shape),
                "expected": raw(expected), "source": source})

mxfp4 = []
for experts, outputs, inputs in ((2, 4, 64), (3, 6, 32)):
    blocks = torch.randint(0, 256, (experts, outputs, inputs // 32, 16), dtype=torch.uint8)
    scales = torch.randint(0, 255, (experts, outputs, inputs // 32), dtype=torch.uint8)
    scales[0, 0, 0] = 254
    scales[0, 1, 0] = 0
    mxfp4.append({"shape": [experts, inputs, outputs], "blocks": raw(blocks), "scales": raw(scales),
                  "expected": raw(convert_moe_packed_tensors(blocks, scales, dtype=torch.float32)), "bf16": raw(convert_moe_packed_tensors(blocks, scales))})
write("quantized", ["transformers", "torch"], {"fp8": fp8, "mxfp4": mxfp4})
