"""Read texts with an encoder so that what is read of one does not depend on the others.

Dimensions: N texts, D numbers of a vector. Every batch has one shape: 64 texts of the same number
of tokens, repeated where there are fewer. So a title read alone, when it is pushed, has the very
vector that it has among all others in a build: nothing is padded, and a row's arithmetic is the
same at every place of a batch.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from training.encoder.model import Encoder, Vectors, fast_arithmetic, mean_over_tokens, tokenise
from training.encoder.readable import readable
from training.text_features.model import Places, TitleAxes

TOKENS = 48  # a title has about 6, a query 3; what comes later names the same thing again
BATCH = 64  # of short texts: more is no faster
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Reading:
    """What was read of each text: (N, A) places on the title axes, and its number of words."""

    places: Places
    word_counts: tuple[int, ...]


def vectors_of(
    texts: Sequence[str], encoder: Encoder, progress: Progress = lambda _: None
) -> Vectors:
    """(N, D) unit vectors; an empty text is all zero."""
    read = [readable(text) for text in texts]
    found = np.zeros((len(read), encoder.width), dtype=np.float32)
    done = 0
    for rows in _same_lengths(read, encoder):
        full = (rows * BATCH)[:BATCH]
        given = tokenise(encoder.tokenizer, [read[row] for row in full], length=TOKENS)
        with torch.inference_mode(), fast_arithmetic():
            hidden = encoder.network(**given).last_hidden_state
            pooled = mean_over_tokens(hidden.float(), given["attention_mask"])
            found[rows] = nn.functional.normalize(pooled, dim=-1).numpy()[: len(rows)]
        done += len(rows)
        if done % (16 * BATCH) < len(rows):
            progress(f"{done:,} of {len(read):,} texts read")
    return found


def read_texts(
    texts: Sequence[str], encoder: Encoder, axes: TitleAxes, progress: Progress = lambda _: None
) -> Reading:
    """What the feature tables hold of each text."""
    places = axes.places_of(vectors_of(texts, encoder, progress))
    return Reading(places, tuple(len(readable(text).split()) for text in texts))


def _same_lengths(texts: Sequence[str], encoder: Encoder) -> list[list[int]]:
    """Row numbers of at most ``BATCH`` texts of one number of tokens; empty texts in none."""
    by_length: dict[int, list[int]] = defaultdict(list)
    if not any(texts):
        return []
    ids = encoder.tokenizer(list(texts), truncation=True, max_length=TOKENS)["input_ids"]
    for row, tokens in enumerate(ids):
        if texts[row]:
            by_length[len(tokens)].append(row)
    return [
        rows[begin : begin + BATCH]
        for _, rows in sorted(by_length.items())
        for begin in range(0, len(rows), BATCH)
    ]
