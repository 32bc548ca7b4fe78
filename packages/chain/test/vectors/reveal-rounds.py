"""
Reveal rounds by Bittensor's own clients, for `reveal-rounds.json`.

    pip install bittensor-drand==2.0.0 bittensor-core==0.1.5
    pip install --no-deps --target OLD bittensor-drand==1.2.0
    OLD=… python reveal-rounds.py > reveal-rounds.json

Both take the time from the clock. A case is kept where three calls in a row give the same round; the time of the middle one stands with it.
"""
import importlib.util
import json
import os
import random
import sys
import time

import bittensor_core
import bittensor_drand as new

random.seed(5)
spec = importlib.util.spec_from_file_location("old_drand", next(os.path.join(os.environ["OLD"], "bittensor_drand", f) for f in os.listdir(os.path.join(os.environ["OLD"], "bittensor_drand")) if f.endswith(".so")))
spec.name = "bittensor_drand"
sys.modules.pop("bittensor_drand.bittensor_drand", None)
old = importlib.util.module_from_spec(importlib.util.spec_from_file_location("bittensor_drand", spec.origin))
importlib.util.spec_from_file_location("bittensor_drand", spec.origin).loader.exec_module(old)

HOTKEY = bytes(range(32))


def steady(call):
    while True:
        first = call()
        now = time.time()
        middle = call()
        last = call()
        if first == middle == last:
            return now, middle


def round_of(function, *args):
    try:
        return function(*args)[1]
    except ValueError as error:
        return str(error)


def stateful():
    for index in range(160):
        tempo = random.choice([0, 1, 2, 10, 99, 360, 361, 50400]) if index < 40 else random.randint(1, 1000)
        head = random.randint(1, 8_000_000)
        since = random.randint(0, tempo) if random.random() < 0.8 else random.choice([tempo + 1, 50_399, 50_400, 50_401, 60_000])
        last = head - random.randint(0, max(tempo, 1)) if random.random() < 0.8 else max(0, head - since)
        pending = random.choice([0, 0, 0, head, head + 1, head + random.randint(1, 60), max(1, head - 3)])
        epoch = random.randint(0, 30_000)
        period = random.choice([1, 1, 1, 2, 3, 5, 20])
        block_time = random.choice([12, 12, 12, 0.25, 1, 6])
        args = ([0, 1], [1, 2], 0, last, pending, epoch, tempo, since, head, period, block_time, HOTKEY)
        now, reveal = steady(lambda: round_of(new.get_encrypted_commit_v2, *args))
        core = round_of(bittensor_core.get_encrypted_commit_v2, *args)
        # The second library may be asked a round later.
        assert type(core) is type(reveal) and (isinstance(core, str) or core - reveal in (0, 1)), (core, reveal)
        yield {"lastEpochBlock": last, "pendingEpochAt": pending, "epochIndex": epoch, "tempo": tempo, "blocksSinceLastStep": since, "block": head, "period": period, "blockTime": block_time, "now": now, "round": None if isinstance(reveal, str) else reveal}


def modulo():
    for _ in range(120):
        tempo = random.choice([1, 10, 99, 360, 1000])
        netuid = random.choice([0, 1, 2, 50, 102, 4095])
        head = random.randint(1, 8_000_000)
        period = random.choice([1, 1, 2, 5])
        block_time = random.choice([12, 12, 0.25, 1])
        args = ([0, 1], [1, 2], 0, tempo, head, netuid, period, block_time, HOTKEY)
        now, reveal = steady(lambda: round_of(old.get_encrypted_commit, *args))
        assert not isinstance(reveal, str), reveal
        yield {"netuid": netuid, "tempo": tempo, "block": head, "period": period, "blockTime": block_time, "now": now, "round": reveal}


json.dump(
    {
        "source": "bittensor-drand 2.0.0 and bittensor-core 0.1.5 (get_encrypted_commit_v2), bittensor-drand 1.2.0 (get_encrypted_commit); reveal-rounds.py",
        "stateful": list(stateful()),
        "formula": list(modulo()),
    },
    sys.stdout,
    indent=1,
)
print()
