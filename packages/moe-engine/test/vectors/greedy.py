"""What transformers generates greedily on the demo's model: python greedy.py MODEL_DIR writes greedy.json beside this file."""
import json, pathlib, sys
import torch
from transformers import AutoModelForCausalLM

torch.manual_seed(3)
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32, attn_implementation="eager").eval()
cases = []
for length, count in [(1, 40), (9, 40), (64, 20), (200, 70)]:
    prompt = torch.randint(1, model.config.vocab_size, (1, length))
    made = model.generate(prompt, max_new_tokens=count, min_new_tokens=count, do_sample=False, return_dict_in_generate=True, output_logits=True, pad_token_id=0)
    margins = [(row.topk(2).values[0, 0] - row.topk(2).values[0, 1]).item() for row in made.logits]
    cases.append(dict(prompt=prompt[0].tolist(), ids=made.sequences[0, length:].tolist(), leastMargin=min(margins)))
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(cases) + "\n")
print([case["leastMargin"] for case in cases])
