"""Writes test/vectors/encodings.json: texts and their token ids by the Rust `tokenizers` library."""

import hashlib
import json

import tokenizers

from corpus import END, MODEL, VECTORS, documents, tokenizer

HANDMADE = [
    "", " ", "  ", "\n", "\n\n\n", "\t", "a", " a", "a ", "Hello, world!", "it's we'll I'M they've 'tis 's",
    "0", "7", "42", "1234567890", "3.14159 and -2,718e10", "x1y22z333", "a1 2b", "٣٤٥ ²³ Ⅷ ½", "१२३ १", "1st 2nd 3rd 1,000,000",
    "def f(x):\n    if x:\n        return  x\n\n    return None\n", "\tif (a && b) {\r\n\t\treturn;\r\n\t}\r\n", "    \n        \n", "const s = `a${b}\\n`; // 100%",
    "naïve café, œuvre, Straße, ĲSSELMEER", "e\u0301 vs é", "Привет, мир", "日本語のテキスト", "안녕하세요", "مرحبا بالعالم", "שלום", "ไทย",
    "😀 👩‍👩‍👧‍👦 🇺🇸 👍🏽", "𝒜𝓵𝓹𝓱𝓪 𝟙𝟚𝟛", "a\u00a0b\u2003c\u3000d\u200be\ufefff", "“curly” ‘quotes’ — dash … …", "a\u0000b\u0001c\u007f\u0085d", "\u2028line\u2029para",
    "!!!???...---___***", "snake_case camelCase SCREAMING_CASE kebab-case", "a" * 100, " " * 50, "ab" * 40 + "\n" * 9, "<|endoftext|>", "x<|endoftext|>y <|endoftext|>\n<|endoftext|>", "<|endoftext|", "< |endoftext| >",
    "Problem: add 82 and 42.\nSteps: 2 + 2 = 4, write 4; 8 + 4 = 12.\n", "6^41 mod 58 -> 34; 1/4 + 5/11 = 31/44", "http://example.org/a?b=c&d=%20#e", "<div class=\"x\">&amp;</div>", "\U0010ffff\ue000", "Ελληνικά ΑΒΓ", "ÅÄÖ åäö ΩΩ", "ﬁ ﬂ ﬀ", "\r", "a\rb", "\n ❽", " 8\n\n₂4", "0\t\t៥9'9{", " \n \n x", "'s't're've'm'll'd'S'T",
]  # fmt: skip

if __name__ == "__main__":
    sampled = [text for name in ("general/prose.jsonl", "general/code.jsonl", "target/mathematics.jsonl") for text in documents(name)[5::17][:4]]
    model = tokenizer()
    vectors = {
        "generator": "packages/demo-data/scripts/encode_vectors.py",
        "versions": {"tokenizers": tokenizers.__version__},
        "tokenizer": {"file": "model/tokenizer.json", "sha256": hashlib.sha256((MODEL / "tokenizer.json").read_bytes()).hexdigest()},
        "end": {"token": END, "id": model.token_to_id(END)},
        "vectors": [{"text": text, "ids": model.encode(text).ids} for text in HANDMADE + sampled],
    }
    VECTORS.mkdir(parents=True, exist_ok=True)
    # Escaped, so that no control or unpaired character stands in the file.
    (VECTORS / "encodings.json").write_text(json.dumps(vectors, ensure_ascii=True) + "\n")
    print(f"{len(vectors['vectors'])} vectors")
