"""The cases of yuma-simulation (40 epochs each) under its Yuma3, as JSON.

    python yuma-simulation.py CHECKOUT/src | gzip -9n > yuma-simulation.json.gz

CHECKOUT is bactensor/yuma-simulation at 2b976fd; torch 2, and pandas and matplotlib, which it imports. Its Yuma3 divides consensus by its sum, which the runtime does not: that line is left out here. Liquid alpha counts
from the first epoch, as in the runtime. Weights are those that the chain would store (largest of a row 65535) and the simulation gets the same.
"""

import json
import sys
import types

import torch

sys.path.insert(0, sys.argv[1])
import yuma_simulation._internal.cases as cases  # noqa: E402
import yuma_simulation._internal.yumas as yumas  # noqa: E402

RESCALED = "    C = (C / C.sum() * 65_535).int() / 65_535\n"
source = open(yumas.__file__).read()
assert RESCALED in source
module = types.ModuleType("yuma_simulation._internal.yumas_plain")
module.__package__ = "yuma_simulation._internal"
sys.modules[module.__name__] = module
exec(compile(source.replace(RESCALED, ""), yumas.__file__, "exec"), module.__dict__)


def to_u16(row):
    top = float(row.max())
    return [round(float(w) * 65535 / top) if top > 0 else 0 for w in row]


def run(name, case, liquid):
    config = module.YumaConfig(yuma_params=module.YumaParams(bond_moving_avg=0.975, liquid_alpha=liquid))
    bonds, epochs = None, []
    for weights, stakes in zip(case.weights_epochs, case.stakes_epochs):
        stored = [to_u16(row) for row in weights]
        rao = [round(float(s) * 1e12) for s in stakes]
        result = module.Yuma3(
            W=torch.tensor(stored, dtype=torch.float64), S=torch.tensor(rao, dtype=torch.float64), num_servers=len(case.servers), num_validators=len(case.validators),
            use_full_matrices=False, B_old=bonds, C_old=torch.zeros(len(case.servers), dtype=torch.float64), config=config)
        bonds = result["validator_bonds"]
        figures = lambda t: [round(float(v), 7) for v in t]
        epochs.append({"weights": stored, "stakeRao": rao, "incentive": figures(result["server_incentive"]), "dividends": figures(result["validator_reward_normalized"]), "bonds": [figures(row) for row in bonds]})
    return {"name": case.name, "liquidAlpha": liquid, "epochs": epochs}


made = []
for name, kind in cases.class_registry.items():
    case = cases.create_case(name)
    for liquid in (False, True):
        made.append(run(name, case, liquid))
print(json.dumps({"source": "bactensor/yuma-simulation@2b976fd src/yuma_simulation/_internal, without rescaled consensus", "torch": torch.__version__, "cases": made}))
