"""Probabilities after transformers' logits warpers: python sampling.py writes sampling.json beside this file."""
import json, pathlib
import torch
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

torch.manual_seed(11)
logits = torch.randn(3, 12) * 2
cases = []
for temperature, top_k, top_p in [(1.0, None, None), (0.7, None, None), (1.0, 3, None), (1.3, None, 0.8), (0.9, 5, 0.6), (2.0, 1, 0.5), (1.0, 12, 0.99)]:
    for row in logits:
        scores = TemperatureLogitsWarper(temperature)(None, row[None].double()) if temperature != 1.0 else row[None].double()
        if top_k is not None:
            scores = TopKLogitsWarper(top_k)(None, scores)
        if top_p is not None:
            scores = TopPLogitsWarper(top_p)(None, scores)
        cases.append(dict(temperature=temperature, topK=top_k, topP=top_p, logits=row.tolist(), probabilities=scores.softmax(-1)[0].tolist()))
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(cases) + "\n")
