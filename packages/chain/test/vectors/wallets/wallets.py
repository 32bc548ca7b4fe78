"""
Makes the wallets beside this file with the real bittensor-wallet, and what their keys sign:

    python wallets.py            # needs bittensor-wallet; version and platform are written into the result

Every key in here is thrown away: made for these tests, published with them, never to hold anything.
"""
import base64, json, os, platform, tempfile
from importlib.metadata import version
from pathlib import Path
from bittensor_wallet import Keypair, Wallet
from bittensor_wallet import keyfile as kf

PHRASE = "segment annual inform favorite picnic sea history rate wrist wet cinnamon select"
PHRASE_24 = "abandon " * 23 + "art"
PASSWORD = "Throw-away pässword 1"
MESSAGE = b"connito wallet vector"

def text(data):
    return bytes(data).decode("latin-1")

# Before 4.1 there is sr25519 only, and files do not say so.
ED25519 = {"crypto_type": 0} if "crypto_type" in (Keypair.create_from_uri.__text_signature__ or "") else None

def seeded(text, **more):
    """3.x and 4.0 want the seed's bytes or text, depending on the version."""
    try:
        return Keypair.create_from_seed(text, **more)
    except Exception:
        return Keypair.create_from_seed(bytes.fromhex(text[2:]), **more)

def entry(name, pair, **more):
    data = kf.serialized_keypair_to_keyfile_data(pair)
    return {"name": name, "file": text(data), "address": pair.ss58_address, "signature": bytes(pair.sign(MESSAGE)).hex(), "cryptoType": pair.crypto_type if ED25519 else 1, **more}

plain = [entry_ for entry_ in [
    entry("mnemonic of 12", Keypair.create_from_mnemonic(PHRASE), uri=PHRASE),
    entry("mnemonic of 24", Keypair.create_from_mnemonic(PHRASE_24), uri=PHRASE_24),
    entry("mnemonic, ed25519", Keypair.create_from_mnemonic(PHRASE, **ED25519), uri=PHRASE) if ED25519 else None,
    entry("seed in text", seeded("0x" + "11" * 32), uri="0x" + "11" * 32),
    entry("seed in text that is no hex in the file", seeded("0x" + "9f" * 32), uri="0x" + "9f" * 32),
    entry("seed, ed25519", seeded("0x" + "9f" * 32, **ED25519), uri="0x" + "9f" * 32) if ED25519 else None,
    entry("development", Keypair.create_from_uri("//Alice"), uri="//Alice"),
    entry("derivation and password", Keypair.create_from_uri(PHRASE + "//hard/soft///pw"), uri=PHRASE + "//hard/soft///pw"),
    entry("derivation, ed25519", Keypair.create_from_uri(PHRASE + "//hard", **ED25519), uri=PHRASE + "//hard") if ED25519 else None,
    entry("private key", Keypair.create_from_private_key("0x6accfe5b780a393050977cf90f16320add110552a3d9b1e37226e40bb557230f3ee22aa3f5fce02ae191a556d137083d8953a385c1c3765a69835d1429ce2fc6")),
] if entry_]

with tempfile.TemporaryDirectory() as directory:
    wallet = Wallet(name="vector", hotkey="vector", path=directory)
    pair = Keypair.create_from_mnemonic(PHRASE)
    wallet.set_coldkey(pair, encrypt=False, overwrite=True)
    wallet.set_coldkeypub(pair, encrypt=False, overwrite=True)
    files = {str(path.relative_to(directory)): text(path.read_bytes()) for path in sorted(Path(directory).rglob("*")) if path.is_file()}
    os.environ["HOME"] = "/home/somebody"
    variables = {path: Wallet(name=name, path=path).coldkey_file.env_var_name() for path, name in [("/srv/keys.d", "a.b"), ("/tmp/x y", "n-1")]}

json.dump({
    "generator": "wallets.py",
    "bittensor-wallet": version("bittensor-wallet"),
    "python": platform.python_version(),
    "note": "throw-away keys",
    "message": MESSAGE.decode(),
    "password": PASSWORD,
    "plain": plain,
    "publicFiles": {name: content for name, content in files.items() if name.endswith("pub.txt")},
    "encrypted": {"address": pair.ss58_address, "base64": base64.b64encode(bytes(kf.encrypt_keyfile_data(kf.serialized_keypair_to_keyfile_data(pair), PASSWORD))).decode()},
    "legacy": {"ansible": text(kf.legacy_encrypt_keyfile_data(b'{"a":1}', PASSWORD))},
    "variables": variables,
}, open(Path(__file__).parent / f"btwallet-{version('bittensor-wallet')}.json", "w"), indent=1)
