"""What the scripts share: steps whose outcome is collected, blocks made at will, development keys as wallets."""

import json
import sys
import tempfile
import traceback
import urllib.request


class Report:
    """Runs steps one after the other; a step that raises is told in the report and stops nothing."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.steps: dict[str, dict] = {}

    def step(self, name, run):
        try:
            value = run()
            self.steps[name] = {"value": value}
            return value
        except Exception as error:  # the report is what judges
            traceback.print_exc(file=sys.stderr)
            self.steps[name] = {"error": f"{type(error).__name__}: {error}"}
            return None

    def seal(self, count: int) -> None:
        """Makes blocks at once."""
        body = {"jsonrpc": "2.0", "id": 1, "method": "localnet_seal", "params": [count]}
        url = self.endpoint.replace("ws:", "http:")
        request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
        urllib.request.urlopen(request).read()

    def print(self) -> None:
        print(json.dumps(self.steps, default=str))


def wallet_of(uri: str):
    """A wallet on disk of a development key, in a directory of its own."""
    from bittensor_wallet import Keypair, Wallet

    wallet = Wallet(name="test", hotkey="default", path=tempfile.mkdtemp())
    cold, hot = Keypair.create_from_uri(uri), Keypair.create_from_uri(f"{uri}//hotkey")
    wallet.set_coldkey(cold, encrypt=False, overwrite=True)
    wallet.set_coldkeypub(cold, encrypt=False, overwrite=True)
    wallet.set_hotkey(hot, encrypt=False, overwrite=True)
    if hasattr(wallet, "set_hotkeypub"):
        wallet.set_hotkeypub(hot, encrypt=False, overwrite=True)
    return wallet
