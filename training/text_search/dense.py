"""Vectors of products' texts, the same for a text whatever stands beside it in a batch.

A network's last digits depend on the shape of what it is given. So every batch here has one of few
shapes: ``BATCH`` rows, filled up with repeats, and a multiple of 8 tokens. A text's vector then
follows from the text, the encoder, the device and the threads, and an index to which products were
added is byte for byte the one built at once.

Dimensions: N texts, L tokens, D numbers of a vector.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from training.encoder.model import Encoder, fast_arithmetic, mean_over_tokens
from training.encoder.readable import readable

BATCH = 32
_STEP = 8  # tokens; finer pads less, and makes more shapes with fewer texts each
_TOKENISED = 4_096  # texts at once, so that memory stays small

Halves = NDArray[np.float16]
Keys = NDArray[np.uint8]
Part = tuple[list[int], Halves]  # rows and their vectors


def text_keys(texts: Sequence[str], encoder: Encoder, *, length: int) -> Keys:
    """(N, 32) what a vector follows from: the text, the encoder, and how much of a text is read."""
    head = f"{encoder.digest}\0{length}\0".encode()
    digests = [hashlib.sha256(head + _bytes(readable(text))).digest() for text in texts]
    return np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(len(texts), 32)


def embedded(encoder: Encoder, texts: Sequence[str], *, length: int) -> Iterator[Part]:
    """Rows of ``texts`` with their unit vectors, batch by batch; an empty text's is all zero."""
    for begin in range(0, len(texts), _TOKENISED):
        read = [readable(text) for text in texts[begin : begin + _TOKENISED]]
        empty = [row for row, text in enumerate(read) if not text]
        if empty:
            yield [begin + row for row in empty], np.zeros((len(empty), encoder.width), np.float16)
        filled = [row for row, text in enumerate(read) if text]
        if not filled:
            continue
        given = encoder.tokenizer([read[row] for row in filled], truncation=True, max_length=length)
        for tokens, places in _alike(given["input_ids"]):
            vectors = _vectors(encoder, given, places, tokens)
            yield [begin + filled[place] for place in places], vectors


def embed(encoder: Encoder, texts: Sequence[str], *, length: int) -> Halves:
    """(N, D) in one go."""
    found = np.zeros((len(texts), encoder.width), dtype=np.float16)
    for rows, vectors in embedded(encoder, texts, length=length):
        found[rows] = vectors
    return found


def _alike(token_ids: Sequence[Sequence[int]]) -> Iterator[tuple[int, list[int]]]:
    """Batches of at most ``BATCH`` places that are padded to the same number of tokens."""
    steps: dict[int, list[int]] = {}
    for place, ids in enumerate(token_ids):
        steps.setdefault(-(-len(ids) // _STEP) * _STEP, []).append(place)
    for tokens, places in sorted(steps.items()):
        for begin in range(0, len(places), BATCH):
            yield tokens, places[begin : begin + BATCH]


def _vectors(
    encoder: Encoder, given: Mapping[str, list[list[int]]], places: Sequence[int], tokens: int
) -> Halves:
    """One batch of a fixed shape; rows that are filled up repeat the first text."""
    fills = {"input_ids": encoder.tokenizer.pad_token_id or 0}
    rows = [*places, *[places[0]] * (BATCH - len(places))]
    batch = {
        name: torch.tensor(
            [values[row] + [fills.get(name, 0)] * (tokens - len(values[row])) for row in rows]
        )
        for name, values in given.items()
    }
    with torch.inference_mode(), fast_arithmetic():
        hidden = encoder.network(**batch).last_hidden_state
        pooled = mean_over_tokens(hidden.float(), batch["attention_mask"])
        unit = nn.functional.normalize(pooled, dim=-1)
    found: Halves = unit[: len(places)].numpy().astype(np.float16)
    return found


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", errors="replace")
