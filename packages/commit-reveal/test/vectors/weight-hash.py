"""Hashes of commit-reveal v2 by Bittensor's own SDK.

    pip install bittensor==10.2.0 async-substrate-interface==1.6.4 && pip uninstall -y cyscale && pip install --force-reinstall --no-deps scalecodec==1.2.12
    python3 test/vectors/weight-hash.py > test/vectors/weight-hash.json
"""
import importlib.metadata
import json
import random

from bittensor.utils.weight_utils import generate_weight_hash
from bittensor_wallet import Keypair


def cases(rng):
    for count in (0, 1, 63, 64, 256):
        public_key = bytes(rng.randrange(256) for _ in range(32))
        address = Keypair(public_key=public_key.hex(), ss58_format=42).ss58_address
        # 5 + 3 · 4096: the fourth mechanism of subnet 5, since the SDK takes the storage index as its netuid.
        index = rng.choice([1, 102, 5 + 3 * 4096])
        uids = rng.sample(range(65536), count)
        values = [rng.randrange(65536) for _ in range(count)]
        salt = [rng.randrange(65536) for _ in range(8)]
        key = rng.randrange(2**64)
        digest = generate_weight_hash(address=address, netuid=index, uids=uids, values=values, version_key=key, salt=salt)
        yield {"hotkey": public_key.hex(), "netuidIndex": index, "uids": uids, "values": values, "salt": salt, "versionKey": str(key), "hash": digest.removeprefix("0x")}


if __name__ == "__main__":
    version = importlib.metadata.version("bittensor")
    print(json.dumps({"source": "weight-hash.py, bittensor %s, generate_weight_hash" % version, "cases": list(cases(random.Random(20261129)))}, indent=1))
