"""
The same as timelocked10.py with the unmodified Python SDK 11.3.0 (requirements-11.txt).

    python timelocked11.py ws://127.0.0.1:9944 1
"""

import sys

import bittensor as bt
from report import Report, wallet_of

report = Report(sys.argv[1])
sub = bt.Subtensor(sys.argv[1])
wallet = wallet_of("//Bob")
set_weights = bt.intents.REGISTRY["set_weights"](netuid=int(sys.argv[2]), uids=[0, 1], weights=[0.25, 1.0])
report.step("set weights", lambda: (lambda result: True if result.success else result.message)(sub.execute(set_weights, wallet)))
report.print()
