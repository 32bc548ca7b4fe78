"""Reading text/ and packing it to rows of tokens: documents one after the other, each followed by END, cut every `width` tokens."""

import json
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

ROOT = Path(__file__).resolve().parent.parent
TEXT, MODEL, VECTORS = ROOT / "text", ROOT / "model", ROOT / "test" / "vectors"
END = "<|endoftext|>"
ROW = 128
EVALUATION_FILES = {"prose": "general/prose.jsonl", "code": "general/code.jsonl", "mathematics": "target/mathematics.jsonl"}


def documents(*names: str) -> list[str]:
    """Texts of the given files below text/, in file order."""
    return [json.loads(line)["text"] for name in names for line in (TEXT / name).read_bytes().decode().split("\n") if line]


def pretraining_files(domain: str) -> list[str]:
    return sorted(f"pretrain/{path.name}" for path in (TEXT / "pretrain").glob(f"{domain}*.jsonl"))


def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(MODEL / "tokenizer.json"))


def rows(texts: list[str], width: int = ROW) -> np.ndarray:
    """int64 `[rows, width]`; the last incomplete row is dropped."""
    model = tokenizer()
    end = model.token_to_id(END)
    stream: list[int] = []
    for encoding in model.encode_batch_fast(texts):
        stream += encoding.ids
        stream.append(end)
    count = len(stream) // width
    return np.array(stream[: count * width], dtype=np.int64).reshape(count, width)
