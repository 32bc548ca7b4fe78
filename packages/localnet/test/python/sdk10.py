"""
The unmodified Python SDK 10.2.0 (requirements-10.txt) against a chain with one block per transaction: creates a subnet, registers, stakes,
serves, commits, sets weights both ways and reads everything back. Prints one JSON object: what each step gave.

    python sdk10.py ws://127.0.0.1:9944
"""

import sys

import bittensor as bt
from report import Report, wallet_of

report = Report(sys.argv[1])
step = report.step
sub = bt.Subtensor(network=sys.argv[1])
owner, validator = wallet_of("//Alice"), wallet_of("//Bob")
cold, hot = validator.coldkeypub.ss58_address, validator.hotkey.ss58_address


def send(name, run):
    """A transaction: whether it succeeded, else its message."""
    step(name, lambda: (lambda answer: True if answer.success else answer.message)(run()))


netuid = step("total subnets", sub.get_total_subnets)
send("register subnet", lambda: sub.register_subnet(owner))
send("start call", lambda: sub.start_call(owner, netuid))
send("burned register", lambda: sub.burned_register(validator, netuid))
send("add stake", lambda: sub.add_stake(validator, netuid, hot, bt.Balance.from_tao(100)))
axon = bt.Axon(wallet=validator, port=8091, ip="127.0.0.1", external_ip="10.0.0.7")
send("serve axon", lambda: sub.serve_axon(netuid, axon))
send("set commitment", lambda: sub.set_commitment(validator, netuid, "hello subnet"))
send("transfer", lambda: sub.transfer(owner, "5C62Ck4UrFPiBtoCmeSrgF7x9yv9mn38446dhCpsi2mLHiFT", bt.Balance.from_tao(3)))

report.seal(361)
step("commit-reveal enabled", lambda: sub.commit_reveal_enabled(netuid))
send("set weights, timelocked", lambda: sub.set_weights(validator, netuid, [0, 1], [0.25, 1.0], wait_for_finalization=True))
step("timelocked commits", lambda: [(hotkey, block, len(commit)) for hotkey, block, commit, _round in sub.get_timelocked_weight_commits(netuid)])
disable = sub.compose_call("AdminUtils", "sudo_set_commit_reveal_weights_enabled", {"netuid": netuid, "enabled": False})
send("disable commit-reveal", lambda: sub.sign_and_send_extrinsic(call=disable, wallet=owner))
report.seal(101)
send("set weights", lambda: sub.set_weights(validator, netuid, [0, 1], [0.25, 1.0], wait_for_finalization=True))
step("weights", lambda: sub.weights(netuid))
step("set weights too soon", lambda: sub.set_weights(validator, netuid, [0, 1], [1.0, 1.0], max_attempts=1).success)


def metagraph():
    graph = sub.metagraph(netuid, lite=False)
    return {
        "n": int(graph.n),
        "block": int(graph.block),
        "hotkeys": list(graph.hotkeys),
        "stake": [float(stake) for stake in graph.S],
        "weights": [[float(weight) for weight in row] for row in graph.W],
        "axons": [f"{axon.ip}:{axon.port}" for axon in graph.axons],
        "permits": [bool(permit) for permit in graph.validator_permit],
        "last update": [int(block) for block in graph.last_update],
    }


step("metagraph", metagraph)
step("neurons", lambda: [(neuron.uid, neuron.hotkey, neuron.coldkey, neuron.axon_info.port, neuron.weights) for neuron in sub.neurons(netuid)])
step("neurons lite", lambda: [(neuron.uid, neuron.hotkey) for neuron in sub.neurons_lite(netuid)])
step("neuron", lambda: sub.neuron_for_uid(1, netuid).hotkey)
step("subnet", lambda: (lambda info: [info.netuid, info.owner_coldkey, info.tempo])(sub.subnet(netuid)))
step("subnet info", lambda: (lambda info: [info.netuid, info.subnetwork_n, info.max_n, info.tempo])(sub.get_subnet_info(netuid)))
step("metagraph info", lambda: (lambda info: [info.netuid, info.num_uids, info.tempo, list(info.hotkeys)])(sub.get_metagraph_info(netuid)))
step("hyperparameters", lambda: vars(sub.get_subnet_hyperparameters(netuid)))
step("balance", lambda: sub.get_balance("5C62Ck4UrFPiBtoCmeSrgF7x9yv9mn38446dhCpsi2mLHiFT").rao)
step("stake", lambda: sub.get_stake(cold, hot, netuid).rao)
step("stake info", lambda: [(info.hotkey_ss58, info.netuid, info.stake.rao) for info in sub.get_stake_info_for_coldkey(cold)])
step("commitment", lambda: sub.get_commitment(netuid, 1))
step("all commitments", lambda: sub.get_all_commitments(netuid))
step("uid", lambda: sub.get_uid_for_hotkey_on_subnet(hot, netuid))
step("owner of hotkey", lambda: sub.get_hotkey_owner(hot))
step("netuids for hotkey", lambda: sub.get_netuids_for_hotkey(hot))
step("price", lambda: sub.get_subnet_price(netuid).rao)
step("burn cost", lambda: sub.get_subnet_burn_cost().rao)
step("registration cost", lambda: sub.recycle(netuid).rao)
step("next epoch", lambda: sub.get_next_epoch_start_block(netuid))
step("children", lambda: sub.get_children(hot, netuid))


def delegate(info):
    nominators = {who: {netuid: stake.rao for netuid, stake in stakes.items()} for who, stakes in info.nominators.items()}
    return {
        "hotkey": info.hotkey_ss58,
        "owner": info.owner_ss58,
        "take": round(info.take * 65535),
        "permits": info.validator_permits,
        "registrations": info.registrations,
        "nominators": nominators,
        "total": {netuid: stake.rao for netuid, stake in info.total_stake.items()},
    }


nominator = wallet_of("//Charlie")
step("delegates before", sub.get_delegates)
# With a limit, and by another than the owner: that makes the hotkey a delegate.
send("nominate", lambda: sub.add_stake(nominator, netuid, hot, bt.Balance.from_tao(20), safe_staking=True, rate_tolerance=0.5))
step("delegates", lambda: [delegate(info) for info in sub.get_delegates()])
step("delegate", lambda: delegate(sub.get_delegate_by_hotkey(hot)))
step("no delegate", lambda: sub.get_delegate_by_hotkey(cold))
step("delegated", lambda: [(info.hotkey_ss58, info.owner_ss58, info.netuid, info.stake.rao) for info in sub.get_delegated(nominator.coldkeypub.ss58_address)])
step("delegated stake", lambda: [sub.get_stake(coldkey, hot, netuid).rao for coldkey in (cold, nominator.coldkeypub.ss58_address)])
step("delegate take", lambda: round(sub.get_delegate_take(hot) * 65535))
step("crowdloans", sub.get_crowdloans)
step("fast blocks", sub.is_fast_blocks)
step("block info", lambda: [sub.get_block_info(2).number, str(sub.get_block_info(2).hash)])
step("at an old block", lambda: len(sub.neurons_lite(netuid, block=1)))
send("unstake", lambda: sub.unstake(validator, netuid, hot, bt.Balance.from_tao(50, netuid)))
report.print()
