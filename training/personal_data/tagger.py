"""The tagger: a fine-tuned head of tokens that reads texts of any length in overlapping windows.

Dimensions: N texts, L tokens, C marks. Knows no files. Neither texts nor what is found in them is
stored or logged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from training.fine_tuning.model import TunedModel
from training.personal_data.alignment import Aligned, align
from training.personal_data.decoding import Chances, Places, spans_of
from training.personal_data.found import Found

MOST_CHARACTERS = 20_000  # read of one text: a title of a megabyte costs no more than a long review
_WINDOW = 240  # characters: about 60 word pieces of prose, at most 128 of digits and names
_OVERLAP = 80  # characters: the longest span of personal data, an address, fits into it


@dataclass(frozen=True)
class Tagger:
    """Models of the same head, whose probabilities are averaged; the least sure span told."""

    models: tuple[TunedModel, ...]
    least: Mapping[str, float] = field(default_factory=dict)  # confidence by kind; others: 0

    def find(self, texts: Sequence[str]) -> list[list[Found]]:
        """Of each text the spans of the tagger, in raw characters, sorted."""
        aligned = [align(text[:MOST_CHARACTERS]) for text in texts]
        kinds = self.models[0].head.labels
        return [
            [
                replace(span, start=one.starts[span.start], end=one.ends[span.end - 1])
                for span in spans_of(one.text, *given, kinds, self.least)
            ]
            for one, given in zip(aligned, self.chances(aligned), strict=True)
        ]

    def chances(self, aligned: Sequence[Aligned]) -> list[tuple[Places, Chances]]:
        """Tokens of each text with the marks' probabilities, windows put together."""
        windows = [windows_of(one.text) for one in aligned]
        parts = [one.text[a:b] for one, of in zip(aligned, windows, strict=True) for a, b in of]
        read = iter(self._averaged(parts))
        return [_together(of, [next(read) for _ in of]) for of in windows]

    def _averaged(self, parts: Sequence[str]) -> list[tuple[Places, Chances]]:
        said = [model.token_probabilities(parts) for model in self.models]
        return [
            (of[0][0], np.mean([chances for _, chances in of], axis=0))
            for of in zip(*said, strict=True)
        ]


def windows_of(text: str) -> list[tuple[int, int]]:
    """Overlapping parts that cover ``text`` and begin and end at words where words allow it."""
    windows, begin = [], 0
    while len(text) - begin > _WINDOW:
        end = text.rfind(" ", begin + _WINDOW - _OVERLAP // 2, begin + _WINDOW)
        end = end if end > 0 else begin + _WINDOW
        windows.append((begin, end))
        space = text.find(" ", end - _OVERLAP, end - _OVERLAP // 2)
        begin = space + 1 if space >= 0 else end - _OVERLAP
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
