"""Trains the byte-level BPE tokenizer on the pretraining texts and writes it to model/.

Single digits are split before byte-level BPE, so that numbers are sequences of digits and arithmetic can be learned.
"""

import json

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from corpus import END, MODEL, documents, pretraining_files

VOCABULARY = 1024
CONTEXT = 1024

if __name__ == "__main__":
    tokenizer = Tokenizer(models.BPE())
    # Not pre_tokenizers.Digits: there @huggingface/tokenizers 0.2.0 splits 0-9 only, the Rust library every numeric character.
    digits = pre_tokenizers.Split(Regex(r"\p{N}"), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=[END], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    texts = documents(*pretraining_files("prose"), *pretraining_files("code"), *pretraining_files("mathematics"))
    tokenizer.train_from_iterator(texts, trainer, length=len(texts))
    assert tokenizer.get_vocab_size() == VOCABULARY
    MODEL.mkdir(exist_ok=True)
    tokenizer.save(str(MODEL / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": CONTEXT,
        "bos_token": None,
        "eos_token": END,
        "pad_token": END,
        "unk_token": None,
        "add_bos_token": False,
        "add_eos_token": False,
        "clean_up_tokenization_spaces": False,
        "added_tokens_decoder": {"0": {"content": END, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}},
    }
    (MODEL / "tokenizer_config.json").write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n")
