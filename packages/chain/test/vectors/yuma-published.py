"""The tables of Subtensor's own multi-epoch tests of Yuma3, as JSON.

    git show 14bc6f9f964b9cc362e9635dd110a487fa5d15a0:pallets/subtensor/src/tests/epoch.rs | python yuma-published.py > yuma-published.json

Facts are taken (stakes, weights per epoch, expected bonds and dividends with the tests' tolerance of 1e-3), no code. Python 3, no packages.
"""

import json
import re
import sys

SOURCE = "opentensor/subtensor@14bc6f9f964b9cc362e9635dd110a487fa5d15a0 pallets/subtensor/src/tests/epoch.rs"
NAMES = ["kappa_moves_first", "kappa_moves_second", "kappa_moves_last", "one_epoch_switch", "liquid_alpha_disabled", "stable_miner", "bonds_reset"]


def closing(text, start):
    """Index behind the bracket that closes the one at `start`."""
    depth = 0
    for index in range(start, len(text)):
        depth += {"[": 1, "{": 1, "(": 1, "]": -1, "}": -1, ")": -1}.get(text[index], 0)
        if depth == 0:
            return index + 1
    raise ValueError("not closed")


def value(text):
    """A (nested) vec! of numbers."""
    text = re.sub(r"//[^\n]*", "", text).replace("u16::MAX / 2", "32767").replace("u16::MAX", "65535")
    while True:
        repeated = re.search(r"vec!\[((?:[^\[\]]|\[[^\[\]]*\])*?);\s*(\d+)\]", text)
        if repeated is None:
            break
        text = text[: repeated.start()] + "vec![" + ", ".join([repeated[1]] * int(repeated[2])) + "]" + text[repeated.end() :]
    return json.loads(re.sub(r",\s*\]", "]", re.sub(r"\s+", " ", text.replace("vec!", ""))))


def table(body, name):
    start = body.index("[", body.index(f"let {name} ="))
    return value(body[start : closing(body, start)])


def keyed_table(body, name):
    """A table of which only some epochs are told: pairs of epoch and rows in a HashMap."""
    start = body.index("[", body.index("=", body.index(f"let {name}:")))
    pairs = re.sub(r"\(\s*(\d+),", r"[\1,", body[start : closing(body, start)])
    return dict(value(re.sub(r"\)", "]", pairs)))


def weights(body, epochs):
    """Per epoch: rows of the validators that are set before it, or null."""
    start = body.index("{", body.index("match epoch"))
    arms = body[start : closing(body, start)]
    found = {}
    for arm in re.finditer(r"(\d+|_|\(\d+\.\.=\d+\)) => \{", arms):
        block = arms[arm.end() - 1 : closing(arms, arm.end() - 1)]
        call = block.find("set_yuma_3_weights(")
        if call == -1:
            continue
        at = block.index("vec!", call)
        for epoch in numbers(arm[1]):
            found[epoch] = value(block[at : closing(block, at + 4)])
    return [found.get(str(epoch), found.get("_")) for epoch in range(epochs)]


def numbers(pattern):
    """The epochs of a pattern: 5, _ or (2..=20)."""
    if "..=" not in pattern:
        return [pattern]
    first, last = re.findall(r"\d+", pattern)
    return [str(epoch) for epoch in range(int(first), int(last) + 1)]


def case(text, name):
    start = text.index(f"fn test_yuma_3_{name}()")
    body = text[start : text.index("\n}\n", start)]
    stakes = body.index("vec!", body.index("let stakes"))
    stakes = value(body[stakes : closing(body, stakes + 4)])
    resets = name == "bonds_reset"
    epochs = 41 if resets else 6
    bonds, dividends = (keyed_table(body, "targets_bonds"), keyed_table(body, "targets_dividends")) if resets else (table(body, "targets_bonds"), table(body, "targets_dividends"))
    if resets:
        bonds, dividends = [[told.get(epoch) for epoch in range(epochs)] for told in (bonds, dividends)]
    # The tests zip the last columns of their rows; servers begin at uid 3.
    servers = len(stakes) - 3
    return {
        "name": f"test_yuma_3_{name}",
        "stakeRao": stakes,
        "liquidAlpha": name != "liquid_alpha_disabled",
        "weights": weights(body, epochs),
        "bonds": [epoch and [row[:servers] if len(row) == servers else row[1:] for row in epoch] for epoch in bonds],
        "dividends": dividends,
        # Bonds on the first server are dropped before this epoch.
        "reset": int(re.search(r"if epoch == (\d+)", body)[1]) if resets else None,
    }


if __name__ == "__main__":
    text = sys.stdin.read()
    print(json.dumps({"source": SOURCE, "tolerance": 1e-3, "cases": [case(text, name) for name in NAMES]}))
