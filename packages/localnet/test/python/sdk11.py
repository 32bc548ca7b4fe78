"""
The unmodified Python SDK 11.3.0 (requirements-11.txt), of spec 459, against a chain with one block per transaction. Prints one JSON object: what
each step gave. Its `burned_register` intent insists on the MEV shield, which this chain has no keys for, so the call is submitted as such.

    python sdk11.py ws://127.0.0.1:9944
"""

import sys

import bittensor as bt
from report import Report, wallet_of

report = Report(sys.argv[1])
step = report.step
sub = bt.Subtensor(sys.argv[1])
owner, validator = wallet_of("//Alice"), wallet_of("//Bob")
cold, hot = validator.coldkeypub.ss58_address, validator.hotkey.ss58_address


def outcome(result):
    return True if result.success else result.message


def execute(step_name, wallet, intent, **fields):
    step(step_name, lambda: outcome(sub.execute(bt.intents.REGISTRY[intent](**fields), wallet)))


def read(name, **fields):
    step(name, lambda: sub.read(name, **fields))


netuid = len(sub.read("subnets"))
execute("register subnet", owner, "register_subnet", hotkey_ss58=owner.hotkey.ss58_address)
execute("start call", owner, "start_call", netuid=netuid)
register = bt.calls.SubtensorModule.burned_register(netuid=netuid, hotkey=hot)
step("burned register", lambda: outcome(sub.submit_call(register, validator)))
execute("add stake", validator, "add_stake", hotkey_ss58=hot, netuid=netuid, amount_tao=100, slippage_protection=False)
execute("serve axon", validator, "serve_axon", netuid=netuid, ip="10.0.0.7", port=8091)
execute("transfer", owner, "transfer", dest_ss58="5C62Ck4UrFPiBtoCmeSrgF7x9yv9mn38446dhCpsi2mLHiFT", amount_tao=3)
report.seal(361)
execute("set weights, timelocked", validator, "set_weights", netuid=netuid, uids=[0, 1], weights=[0.25, 1.0])
read("timelocked_weight_commits", netuid=netuid, mechid=0)
execute("disable commit-reveal", owner, "set_hyperparameter", netuid=netuid, name="commit_reveal_weights_enabled", value=False)
report.seal(101)
execute("set weights", validator, "set_weights", netuid=netuid, uids=[0, 1], weights=[0.25, 1.0])
read("weights", netuid=netuid, mechid=0)
read("balance", coldkey_ss58="5C62Ck4UrFPiBtoCmeSrgF7x9yv9mn38446dhCpsi2mLHiFT")
read("uid", hotkey_ss58=hot, netuid=netuid)
step("stake", lambda: sub.read("stake", coldkey_ss58=cold, hotkey_ss58=hot, netuid=netuid).rao)
step("metagraph", lambda: {key: value for key, value in sub.read("metagraph", netuid=netuid).items() if key in ("netuid", "tempo", "num_uids", "owner_coldkey")})
step("neurons", lambda: [(neuron.uid, neuron.hotkey, neuron.coldkey) for neuron in sub.read("neurons", netuid=netuid, lite=False)])
read("subnet_hyperparameters", netuid=netuid)
read("subnet", netuid=netuid)
read("epoch_status", netuid=netuid)
read("alpha_prices")
read("stake_for_coldkey", coldkey_ss58=cold)
read("stake_availability_for_coldkey", coldkey_ss58=cold, netuids=[netuid])
read("quote_stake", netuid=netuid, amount_tao=1)
read("delegates")
read("commitments", netuid=netuid)
read("block_time")
read("subnet_registration_cost")
read("locks_for_coldkey", coldkey_ss58=cold)
read("hotkey_conviction", hotkey_ss58=hot, netuid=netuid)
execute("remove stake", validator, "remove_stake", hotkey_ss58=hot, netuid=netuid, amount_alpha=50, slippage_protection=False)
report.print()
