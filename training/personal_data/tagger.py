"""The tagger: a fine-tuned head of tokens that reads texts of any length in overlapping windows.

Dimensions: N texts, L tokens, C marks. Knows no files. Neither texts nor what is found in them is
stored or logged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from training.fine_tuning.model import TunedModel
from training.personal_data.alignment import (
    Aligned,
    align,
    with_capitals_marked,
    with_lines_marked,
)  # fmt: skip
from training.personal_data.decoding import Chances, Places, favoured, spans_of
from training.personal_data.found import Found
from training.personal_data.plausible import plausible

MOST_TAGGED = 20_000  # read of one text: a title of a megabyte costs no more than a long review
_WINDOW = 240  # characters at most: as many word pieces or fewer, so that no window is cut
_SHARED = 3  # a third of a window is read in the next one too: an address fits into 80 characters


@dataclass(frozen=True)
class Tagger:
    """A model of tokens, the least sure span of each kind that is told, and how it reads addresses.

    ``begins``: how much likelier a piece of an address begins than the network says.
    """

    model: TunedModel
    least: Mapping[str, float] = field(default_factory=dict)  # confidence by kind; others: 0
    begins: float = 1.0

    def find(self, texts: Sequence[str]) -> list[list[Found]]:
        """Of each text the spans of the tagger, in raw characters, sorted."""
        aligned = [read_by(self.model.tokenizer, text[:MOST_TAGGED]) for text in texts]
        return [
            plausible(text, self._spans(one, *given))
            for text, one, given in zip(texts, aligned, self.chances(aligned), strict=True)
        ]

    def _spans(self, aligned: Aligned, places: Places, chances: Chances) -> list[Found]:
        if not len(places):
            return []
        kinds = self.model.head.labels
        weighed = favoured(chances, kinds, self.begins)
        spans = spans_of(aligned.text, places, weighed, kinds, self.least)
        return [
            replace(s, start=aligned.starts[s.start], end=aligned.ends[s.end - 1]) for s in spans
        ]

    def chances(self, aligned: Sequence[Aligned]) -> list[tuple[Places, Chances]]:
        """Tokens of each text with the marks' probabilities, windows put together."""
        windows = [
            windows_of(one.text, self.model.length - 2) for one in aligned
        ]  # 2: [CLS], [SEP]
        parts = [one.text[a:b] for one, of in zip(aligned, windows, strict=True) for a, b in of]
        read = iter(self.model.token_probabilities(parts))
        return [
            _without_marks(one, *_together(of, [next(read) for _ in of]))
            for one, of in zip(aligned, windows, strict=True)
        ]


def read_by(tokenizer: Any, text: str) -> Aligned:
    """The text as this model is taught to read it: lines marked, capitals if it drops them."""
    aligned = with_lines_marked(align(text), text)
    return with_capitals_marked(aligned) if _is_uncased(tokenizer) else aligned


def windows_of(text: str, most: int = _WINDOW) -> list[tuple[int, int]]:
    """Overlapping parts that cover ``text`` and begin and end at words where words allow it."""
    size = min(most, _WINDOW)
    shared = size // _SHARED
    windows, begin = [], 0
    while len(text) - begin > size:
        end = text.rfind(" ", begin + size - shared // 2, begin + size)
        end = end if end > 0 else begin + size
        windows.append((begin, end))
        space = text.find(" ", end - shared, end - shared // 2)
        begin = space + 1 if space >= 0 else end - shared
    if begin < len(text):
        windows.append((begin, len(text)))
    return windows


def _together(
    windows: Sequence[tuple[int, int]], read: Sequence[tuple[Places, Chances]]
) -> tuple[Places, Chances]:
    """Each token from the window in which it has more of the text on both sides."""
    if not windows:
        return np.empty((0, 2), np.int64), np.empty((0, 0), np.float32)
    places, chances = [], []
    for number, ((begin, _), (at, chance)) in enumerate(zip(windows, read, strict=True)):
        since = _middle(windows, number - 1) if number else -1
        until = _middle(windows, number) if number + 1 < len(windows) else np.inf
        own = (at[:, 0] + begin >= since) & (at[:, 0] + begin < until)
        places.append(at[own] + begin)
        chances.append(chance[own])
    return np.concatenate(places), np.concatenate(chances)


def _middle(windows: Sequence[tuple[int, int]], number: int) -> float:
    """Halfway through what this window and the next one share."""
    return (windows[number][1] + windows[number + 1][0]) / 2


def _without_marks(aligned: Aligned, places: Places, chances: Chances) -> tuple[Places, Chances]:
    """Only the tokens that came from the raw text."""
    came = [aligned.starts[start] < aligned.ends[end - 1] for start, end in places]
    return places[came], chances[came]


def _is_uncased(tokenizer: Any) -> bool:
    said: tuple[list[str], list[str]] = (tokenizer.tokenize("A"), tokenizer.tokenize("a"))
    return said[0] == said[1]
