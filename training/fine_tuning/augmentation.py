"""Taught texts as hurried people would have written them: words left out, swapped, misspelt.

Pure. What is drawn for a text follows from the seed, the epoch and its row alone, so that neither
batches nor a resumption change it.
"""

from collections.abc import Sequence

import numpy as np

from governance.errors import InputError
from training.fine_tuning.config import FineTuning
from training.fine_tuning.lesson import Head, Texts


def is_augmented(knobs: FineTuning) -> bool:
    """Whether texts change at all."""
    return max(knobs.drop_words, knobs.swap_words, knobs.misspell) > 0


def refuse_moved_spans(head: Head, knobs: FineTuning) -> None:
    """Words that move take their spans' places away; misspelling keeps every place."""
    if head.kind == "tokens" and max(knobs.drop_words, knobs.swap_words) > 0:
        raise InputError(
            f"the texts of {head.name} cannot be augmented by dropping or swapping words",
            where="knobs drop_words and swap_words",
            why="their spans are told by character, and would point elsewhere",
            next_step="use misspell alone, which moves no character of another word",
        )


def augmented(texts: Texts, rows: Sequence[int], knobs: FineTuning, epoch: int) -> Texts:
    """``texts``, which are the rows ``rows`` of a lesson, as this epoch reads them."""
    first, second = [], []
    for at, row in enumerate(rows):
        draw = np.random.default_rng((knobs.seed, epoch, int(row)))
        first.append(rewritten(texts.first[at], knobs, draw))
        if texts.second:
            second.append(rewritten(texts.second[at], knobs, draw))
    return Texts(tuple(first), tuple(second))


def rewritten(text: str, knobs: FineTuning, draw: np.random.Generator) -> str:
    """The text with each change at its rate; one word at least stays."""
    words = text.split(" ")
    chance = draw.random((3, len(words)))
    for at in np.flatnonzero(chance[0] < knobs.misspell):
        words[at] = _misspelt(words[at], draw)
    for at in np.flatnonzero(chance[1][:-1] < knobs.swap_words):
        words[at], words[at + 1] = words[at + 1], words[at]
    stays = chance[2] >= knobs.drop_words
    stays[chance[2].argmax()] = True
    return " ".join(word for word, is_kept in zip(words, stays, strict=True) if is_kept)


def _misspelt(word: str, draw: np.random.Generator) -> str:
    if len(word) < 2:
        return word
    at = int(draw.integers(len(word) - 1))
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
