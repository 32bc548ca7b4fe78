"""
The unmodified Python SDK 10.2.0 (requirements-10.txt) sets the weights of //Bob//hotkey on a subnet with commit-reveal: timelocked, that is, sealed to a round
of quicknet that it computes from the clock. Prints one JSON object.

    python timelocked10.py ws://127.0.0.1:9944 1
"""

import sys

import bittensor as bt
from report import Report, wallet_of

report = Report(sys.argv[1])
sub = bt.Subtensor(network=sys.argv[1])
report.step("block", lambda: sub.block)
report.step("set weights", lambda: sub.set_weights(wallet_of("//Bob"), int(sys.argv[2]), [0, 1], [0.25, 1.0]).success)
report.step("commits", lambda: [(hotkey, round) for hotkey, _block, _commit, round in sub.get_timelocked_weight_commits(int(sys.argv[2]))])
report.print()
