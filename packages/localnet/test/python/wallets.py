"""
Writes wallets of development keys: owner (//Alice) and validator (//Bob), each with the hotkey default (//Alice//hotkey, //Bob//hotkey).

    python wallets.py <directory>
"""

import sys

from bittensor_wallet import Keypair, Wallet

for name, uri in {"owner": "//Alice", "validator": "//Bob"}.items():
    wallet = Wallet(name=name, hotkey="default", path=sys.argv[1])
    cold, hot = Keypair.create_from_uri(uri), Keypair.create_from_uri(f"{uri}//hotkey")
    wallet.set_coldkey(cold, encrypt=False, overwrite=True)
    wallet.set_coldkeypub(cold, encrypt=False, overwrite=True)
    wallet.set_hotkey(hot, encrypt=False, overwrite=True)
    wallet.set_hotkeypub(hot, encrypt=False, overwrite=True)
