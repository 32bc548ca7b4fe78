"""ESFT's scores and selection on made-up routing, with the arithmetic of deepseek-ai/ESFT 18d2350 scripts/get_expert_scores.py and
generate_expert_config.py (pooled over tokens; rounded to four decimals; stable order), written again from its description. Run: python expert-relevance.py"""
import json, random
from vectors import write

rng = random.Random(20261120)


def log(experts, k, samples):
    lines = []
    for tokens in samples:
        ids, weights = [], []
        for _ in range(tokens):
            chosen = rng.sample(range(experts), k)
            ids += chosen
            weights += [round(rng.random() ** 2 / k, 4) for _ in chosen]
        lines.append("\t".join(map(str, ids)) + "\t\t" + "\t".join(map(str, weights)))
    return "\n".join(lines) + "\n"


def scores(text, experts, k):
    counts, gates = [0.0] * experts, [0.0] * experts
    total = 0
    for line in text.splitlines():
        ids, weights = (part.split("\t") for part in line.split("\t\t"))
        total += len(ids) // k
        for expert, weight in zip(map(int, ids), map(float, weights)):
            counts[expert] += 1
            gates[expert] += weight
    return [round(count / (k * total), 4) for count in counts], [round(gate / total, 4) for gate in gates]


def sample_means(text, experts, k):
    """The paper's formula: means of per-sample means, not rounded: exact ties of the last decimal fall either way."""
    samples = [[part.split("\t") for part in line.split("\t\t")] for line in text.splitlines()]
    token, gate = [0.0] * experts, [0.0] * experts
    for ids, weights in samples:
        length = len(ids) // k
        for expert, weight in zip(map(int, ids), map(float, weights)):
            token[expert] += 1 / k / length / len(samples)
            gate[expert] += weight / length / len(samples)
    return [token, gate]


def select(row, threshold):
    ranked = sorted(range(len(row)), key=lambda expert: row[expert], reverse=True)
    chosen, covered = [], 0
    for expert in ranked:
        if covered >= threshold:
            break
        chosen.append(expert)
        covered += row[expert]
    return chosen


experts, k = 12, 3
logs = {str(layer): log(experts, k, [rng.randint(1, 9) for _ in range(6)]) for layer in (1, 2, 10, 11)}
token, gate = {}, {}
for layer, text in sorted(logs.items()):
    row = scores(text, experts, k)
    token[layer], gate[layer] = ({str(e): s for e, s in enumerate(part)} for part in row)
summary = json.dumps({"token_scores": token, "gate_scores": gate})
configs = {}
for threshold in (0.1, 0.2, 0.5, 1.0, 2.0):
    chosen = {layer: select(list(row.values()), threshold) for layer, row in token.items()}
    configs[str(threshold)] = json.dumps({"experts": chosen, "shared_experts": False, "non_expert_modules": False})
numbers = [numerator / 64 for numerator in range(129)] + [rng.random() for _ in range(400)]
write("expert-relevance", [], {"experts": experts, "expertsPerToken": k, "logs": logs, "summary": summary, "configs": configs, "sampleMeans": {layer: sample_means(text, experts, k) for layer, text in logs.items()}, "rounding": [[x, round(x, 4)] for x in numbers]})
