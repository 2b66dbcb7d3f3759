"""A randomly initialised BERT of a given vocabulary, written as a checkpoint that a test may load.

What a network learns is not judged with it, only that it is loaded, taught, saved and served.
"""

import string
from collections.abc import Iterable
from pathlib import Path

import torch
from transformers import BertConfig, BertModel, BertTokenizer

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_LETTERS = string.ascii_lowercase + string.digits  # so that no Latin word is wholly unknown


def tiny_checkpoint(
    folder: Path, words: Iterable[str], *, width: int = 32, layers: int = 2
) -> Path:
    """``folder`` with config, WordPiece tokenizer of ``words`` and weights; the same every time."""
    pieces = dict.fromkeys([*_SPECIAL, *words, *_LETTERS, *(f"##{c}" for c in _LETTERS)])
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=2 * width,
        max_position_embeddings=128,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = BertModel(config)
    network.save_pretrained(folder)
    BertTokenizer(vocab=vocabulary).save_pretrained(folder)
    return folder
