"""Timelock vectors of @connito/commit-reveal, by the clients that Bittensor's validators use.

    pip install bittensor-drand==2.0.0 bittensor-core==0.1.5
    python3 test/vectors/timelock.py > test/vectors/timelock.json

Both are Rust extensions over Ideal Labs' crate `tle`, the one that opens timelocked weights on chain. `made` are ciphertexts that they
made for drand quicknet and that TypeScript opens. The other direction is `check`: ciphertexts that TypeScript made (`timelock-ours.json`,
from `make-timelock.mjs`) are opened here, and this script fails where one does not.
"""
import importlib.metadata
import json
import pathlib
import platform
import random
import time

import bittensor_core as core
import bittensor_drand as drand

SIGNATURE = "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39"  # quicknet, round 1000
GENESIS = 1692803367


def compact(n):
    return bytes([n << 2]) if n < 64 else ((n << 2) | 1).to_bytes(2, "little")


def portable(ciphertext, reveal_round):
    """What the SDK passes around: SCALE of (ciphertext: Vec<u8>, round: u64)."""
    return compact(len(ciphertext)) + ciphertext + reveal_round.to_bytes(8, "little")


def encrypted(rng):
    for maker, module in (("bittensor-drand", drand), ("bittensor-core", core)):
        for size in (0, 1, 13, 566, 2048):
            plaintext = bytes(rng.randrange(256) for _ in range(size))
            sealed, _ = module.encrypt_at_round(plaintext, 1000)
            ciphertext = sealed[len(compact(size + 244)):-8]
            assert portable(ciphertext, 1000) == sealed and ciphertext.endswith(b"AES_GCM_")
            yield {"maker": maker, "round": 1000, "plaintext": plaintext.hex(), "portable": sealed.hex()}


def weights(rng):
    """Commits for round 1000: with this schedule the commit opens 353 blocks from now, so the time of a block is chosen to put that at the round's."""
    for maker, module in (("bittensor-drand", drand), ("bittensor-core", core)):
        for count in (0, 1, 63, 64, 256):
            hotkey = bytes(rng.randrange(256) for _ in range(32))
            uids = rng.sample(range(65536), count)
            values = [rng.randrange(65536) for _ in range(count)]
            version_key = rng.randrange(2**64)
            block_time = (GENESIS + 3 * 1000 + 1.5 - time.time()) / 353
            commit, target = module.get_encrypted_commit_v2(uids, values, version_key, 100, 0, 1, 360, 10, 110, 1, block_time, hotkey)
            assert target == 1000, target
            yield {"maker": maker, "hotkey": hotkey.hex(), "uids": uids, "values": values, "versionKey": str(version_key), "ciphertext": commit.hex()}


def check(path):
    ours = json.loads(path.read_text())
    for case in ours["cases"]:
        sealed = portable(bytes.fromhex(case["ciphertext"]), 1000)
        for module in (drand, core):
            assert bytes(module.decrypt_with_signature(sealed, ours["signature"])).hex() == case["plaintext"], case
    return len(ours["cases"])


if __name__ == "__main__":
    rng = random.Random(20261129)
    versions = {name: importlib.metadata.version(name) for name in ("bittensor-drand", "bittensor-core")}
    ours = pathlib.Path(__file__).with_name("timelock-ours.json")
    out = {
        "source": "timelock.py, Python %s" % platform.python_version(),
        "versions": versions,
        "signature": SIGNATURE,
        "made": list(encrypted(rng)),
        "weights": list(weights(rng)),
        "openedOfOurs": check(ours),
    }
    print(json.dumps(out, indent=1))
