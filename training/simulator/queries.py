"""What the shopper types: words of the item sought, some left out, now and then misspelt.

Dimensions: Q searches.
"""

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from training.simulator.config import SimulatorConfig
from training.simulator.sessions import Searches
from training.simulator.world import World

_WORD = re.compile(r"[^\W_]+")
_MOST_WORDS = 8  # nobody types a whole description


@dataclass(frozen=True)
class ItemWords:
    """The words an item may be asked for by."""

    title: tuple[str, ...]
    brand: tuple[str, ...]
    category: tuple[str, ...]


@dataclass(frozen=True)
class Texts:
    """Q query texts; ``misspelt`` differs from ``meant`` in one word of every row."""

    meant: list[str]
    misspelt: list[str]


def write_queries(world: World, searches: Searches) -> Texts:
    """Texts for ``searches``."""
    config = world.config
    sought, place = np.unique(searches.target, return_inverse=True)
    rows = world.items.select(["item_id", "title", "brand", "category_path"]).take(pa.array(sought))
    words = [item_words(**row) for row in rows.to_pylist()]
    chance = world.rng.random((len(place), _MOST_WORDS + 5)).tolist()
    meant = [_typed(words[p], draw, config) for p, draw in zip(place.tolist(), chance, strict=True)]
    misspelt = [_misspell(text, draw[-3:]) for text, draw in zip(meant, chance, strict=True)]
    return Texts(meant, misspelt)


def item_words(
    *, item_id: str, title: str | None, brand: str | None, category_path: str | None
) -> ItemWords:
    """Words with a letter in them, in lower case; an item without any is asked for by its id."""
    levels = (category_path or "").split(" > ")
    return ItemWords(
        title=_words(title) or (item_id.casefold(),),
        brand=_words(brand),
        category=_words(levels[-2] if len(levels) > 1 else levels[0]),
    )


def _words(text: str | None) -> tuple[str, ...]:
    found = _WORD.findall((text or "").casefold())
    return tuple(dict.fromkeys(word for word in found if len(word) > 1 and not word.isdecimal()))


def _typed(words: ItemWords, chance: list[float], config: SimulatorConfig) -> str:
    title = words.title[:_MOST_WORDS]
    kept = [
        word
        for word, draw in zip(title, chance[:_MOST_WORDS], strict=False)
        if draw < config.word_keep_rate
    ]
    typed = kept or [title[-1]]
    with_brand, with_category = chance[_MOST_WORDS], chance[_MOST_WORDS + 1]
    if words.brand and with_brand < config.brand_rate:
        typed = [*words.brand, *typed]
    if words.category and with_category < config.category_rate:
        typed = [*typed, words.category[0]]
    return " ".join(dict.fromkeys(typed))


def _misspell(text: str, chance: list[float]) -> str:
    """One letter of one word is left out or typed twice."""
    words = text.split(" ")
    which = int(chance[0] * len(words))
    word = words[which]
    letter = int(chance[1] * len(word))
    is_left_out = chance[2] < 0.5 and len(word) > 3  # a shorter word would lose its sense
    middle = "" if is_left_out else word[letter] * 2
    words[which] = word[:letter] + middle + word[letter + 1 :]
    return " ".join(words)
