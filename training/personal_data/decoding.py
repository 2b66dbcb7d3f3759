"""From probabilities of tokens to spans of characters: whole words, BIO rules, the best path.

Dimensions: L tokens, W words, C = 1 + 2 K marks (outside, then begins and goes on for each kind).
Pure; knows neither networks nor files.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from training.personal_data.found import Found

Places = NDArray[np.int64]
Chances = NDArray[np.float32]

PIECES = frozenset({"STREET_ADDRESS", "GPE", "ZIP_CODE"})  # of an address
_LEAST = 1e-6  # below this a probability is the arithmetic's, not the model's


def spans_of(
    text: str, places: Places, chances: Chances, kinds: Sequence[str], least: Mapping[str, float]
) -> list[Found]:
    """Spans of ``text`` from its tokens' ``places`` (L, 2) and ``chances`` (L, C).

    A span less sure than its kind's ``least`` is dropped.
    """
    if not len(places):
        return []
    words, scores = _words(text, places, np.log(np.maximum(chances, _LEAST)))
    marks = best_path(scores)
    sure = np.exp(scores)
    found = []
    for first, last in _runs(marks):
        kind = (int(marks[first]) - 1) // 2
        # the mean chance over its words that each is of this kind, beginning or not
        chance = float(sure[first : last + 1, 1 + 2 * kind : 3 + 2 * kind].sum(1).mean())
        start, end = int(words[first, 0]), int(words[last, 1])
        if chance >= least.get(kinds[kind], 0.0):
            found.append(Found(start, end, kinds[kind], min(chance, 1.0), "tagger"))
    return found


def favoured(chances: Chances, kinds: Sequence[str], begins: float) -> Chances:
    """(L, C) with each piece of an address ``begins`` times as likely to begin as to go on.

    F2 counts what is missed four times as much as what is found wrongly: where it is open whether
    an address is marked whole or in pieces, pieces are the better answer.
    """
    weights = np.ones(chances.shape[1], dtype=np.float32)
    for at, kind in enumerate(kinds):
        if kind in PIECES:
            weights[1 + 2 * at] = begins
    weighed: Chances = chances * weights
    weighed /= np.maximum(weighed.sum(1, keepdims=True), _LEAST)
    return weighed


def best_path(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """(W,) marks of the highest sum of (W, C) log scores in which nothing goes on unbegun."""
    count = scores.shape[1]
    allowed = np.full((count, count), -np.inf)  # from, to
    allowed[:, 0] = 0
    allowed[:, 1::2] = 0
    for goes_on in range(2, count, 2):
        allowed[[goes_on - 1, goes_on], goes_on] = 0
    best = scores[0].astype(np.float64)
    best[2::2] = -np.inf
    came = np.zeros(scores.shape, dtype=np.int64)
    for at in range(1, len(scores)):
        ways = best[:, None] + allowed
        came[at] = ways.argmax(0)
        best = ways.max(0) + scores[at]
    path = [int(best.argmax())]
    for at in range(len(scores) - 1, 0, -1):
        path.append(int(came[at, path[-1]]))
    return np.array(path[::-1], dtype=np.int64)


def _words(text: str, places: Places, scores: Chances) -> tuple[Places, Chances]:
    """Pieces of one word joined: (W, 2) places, (W, C) the mean of scores, later pieces go on."""
    joins = [
        at > 0
        and places[at, 0] == places[at - 1, 1]
        and text[places[at, 0]].isalnum()
        and text[places[at, 0] - 1].isalnum()
        for at in range(len(places))
    ]
    firsts = np.flatnonzero(~np.array(joins))
    lasts = np.append(firsts[1:], len(places))
    joined = []
    for first, last in zip(firsts, lasts, strict=True):
        later = scores[first + 1 : last].copy()
        later[:, 1::2] = later[:, 2::2]  # inside a word nothing begins: "goes on" counts for both
        joined.append(np.vstack([scores[first : first + 1], later]).mean(0))
    where = np.stack([places[firsts, 0], places[lasts - 1, 1]], axis=1)
    return where, np.array(joined, dtype=np.float32)


def _runs(marks: NDArray[np.int64]) -> list[tuple[int, int]]:
    """First and last word of each span."""
    runs: list[tuple[int, int]] = []
    for at, mark in enumerate(marks):
        if mark == 0:
            continue
        if mark % 2 == 1:
            runs.append((at, at))
        else:
            runs[-1] = (runs[-1][0], at)
    return runs
