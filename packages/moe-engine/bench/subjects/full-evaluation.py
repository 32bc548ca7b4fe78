"""The same batches through transformers, which holds every expert; those that the partial model lacks are set to zero. python full-evaluation.py JOB_JSON, prints one line of JSON. Run by ../real-size.bench.mjs."""
import json, sys, time
import torch
from transformers import AutoModelForCausalLM

job = json.loads(sys.argv[1])
torch.set_num_threads(job["threads"])
rows, positions = job["rows"], job["sequenceLength"]


def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


begun = time.perf_counter()
model = AutoModelForCausalLM.from_pretrained(job["directory"], dtype=torch.float32, experts_implementation="grouped_mm").eval()
loaded = time.perf_counter()
present = {layer: set(experts) for layer, experts in job["present"]["experts"]}
with torch.no_grad():
    for index, layer in enumerate(model.model.layers):
        if not hasattr(layer.mlp, "experts"):
            continue
        absent = [expert for expert in range(model.config.n_routed_experts) if expert not in present.get(index, set())]
        layer.mlp.experts.gate_up_proj[absent] = 0
        layer.mlp.experts.down_proj[absent] = 0
seconds, loss = [], None
for batch in range(job["batches"]):
    places = torch.arange(rows * positions, dtype=torch.int64)
    tokens = ((places * places * 31 + places * 7 + batch * 101) % model.config.vocab_size).view(rows, positions)
    start = time.perf_counter()
    with torch.no_grad():
        logits = model(input_ids=tokens).logits
        losses = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten(), reduction="none").view(rows, -1).mean(dim=1)
    seconds.append(time.perf_counter() - start)
    loss = losses.double().mean().item() if loss is None else loss
print(json.dumps({"loadSeconds": loaded - begun, "peak": peak(), "seconds": seconds, "loss": loss}))
