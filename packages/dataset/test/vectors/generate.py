"""Writes the tiny tokenizer, the tiny texts and what an independent implementation of the preparation makes of them.

Run with the Rust `tokenizers` library's Python binding: python generate.py
"""

import hashlib
import json
import random
import struct
import unicodedata
from pathlib import Path

import tokenizers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

HERE = Path(__file__).resolve().parent
END = "<|endoftext|>"
LENGTH = 16
PLAN = {"seed": 7, "sequenceLength": LENGTH, "cycles": 2, "trainShards": 3, "heldOutRows": 8, "generalRows": 4, "testRows": 6}


def write_texts() -> None:
    rng = random.Random(20261120)
    sums = [f"{a} + {b} = {a + b}\n" for a, b in ((rng.randrange(1000), rng.randrange(1000)) for _ in range(90))]
    lines = [json.dumps({"text": text, "source": "generated"}) for text in sums]
    lines[3:3] = ["", lines[2], json.dumps({"text": "crlf\r\nand nul\0 and cr\rend"}), json.dumps({"text": " \n\t "}), '{"text": "lone \\ud800 surrogate"}']
    (HERE / "text" / "target").mkdir(parents=True, exist_ok=True)
    (HERE / "text" / "target" / "sums.jsonl").write_text("\n".join(lines) + "\n")
    (HERE / "text" / "target" / "notes.txt").write_text("Carry the one.\n\fBorrow from the left.\n\f\n\f" + sums[0], newline="\n")
    prose = ["The whale swam on.", "Ünïcödé, 日本語 and 👩‍👩‍👧 too.", "It's a long way to the harbour, and nobody knows it better than we do.", "Fellow citizens, the state of the union is tokenized."]
    (HERE / "text" / "general.txt").write_text("\f".join(prose) + "\f" + sums[1], newline="\n")


def train() -> None:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=280, special_tokens=[END], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    texts = [path.read_text() for path in sorted((HERE / "text").rglob("*")) if path.is_file()]
    tokenizer.train_from_iterator(texts, trainer)
    (HERE / "tokenizer").mkdir(exist_ok=True)
    tokenizer.save(str(HERE / "tokenizer" / "tokenizer.json"), pretty=False)
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": END, "clean_up_tokenization_spaces": False}
    (HERE / "tokenizer" / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")


def clean(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return "".join("\ufffd" if unicodedata.category(c) == "Cs" else c for c in text)


def read(path: Path) -> list[str]:
    text = path.read_bytes().decode("utf-8")
    raw = text.split("\f") if path.suffix == ".txt" else [json.loads(line)["text"] for line in text.split("\n") if line.strip()]
    return [document for document in map(clean, raw) if document.strip()]


def ordered(documents: list[str]) -> list[str]:
    def key(document: str) -> bytes:
        content = hashlib.sha256(document.encode()).digest()
        return hashlib.sha256(b"connito/dataset-order/v1" + struct.pack("<Q", PLAN["seed"]) + content).digest()

    return sorted(dict.fromkeys(documents), key=key)


def pack(stream: list[int]) -> list[int]:
    return stream[: len(stream) // LENGTH * LENGTH]


def prepare() -> dict[str, list[int]]:
    tokenizer = Tokenizer.from_file(str(HERE / "tokenizer" / "tokenizer.json"))
    end = tokenizer.token_to_id(END)
    target = ordered([d for name in ("notes.txt", "sums.jsonl") for d in read(HERE / "text" / "target" / name)])
    general = [d for d in ordered(read(HERE / "text" / "general.txt")) if d not in target]
    queue = [tokenizer.encode(document).ids + [end] for document in target]

    def take(rows: int) -> list[int]:
        stream: list[int] = []
        while len(stream) < rows * LENGTH:
            stream += queue.pop(0)
        return stream[: rows * LENGTH]

    splits = {"test": take(PLAN["testRows"])}
    for cycle in range(PLAN["cycles"]):
        splits[f"held-out-{cycle:04}"] = take(PLAN["heldOutRows"])
    hands: list[list[int]] = [[] for _ in range(PLAN["trainShards"])]
    for ids in queue:
        min(hands, key=len).extend(ids)
    for index, hand in enumerate(hands):
        splits[f"train-{index:04}"] = pack(hand)
    stream = [token for document in general for token in tokenizer.encode(document).ids + [end]]
    splits["general"] = pack(stream)[: PLAN["generalRows"] * LENGTH]
    return splits


def draw(hotkey: str, cycle: int, shards: int) -> int:
    digest = hashlib.sha256(b"connito/train-shard/v1" + bytes([len(hotkey)]) + hotkey.encode() + struct.pack("<I", cycle)).digest()
    return int.from_bytes(digest[:8], "little") % shards


def main() -> None:
    write_texts()
    train()
    tokenizer = Tokenizer.from_file(str(HERE / "tokenizer" / "tokenizer.json"))
    texts = ["", " ", "0", "12 + 34 = 46\n", "It's 2026.", "Ünï 日本語 👩‍👩‍👧", END, f"a{END}b {END}", "  two  spaces\n\n\ttab", "\u00a0\u2003", "a" * 300]
    hotkeys = ["5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"]
    draws = [{"hotkey": h, "cycle": c, "shards": s, "shard": draw(h, c, s)} for h in hotkeys for c in (0, 1, 2, 4294967295) for s in (1, 7, 64)]
    vectors = {
        "generator": "packages/dataset/test/vectors/generate.py",
        "versions": {"tokenizers": tokenizers.__version__},
        "plan": PLAN,
        "endOfTextId": tokenizer.token_to_id(END),
        "vocabularySize": tokenizer.get_vocab_size(),
        "encodings": [{"text": text, "ids": tokenizer.encode(text).ids} for text in texts],
        "splits": prepare(),
        "draws": draws,
    }
    (HERE / "vectors.json").write_text(json.dumps(vectors) + "\n")


if __name__ == "__main__":
    main()
