"""From probabilities of tokens to spans of characters: whole words, BIO rules, the best path.

Dimensions: L tokens, W words, C = 1 + 2 K marks (outside, then begins and goes on for each kind).
Pure; knows neither networks nor files.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from training.personal_data.found import Found

Places = NDArray[np.int64]
Chances = NDArray[np.float32]

_LEAST = 1e-6  # below this a probability is the arithmetic's, not the model's
_FEWEST_DIGITS = {"CREDIT_CARD": 12, "IBAN_CODE": 8, "PHONE_NUMBER": 6, "US_SSN": 9, "AGE": 1,
                  "IP_ADDRESS": 1, "ZIP_CODE": 1, "US_DRIVER_LICENSE": 1}  # fmt: skip
_ADDRESS = "STREET_ADDRESS"
_BETWEEN = re.compile(r"[\s,]*")
_WHOLE = re.compile(r"[^\W\d].*\d.*[\s,]+[^\W\d]{3}|\d.*[^\W\d]{3}.*,\s*[^\W\d]{3}", re.DOTALL)


def spans_of(
    text: str, places: Places, chances: Chances, kinds: Sequence[str], least: Mapping[str, float]
) -> list[Found]:
    """Spans of ``text`` from its tokens' ``places`` (L, 2) and ``chances`` (L, C).

    A span less sure than its kind's ``least`` is dropped, and one that cannot be of its kind.
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
        if chance >= least.get(kinds[kind], 0.0) and is_possible(text[start:end], kinds[kind]):
            found.append(Found(start, end, kinds[kind], min(chance, 1.0), "tagger"))
    return joined_addresses(text, found)


def is_possible(value: str, kind: str) -> bool:
    """Whether ``value`` has the digits or letters that every value of its kind has."""
    if kind == "PERSON":
        return sum(c.isalpha() for c in value) > 1
    return sum(c.isdecimal() for c in value) >= _FEWEST_DIGITS.get(kind, 0)


def joined_addresses(text: str, found: Sequence[Found]) -> list[Found]:
    """An address that goes on past its street takes in what only spaces and commas part from it.

    A house number read as one span before such an address, a country or code as one after it, are
    parts of it. An address of street and number alone takes in nothing: it may be told in parts.
    """
    joined: list[Found] = []
    for span in found:
        last = joined[-1] if joined else None
        if last is not None and _goes_on(text, last, span):
            joined[-1] = replace(last, end=span.end, kind=_ADDRESS)
        else:
            joined.append(span)
    return joined


def _goes_on(text: str, last: Found, span: Found) -> bool:
    if not _BETWEEN.fullmatch(text, last.end, span.start):
        return False
    one, other = text[last.start : last.end], text[span.start : span.end]
    if last.kind == _ADDRESS and _is_whole(one):
        return span.kind in (_ADDRESS, "GPE", "ZIP_CODE")
    return last.kind == span.kind == _ADDRESS and one.isdecimal() and _is_whole(other)


def _is_whole(address: str) -> bool:
    """Street with number, and a unit or town after it."""
    return bool(_WHOLE.search(address))


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
