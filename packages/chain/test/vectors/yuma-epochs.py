"""What Subtensor's own tests of the epoch do, and every figure that they assert, as JSON.

    python yuma-epochs.py SUBTENSOR.git | gzip -9n > yuma-epochs.json.gz

SUBTENSOR.git is opentensor/subtensor with commit 14bc6f9f9 (spec 425). Facts are taken, no code: what a test sets up is written down here again, each
figure is read from the line of the test that asserts it, and figures of a trace from the comment in which the test keeps it. Python 3, no packages.
"""

import json
import random
import re
import subprocess
import sys

COMMIT = "14bc6f9f964b9cc362e9635dd110a487fa5d15a0"
FOLDER = "pallets/subtensor/src/tests/"
MAX = 65535
TAO = 1_000_000_000


class Source:
    def __init__(self, git, name):
        show = subprocess.run(["git", f"--git-dir={git}", "show", f"{COMMIT}:{FOLDER}{name}"], capture_output=True, check=True, text=True)
        self.name, self.lines = name, show.stdout.split("\n")

    def line_of(self, test):
        return next(index for index, line in enumerate(self.lines, 1) if f"fn {test}()" in line)

    def literal(self, line):
        """The last integer of a line, comments aside."""
        code = self.lines[line - 1].split("//")[0]
        return int(re.findall(r"(?<![\w.])\d[\d_]*", code)[-1].replace("_", ""))

    def logged(self, test, label, log=""):
        """The list that a test looks for in the log under a label."""
        start = self.line_of(test)
        line = next(line for line in self.lines[start:] if f'{log}.contains("{label}: [' in line or (not log and f'"{label}: [' in line))
        return json.loads(re.search(r': (\[.*\])"', line)[1].replace("AlphaBalance(", "").replace(")", ""))

    def trace(self, line):
        """Stake, consensus, trust, incentive, dividends and emission of the trace whose comment begins on the line."""
        comment = "\n".join(self.lines[line - 1 :]).split("*/")[0]
        found = dict(re.findall(r"^\s*(S|C|Tv|I \(=R\)|D|E): (\[[^\]]*\])", comment, re.M))
        names = {"S": "stake", "C": "consensus", "Tv": "validatorTrust", "I (=R)": "incentive", "D": "dividends"}
        return {"line": line, "fractions": {names[key]: json.loads(found[key]) for key in names if key in found}, "emissionRao": json.loads(found["E"])}


def scenario(source, test, stake, **given):
    return {"name": test, "file": source.name, "line": source.line_of(test), "stakeRao": stake, "steps": [], **given}


def block(number):
    return {"block": number}


def weigh(*rows):
    """Each row of uids that set it, destinations and values."""
    return {"weigh": [{"uids": uids if isinstance(uids, list) else [uids], "dests": dests, "values": values} for uids, dests, values in rows]}


def epoch(**expected):
    return {"epoch": expected}


def by_uid(uids, value):
    return {str(uid): value for uid in uids}


def bonds(source, line, places, step=1):
    """[from, to, figure]; one line per place, or one line for all where step is 0."""
    return [[a, b, source.literal(line + index * step)] for index, (a, b) in enumerate(places)]


def graphs(source):
    one = scenario(source, "test_1_graph", [TAO], tempo=65534)
    zeros = {name: {"0": source.literal(line)} for name, line in (("consensus", 598), ("incentive", 601), ("dividends", 603))}
    one["steps"] = [weigh((0, [0], [MAX])), epoch(**zeros)]
    ten = scenario(source, "test_10_graph", [1] * 10, tempo=65534, registeredAt=0)
    figures = {name: by_uid(range(10), source.literal(line)) for name, line in (("consensus", 662), ("incentive", 665), ("dividends", 667), ("emissionRao", 670))}
    ten["steps"] = [weigh(*[(uid, [uid], [MAX]) for uid in range(10)]), epoch(**figures)]
    return [one, ten, *large_graphs(source)]


def interleavings(validators, n, seed):
    """Blockwise, regular, and random; the test draws the last anew each time, here it is drawn once."""
    yield list(range(validators))
    yield [uid for uid in range(n) if uid % (n // validators) == 0]
    yield random.Random(seed).sample(range(n), validators)


def large_graphs(source):
    made = []
    stake = source.literal(683)
    for interleave, validators in enumerate(interleavings(64, 512, 14)):
        chosen = set(validators)
        servers = [uid for uid in range(512) if uid not in chosen]
        for server_self in (False, True):
            case = scenario(source, "test_512_graph", [stake if uid in chosen else 0 for uid in range(512)], tempo=65534, registeredAt=0, maxAllowedValidators=64)
            case["name"] += f", interleaving {interleave}{', servers weigh themselves' if server_self else ''}"
            rows = [(sorted(chosen), servers, [MAX // 512] * len(servers))]
            if server_self:
                rows += [(uid, [uid], [MAX]) for uid in servers]
            each = lambda of_validators, of_servers: {**by_uid(sorted(chosen), source.literal(of_validators)), **by_uid(servers, source.literal(of_servers))}
            held = [[uid, servers[0], source.literal(731)] for uid in sorted(chosen)] + [[uid, validators[0], 0] for uid in range(512)] + [[uid, servers[0], 0] for uid in servers]
            last = epoch(consensus=each(720, 738), incentive=each(723, 741), dividends=each(725, 743), emissionRao=each(728, 746), bonds=held)
            case["steps"] = [epoch(), weigh(*rows), epoch(), epoch(), last]
            made.append(case)
    return made


def test_bonds(source):
    case = scenario(source, "test_bonds", [1, 2, 3, 4, 0, 0, 0, 0], tempo=1, maxAllowedValidators=8)
    servers = [4, 5, 6, 7]
    first = [MAX // 4, MAX // 2, MAX // 4 * 3, MAX]
    fours, sevens = [(uid, 4) for uid in range(4)], [(uid, 7) for uid in range(4)]
    traces = [index for index, line in enumerate(source.lines, 1) if case["line"] < index < 1310 and "/*" in line]
    assert len(traces) == 8
    steps = [epoch(), block(2), weigh(*[(uid, servers, first) for uid in range(4)]), epoch(bonds=bonds(source, 1083, fours), trace=source.trace(traces[0]))]
    moves = [weigh((0, [0], [MAX])), weigh((1, [1], [MAX])), weigh((2, [2], [MAX])), weigh((2, [7], [MAX])), None, None, None]
    asserts = dict(enumerate(index for index, line in enumerate(source.lines, 1) if 1100 < index < 1310 and "assert_eq!(bonds[0][" in line))
    for index, move in enumerate(moves):
        steps += [move] if move else []
        expected = {"trace": source.trace(traces[index + 1])}
        if index in asserts:
            expected["bonds"] = bonds(source, asserts[index], fours if index < 2 else sevens)
        steps += [block(3 + index), epoch(**expected)]
    case["steps"] = steps
    return case


def test_active_stake(source):
    case = scenario(source, "test_active_stake", [1] * 4, block=0, tempo=1, maxAllowedValidators=4)
    servers = [2, 3]
    half = lambda *uids: weigh(*[(uid, servers, [MAX // 2] * 2) for uid in uids])
    pairs = [(uid, server) for uid in (0, 1) for server in servers]
    first = epoch(
        dividends=by_uid([0, 1], source.literal(1428)),
        emissionRao=by_uid(range(4), source.literal(1433)),
        bonds=bonds(source, 1442, pairs, 0) + bonds(source, 1439, [(a, b) for a in (0, 1) for b in (0, 1)], 0),
    )
    second = epoch(
        dividends={"0": source.literal(1488), "1": source.literal(1499)},
        emissionRao={"0": source.literal(1491), "1": source.literal(1503)},
        bonds=bonds(source, 1494, pairs[:2], 0) + bonds(source, 1506, pairs[2:], 0),
    )
    third = epoch(
        dividends={"0": source.literal(1552), "1": source.literal(1560)},
        emissionRao={"0": source.literal(1555), "1": source.literal(1563)},
        bonds=bonds(source, 1558, pairs[:2], 0) + bonds(source, 1566, pairs[2:], 0),
    )
    case["steps"] = [epoch(), block(1), half(0, 1), first, block(5002), half(0), second, half(1), block(5003), third]
    return case


def test_outdated_weights(source):
    case = scenario(source, "test_outdated_weights", [1] * 4, tempo=0, maxAllowedValidators=4)
    thirds = [2 * (MAX // 3), MAX // 3]
    last = epoch(
        dividends={"0": source.literal(1762)},
        emissionRao={"0": source.literal(1765)},
        bonds=[[0, 2, source.literal(1767)], [0, 3, source.literal(1768)]],
        trace=source.trace(1731),
    )
    case["steps"] = [
        *(epoch(), block(2), weigh((0, [2, 3], thirds), (1, [2, 3], thirds), (2, [2], [MAX]), (3, [3], [MAX])), epoch(trace=source.trace(1656))),
        *({"replace": 3}, block(3), weigh((0, [2, 3], thirds)), last),
    ]
    return case


def test_zero_weights(source):
    case = scenario(source, "test_zero_weights", [1, 0], tempo=65534)
    paid = lambda validator, server: epoch(emissionRao={"0": source.literal(validator), "1": source.literal(server)})
    half = source.literal(1976) // 2  # 1000000000 / n
    case["steps"] = [
        *(paid(1838, 1844), weigh((1, [1], [MAX])), paid(1877, 1883)),
        *(block(2), weigh((0, [1], [MAX])), {"replace": 1}, paid(1939, 1945)),
        *(block(3), weigh((0, [1], [MAX])), epoch(emissionRao={"0": half, "1": half})),
    ]
    return case


def test_deregistered_miner_bonds(source):
    case = scenario(source, "test_deregistered_miner_bonds", [1] * 4, tempo=65534, maxAllowedValidators=4)
    row = weigh(*[(uid, [2, 3], [2 * (MAX // 3), MAX // 3]) for uid in (0, 1)])
    case["steps"] = [
        *(epoch(), block(2), row, block(4), {"tempo": 2}, epoch(bondsAbove=[[0, 2, 0], [0, 3, 0]])),
        # "We expect the old bonds for server2, (uid3), to be reset."
        *({"tempo": 65534}, block(5), {"replace": 3}, row, block(6), {"tempo": 2}, epoch(bondsNotFallen=[[0, 2]], bondsNotRisen=[[0, 3]], bonds=[[0, 3, 0]])),
    ]
    return case


def test_validator_permits(source):
    made = []
    for n, count in ((2, 1), (4, 2), (8, 4)):
        for interleave, validators in enumerate(interleavings(count, n, n)):
            for assignment in (0, 1):
                stake = [(uid + n if assignment else 1) if uid in validators else (uid if assignment else 0) for uid in range(n)]
                case = scenario(source, "test_validator_permits", stake, tempo=65534, maxAllowedValidators=count, stakeThresholdRao=count)
                case["name"] += f", {n} neurons, interleaving {interleave}, assignment {assignment}"
                more = {str(uid): 2 * n for uid in range(n) if uid not in validators}
                before = [uid in validators and stake[uid] >= count for uid in range(n)]
                after = [uid not in validators and stake[uid] + 2 * n >= count for uid in range(n)]
                case["steps"] = [epoch(validatorPermit=before), {"stake": more}, epoch(validatorPermit=after)]
                made.append(case)
    return made


def owner_weighs_itself(source):
    case = scenario(source, "test_can_set_self_weight_as_subnet_owner", [5_000 * TAO, 0], tempo=360, ownerUid=0, yuma3=True, permits=[True, False])
    case["steps"] = [{"rows": {"0": [[0, 32767], [1, 32767]]}}, block(2), {"lastUpdate": [2, 0]}, epoch(serverEmissionRaoEqual=[0, 1])]
    return case


def single_staker(source):
    case = scenario(source, "test_epoch_outputs_single_staker_registered_no_weights", [1], tempo=65534, yuma3=True)
    case["steps"] = [epoch(paidRao={"whole": TAO, "within": 1_000})]
    return case


def logged(source):
    """Tests that look for figures in the log of the runtime; ten decimals tell I32F32 apart."""

    def case(test, stake, updated, steps, now=1, **given):
        made = scenario(source, test, stake, block=now, tempo=10, registeredAt=0, lastUpdate=updated, **{"permits": [s > 0 for s in stake], **given})
        made["steps"] = steps
        return made

    pair, five = [TAO, TAO], [TAO, TAO, TAO, 0, 0]
    of = lambda test: lambda label: source.logged(test, label)
    active = lambda log: [not inactive for inactive in log("Inactive")]
    made = []
    name, log = "test_simple", of("test_simple")
    fractions = {"stake": log("Normalised Stake"), "activeStake": log("Active Stake"), "consensus": log("Consensus")}
    figures = {"active": active(log), "validatorPermit": log("new_validator_permits"), "fractions": fractions, "combined": log("Normalized Combined Emission")}
    made.append(case(name, pair, [1, 1], [epoch(**figures, emissionRao=by_list(log("Combined Emission")))]))
    # A vector of one permit for two neurons.
    name, log = "test_bad_permit_vector", of("test_bad_permit_vector")
    made.append(case(name, pair, [1, 1], [epoch(validatorEmissionRao=by_list(log("Validator Emission")))], permits=[True, False]))
    name, log = "test_inactive_mask_zeroes_active_stake", of("test_inactive_mask_zeroes_active_stake")
    made.append(case(name, pair, [0, 0], [epoch(active=active(log), fractions={"activeStake": log("Active Stake")})], now=1_000_000))
    name, log = "test_validator_permit_masks_active_stake", of("test_validator_permit_masks_active_stake")
    made.append(case(name, pair, [1, 1], [epoch(fractions={"activeStake": log("Active Stake")})], permits=log("validator_permits")))
    name, log = "yuma_emergency_mode", of("yuma_emergency_mode")
    made.append(case(name, pair, [0, 0], [epoch(active=active(log), combined=log("Normalized Combined Emission"))], now=1_000_000))
    name, log = "epoch_uses_active_stake_when_nonzero_active", of("epoch_uses_active_stake_when_nonzero_active")
    figures = {"active": active(log), "fractions": {"activeStake": log("Active Stake")}, "combined": log("Normalized Combined Emission")}
    made.append(case(name, pair, [999, 1], [epoch(**figures)], now=1_000))
    name, log = "epoch_topk_validator_permits", of("epoch_topk_validator_permits")
    made.append(case(name, [2 * TAO, TAO], [1, 1], [epoch(validatorPermit=log("new_validator_permits"))], maxAllowedValidators=1))
    name, log = "test_validators_weight_two_distinct_servers", of("test_validators_weight_two_distinct_servers")
    fractions = {"consensus": log("Consensus"), "validatorTrust": log("Validator Trust"), "dividends": log("Dividends")}
    rows = weigh((0, [3, 4], [MAX, 0]), (1, [3, 4], [0, MAX]), (2, [3, 4], [MAX, 0]))
    made.append(case(name, five, [1] * 5, [rows, epoch(fractions=fractions, combined=log("Normalized Combined Emission"))]))
    name, log = "test_validator_splits_weight_across_two_servers", of("test_validator_splits_weight_across_two_servers")
    rows = weigh((0, [3, 4], [MAX, 0]), (1, [3, 4], [0, MAX]), (2, [3, 4], [MAX, MAX]))
    made.append(case(name, five, [1] * 5, [rows, epoch(fractions={"dividends": log("Dividends")}, combined=log("Normalized Combined Emission"))]))
    return [*made, *mechanisms(source, case)]


def by_list(values):
    return {str(uid): value for uid, value in enumerate(values)}


def mechanisms(source, case):
    """Tests of single mechanisms, each of which is an epoch by itself."""
    five, four = [TAO, TAO, TAO, 0, 0], [TAO, TAO, 0, 0]
    made = []
    name = "epoch_mechanism_reads_weights_per_mechanism"
    for mechanism, (to, other) in enumerate(((3, 4), (4, 3))):
        log = lambda label: source.logged(name, label, f"logs_m{mechanism}")
        rows = {"rows": {"0": [[to, MAX]], "1": [[other, MAX]], "2": [[to, MAX]]}}
        steps = [rows, epoch(fractions={"activeStake": log("Active Stake")}, combined=log("Normalized Combined Emission"))]
        made.append({**case(name, five, [1] * 5, steps), "name": f"{name}, mechanism {mechanism}"})
    name = "epoch_mechanism_three_mechanisms_separate_state"
    for mechanism, servers in enumerate(([2], [2, 3], [3])):
        rows = {"rows": {str(uid): [[server, MAX] for server in servers] for uid in (0, 1)}}
        steps = [rows, epoch(combined=source.logged(name, "Normalized Combined Emission", f"l{mechanism}"))]
        made.append({**case(name, four, [1] * 4, steps), "name": f"{name}, mechanism {mechanism}"})
    return made


def main():
    tests, logs = Source(sys.argv[1], "epoch.rs"), Source(sys.argv[1], "epoch_logs.rs")
    single = [test_bonds, test_active_stake, test_outdated_weights, test_zero_weights, test_deregistered_miner_bonds, owner_weighs_itself, single_staker]
    cases = [*graphs(tests), *[make(tests) for make in single], *test_validator_permits(tests), *logged(logs)]
    return {"source": f"opentensor/subtensor@{COMMIT} {FOLDER}", "cases": cases}


if __name__ == "__main__":
    print(json.dumps(main()))
