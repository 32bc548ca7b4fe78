"""Balance and z losses: transformers' own functions where it has them (mixtral, switch_transformers); DeepSeek's and the bias rule, which it lacks, from their papers'
equations in float64. Run: python router-losses.py"""
import torch
from transformers.models.mixtral.modeling_mixtral import load_balancing_loss_func
from transformers.models.switch_transformers.modeling_switch_transformers import load_balancing_loss_func as switch_loss
from transformers.models.switch_transformers.modeling_switch_transformers import router_z_loss_func
from vectors import b64, write

torch.manual_seed(20261124)


def floats(tensor):
    return b64(tensor.contiguous().float().numpy().tobytes())


def transformers_case(name, layers, k, mask=None):
    experts = layers[0].shape[1]
    loss = load_balancing_loss_func(tuple(layers), experts, k, mask)
    return {"name": name, "experts": experts, "expertsPerToken": k, "layers": [floats(layer) for layer in layers],
            "attentionMask": None if mask is None else mask.flatten().tolist(), "loss": loss.item()}


def sequence_case(name, logits, k, sigmoid=False):
    """Switch's loss by transformers; DeepSeek's as sum over e of (E / (K S)) count[e] times the mean of the normalised scores, mean over sequences."""
    sequences, length, experts = logits.shape
    scores = logits.double().sigmoid() if sigmoid else logits.double().softmax(-1)
    ids = scores.topk(k, dim=-1).indices
    normalised = scores / scores.sum(-1, keepdim=True)

    def deepseek(ids, normalised):
        frequency = torch.nn.functional.one_hot(ids, experts).double().sum((-3, -2)) * experts / (k * ids.shape[-2])
        return (frequency * normalised.mean(-2)).sum(-1).mean().item()

    return {"name": name, "experts": experts, "expertsPerToken": k, "scoring": "sigmoid" if sigmoid else "softmax", "sequenceLength": length, "logits": floats(logits),
            "ids": ids.flatten().tolist(), "switch": None if sigmoid else switch_loss(logits.softmax(-1), ids).item(), "sequence": deepseek(ids, normalised),
            "all": deepseek(ids.view(1, -1, k), normalised.view(1, -1, experts)), "z": router_z_loss_func(logits).item()}


def bias_case(bias, load, rate):
    new = bias + rate * torch.sign(load.double().mean() - load.double()).float()
    return {"bias": floats(bias), "load": load.tolist(), "rate": rate, "result": floats(new)}


randn = torch.randn
mask = torch.ones(4, 16, dtype=torch.int64)
mask[0, 10:], mask[2, :5], mask[3, :] = 0, 0, 0
write("router-losses", ["torch", "transformers"], {
    "transformers": [
        transformers_case("one layer, top 2", [randn(64, 8)], 2),
        transformers_case("three layers, top 4", [randn(32, 16), randn(32, 16) * 3, randn(32, 16)], 4),
        transformers_case("three layers, attention mask", [randn(64, 8), randn(64, 8) * 2, randn(64, 8)], 2, mask),
        transformers_case("one expert has everything", [randn(32, 8) + torch.eye(8)[3] * 20], 1),
    ],
    "sequences": [
        sequence_case("switch, top 1", randn(4, 16, 8), 1),
        sequence_case("top 6 of 16", randn(3, 16, 16) * 2, 6),
        sequence_case("sigmoid, top 4 of 16", randn(3, 16, 16), 4, sigmoid=True),
    ],
    "bias": [bias_case(randn(8) * 0.1, torch.tensor([0, 3, 5, 4, 4, 4, 8, 4]), 0.001), bias_case(randn(7), torch.tensor([1, 0, 0, 0, 0, 0, 0]), 0.01)],
})
