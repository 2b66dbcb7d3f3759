"""Slips as fingers and ears make them, for judging spelling; training slips are drawn otherwise.

A slip is, with equal chance: a letter replaced by its neighbour on a QWERTY keyboard; such a
neighbour struck beside it; two letters swapped; a letter left out (in half of these the second of a
pair, where there is one); a letter doubled; letters that sound alike exchanged. The first letter is
hit like any other. ``spelling_lesson.py`` knows no keyboard, no sounds and no doubling: it replaces
and puts in letters of the alphabet at random.
"""

import re

import numpy as np

TWO_SLIPS = 0.3  # of misspelt words have a second one
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_SOUNDS = (("ph", "f"), ("f", "ph"), ("ck", "k"), ("ei", "ie"), ("ie", "ei"), ("c", "k"),
           ("k", "c"), ("s", "z"), ("z", "s"), ("a", "e"), ("e", "a"), ("i", "y"), ("y", "i"),
           ("o", "u"), ("er", "or"), ("qu", "kw"), ("x", "cks"), ("tion", "sion"))  # fmt: skip


def misspelt(word: str, draw: np.random.Generator) -> str:
    """The word with one slip or two; never the word itself."""
    typed = word
    for _ in range(1 + int(draw.random() < TWO_SLIPS)):
        typed = _slip(typed, draw)
    return typed if typed != word else _swap(word, draw)


def _slip(word: str, draw: np.random.Generator) -> str:
    kinds = (_neighbour, _struck_beside, _swap, _left_out, _doubled, _by_ear)
    return kinds[int(draw.integers(len(kinds)))](word, draw)


def _neighbour(word: str, draw: np.random.Generator) -> str:
    at = int(draw.integers(len(word)))
    return word[:at] + _beside(word[at], draw) + word[at + 1 :]


def _struck_beside(word: str, draw: np.random.Generator) -> str:
    at = int(draw.integers(len(word)))
    return word[: at + 1] + _beside(word[at], draw) + word[at + 1 :]


def _swap(word: str, draw: np.random.Generator) -> str:
    places = [at for at in range(len(word) - 1) if word[at] != word[at + 1]]
    if not places:
        return word[:-1]
    at = places[int(draw.integers(len(places)))]
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _left_out(word: str, draw: np.random.Generator) -> str:
    pairs = [at for at in range(len(word) - 1) if word[at] == word[at + 1]]
    is_pair = pairs and draw.random() < 0.5
    at = pairs[int(draw.integers(len(pairs)))] if is_pair else int(draw.integers(len(word)))
    return word[:at] + word[at + 1 :]


def _doubled(word: str, draw: np.random.Generator) -> str:
    at = int(draw.integers(len(word)))
    return word[:at] + word[at] + word[at:]


def _by_ear(word: str, draw: np.random.Generator) -> str:
    ways = [
        (at.start(), heard, written)
        for heard, written in _SOUNDS
        for at in re.finditer(heard, word)
    ]
    if not ways:
        return _swap(word, draw)
    at, heard, written = ways[int(draw.integers(len(ways)))]
    return word[:at] + written + word[at + len(heard) :]


def _beside(letter: str, draw: np.random.Generator) -> str:
    for row, keys in enumerate(_ROWS):
        if (at := keys.find(letter)) < 0:
            continue
        near = [keys[n] for n in (at - 1, at + 1) if 0 <= n < len(keys)]
        near += [other[at] for other in _ROWS[max(row - 1, 0) : row + 2]
                 if other is not keys and at < len(other)]  # fmt: skip
        return near[int(draw.integers(len(near)))]
    return letter + letter  # no key of this board: struck twice
