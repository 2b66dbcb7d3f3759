"""What of an item a review speaks of, clause by clause, and whether it likes it.

Dimensions: N reviews, C clauses. A clause belongs to every aspect of which it has a word, and what
it says of it is the polarity that the sentiment model gives to the clause. Clauses end at marks
and before words that turn ("but", "although"). The lexicon is small and made for things to wear;
a word ends in ``*`` where other endings count as well. Knows no files.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from training.encoder.readable import readable

if TYPE_CHECKING:  # torch and scikit-learn: names of aspects are read without them
    from training.sentiment.model import SentimentModel

LEXICON: Mapping[str, tuple[str, ...]] = {
    "fit": (
        "fit", "fits", "fitted", "fitting", "size*", "sizing", "small*", "large*", "big", "bigger",
        "tight*", "loose*", "baggy", "snug*", "short*", "long", "longer", "length*", "petite*",
        "narrow*", "wide", "wider", "roomy", "boxy", "tts", "xs", "xl", "huge", "waist*",
        "bust*", "hip", "hips", "flattering", "unflattering", "tent", "sack",
    ),
    "quality": (
        "quality", "fabric*", "material*", "cotton", "wool*", "silk*", "linen", "polyester",
        "stitch*", "seam*", "zip*", "button*", "thread*", "thin", "thick", "see-through", "sheer",
        "itchy", "scratchy", "pill*", "shrank", "shrink*", "shrunk", "tore", "torn", "ripped",
        "hole*", "fell apart", "well made", "well-made", "poorly made", "wash*", "durable",
        "cheaply", "wrinkle*",
    ),
    "price": (
        "price*", "pricey", "pricing", "expensive", "cheap", "cheaper", "cost*", "money", "worth",
        "sale", "discount*", "bargain*", "value", "dollar*", "overpriced", "afford*",
    ),
    "comfort": (
        "comfort*", "comfy", "uncomfortable", "uncomfy", "soft*", "cozy", "cosy", "warm", "warmth",
        "breathable", "itch*", "scratchy", "stiff", "stretchy", "cool and airy", "restrict*",
    ),
    "look": (
        "color*", "colour*", "look", "looks", "looked", "style*", "stylish", "design*", "pattern*",
        "print*", "pretty", "beautiful*", "gorgeous", "cute", "ugly", "lovely", "elegant", "shade*",
        "faded", "bright*", "dull", "frumpy", "matronly", "picture*", "photo*", "stunning",
    ),
    "service": (
        "deliver*", "ship*", "arriv*", "package*", "packaging", "customer service", "service",
        "refund*", "late", "damaged in", "store staff", "staff", "courier", "support",
    ),
}  # fmt: skip
_END = re.compile(
    r"[.!?;:,()]+\s*|\s+-+\s+|\s+(?=(?:but|however|although|though|except|yet|while|whereas)\b)"
)
_MOST_CLAUSES = 60  # of a review: more than any person writes


@dataclass(frozen=True)
class AspectTable:
    """(N, A) mean polarity of each aspect's clauses, NaN where none, and how many there were."""

    names: tuple[str, ...]
    polarity: NDArray[np.float64]
    mentions: NDArray[np.int64]


def clauses_of(text: str) -> list[str]:
    """Parts of a review that may say different things."""
    found = [part.strip() for part in _END.split(readable(text))]
    return [part for part in found if part][:_MOST_CLAUSES]


def aspects_of(clause: str) -> tuple[str, ...]:
    """Aspects of which the clause has a word, in the lexicon's order."""
    return tuple(name for name, pattern in _PATTERNS.items() if pattern.search(clause.lower()))


def judge_aspects(texts: Sequence[str], model: "SentimentModel") -> AspectTable:
    """Polarity and mentions of every aspect in every review."""
    names = tuple(LEXICON)
    said = [
        (row, names.index(name), clause)
        for row, text in enumerate(texts)
        for clause in clauses_of(text)
        for name in aspects_of(clause)
    ]
    shape = (len(texts), len(names))
    mentions, total = np.zeros(shape, dtype=np.int64), np.zeros(shape)
    for (row, column, _), value in zip(
        said, model.polarities([clause for *_, clause in said]), strict=True
    ):
        mentions[row, column] += 1
        total[row, column] += value
    polarity = np.where(mentions > 0, total / np.maximum(mentions, 1), np.nan)
    return AspectTable(names, polarity, mentions)


def words_of_aspect(clause: str, aspect: str) -> tuple[str, ...]:
    """The words by which a clause belongs to an aspect, each once."""
    return tuple(dict.fromkeys(_PATTERNS[aspect].findall(clause.lower())))


def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    parts = [re.escape(w.removesuffix("*")) + (r"\w*" if w.endswith("*") else "") for w in words]
    return re.compile(rf"\b(?:{'|'.join(parts)})\b")


_PATTERNS = {name: _pattern(words) for name, words in LEXICON.items()}
