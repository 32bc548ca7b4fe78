"""
A timelocked commit that the Python SDK's own library makes, sealed to round 1000 of drand's quicknet, whose signature is public. The library takes the round
from the clock, so run it with a clock that stands still:

    pip install bittensor==10.2.0 libfaketime==3.0.1
    LD_PRELOAD=<site-packages>/libfaketime/vendor/libfaketime/src/libfaketime.so.1 TZ=UTC FAKETIME="2023-08-23 15:57:15" \
        FAKETIME_DONT_FAKE_MONOTONIC=1 python quicknet-commit.py > quicknet-commit.json

The signature is what https://api.drand.sh/52db…e971/public/1000 answers.
"""

import json
from importlib.metadata import version

from bittensor_drand import get_encrypted_commit
from bittensor_wallet import Keypair

TEMPO, BLOCK, NETUID = 10, 1, 1
hotkey = Keypair.create_from_uri("//Bob//hotkey")
uids, values, version_key = [0, 1], [16_384, 65_535], 0
commit, reveal_round = get_encrypted_commit(uids, values, version_key, TEMPO, BLOCK, NETUID, 1, 12.0, hotkey.public_key)
assert reveal_round == 1000, reveal_round
print(
    json.dumps(
        {
            "source": "bittensor_drand.get_encrypted_commit, see quicknet-commit.py",
            "versions": {name: version(name) for name in ("bittensor", "bittensor-drand", "bittensor-wallet")},
            "hotkey": hotkey.ss58_address,
            "uids": uids,
            "values": values,
            "versionKey": version_key,
            "round": reveal_round,
            "signature": "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39",
            "commit": commit.hex(),
        },
        indent=1,
    )
)
