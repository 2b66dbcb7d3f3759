"""A listing as the quality models read it: title, description, brand, category and attributes.

Pure; ``catalogue_file.py`` reads listings from files. Words are found in ``readable`` text.
"""

import re
from dataclasses import dataclass

from training.encoder.readable import readable

MOST_CHARACTERS = 2_000  # of a field that are judged: more is a document, no listing
DEFECTS = (
    "missing_brand", "wrong_brand", "bare_code", "keyword_stuffing", "shouting", "markup",
    "truncation", "mixed_language", "wrong_category", "unit_nonsense", "misspelling", "duplicate",
)  # fmt: skip
_WORD = re.compile(r"[^\W_]+(?:['’&.+-][^\W_]+)*", re.UNICODE)  # noqa: RUF001 - as people type it
_HAS_DIGIT = re.compile(r"\d")
_COLOUR_NAMES = """
black white grey gray red blue green yellow orange brown pink purple beige silver gold cyan magenta
"""
_COLOURS = frozenset(_COLOUR_NAMES.split())


@dataclass(frozen=True)
class Listing:
    """``category`` goes from wide to narrow, joined by `` > ``; an empty text is unknown.

    ``kinds`` are the parts of the category, or the names of the attributes where a catalogue has
    no categories: a data sheet about toner yields belongs to a toner.
    """

    item_id: str
    title: str
    description: str = ""
    brand: str = ""
    category: str = ""
    attributes: tuple[tuple[str, str], ...] = ()

    @property
    def kinds(self) -> tuple[str, ...]:
        parts = tuple(part for part in self.category.split(" > ") if part)
        return parts or tuple(name for name, _ in self.attributes)


def text_of(value: object) -> str:
    """A field as it is judged: readable and of bounded length."""
    return readable(value, MOST_CHARACTERS)


def words_of(text: str) -> list[str]:
    """The words of a readable text as written."""
    return _WORD.findall(text)


def has_digit(word: str) -> bool:
    return _HAS_DIGIT.search(word) is not None


def family_of(listing: Listing) -> str:
    """One text for listings that differ only in size, colour or number: they split together."""
    words = {word.casefold() for word in words_of(text_of(listing.title))}
    kept = sorted(word for word in words if not has_digit(word) and word not in _COLOURS)
    return " ".join([text_of(listing.brand).casefold(), *kept])
