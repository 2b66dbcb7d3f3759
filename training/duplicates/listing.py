"""A listing as columns of text, and the words, codes and numbers that are read in it.

Dimensions: none. Pure; knows no files. A code is a word of letters and digits as makers print it
on a box (``KX-TG1032S``); it is compared without its hyphens, since shops write it either way.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from governance.errors import InputError
from training.duplicates.steering import told
from training.encoder.readable import readable

_COLUMN = re.compile(r"\bCOL (\S+) VAL ?")
_WORD = re.compile(r"[^\W_]+(?:[-./][^\W_]+)*")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_SIZED = re.compile(r"(\d+(?:\.\d+)?)([^\W\d_]{1,4})")  # "19inch", "512mb": a number and a unit
LEAST_CODE = 4  # shorter ones ("mp3", "cd2") are of a kind of thing, not of one product
_MOST_WORDS = 400  # of a column: a listing that repeats itself for a megabyte says no more


@dataclass(frozen=True)
class Listing:
    """Column names and values in the order of the source; the first column is the title."""

    columns: tuple[str, ...]
    values: tuple[str, ...]

    @property
    def title(self) -> str:
        return self.values[0] if self.values else ""

    @cached_property
    def text(self) -> str:
        """Every value once: one that begins with an earlier one loses that beginning."""
        told: list[str] = []
        for value in self.values:
            for earlier in told:
                value = value.removeprefix(earlier).strip()
            if value:
                told.append(value)
        return " ; ".join(told)

    @cached_property
    def title_words(self) -> tuple[str, ...]:
        return words_of(self.title)

    @cached_property
    def words(self) -> tuple[str, ...]:
        return words_of(self.text)

    @cached_property
    def codes(self) -> frozenset[str]:
        """Model codes of the title; of the whole text where the title has none."""
        return codes_of(self.title_words) or codes_of(self.words)

    @cached_property
    def numbers(self) -> frozenset[str]:
        """Numbers of the title that are part of no code."""
        return numbers_of(self.title_words)

    @cached_property
    def price(self) -> float | None:
        """The first value of a column called a price, where it is above zero."""
        for column, value in zip(self.columns, self.values, strict=True):
            if "price" in column.lower() and (found := _NUMBER.search(value.replace(",", ""))):
                return float(found[0]) or None
        return None


def listing_of(written: str) -> Listing:
    """Read ``COL a VAL x COL b VAL y``; a text without such marks is a title."""
    parts = _COLUMN.split(written)
    if len(parts) == 1:
        return Listing(("title",), (_as_read(written),))
    if parts[0].strip():
        raise InputError(
            "a listing begins before its first column",
            where=written[:60],
            next_step="write COL name VAL value for every column",
        )
    return Listing(tuple(parts[1::2]), tuple(map(_as_read, parts[2::2])))


def listing_from(fields: Mapping[str, str]) -> Listing:
    """A listing of named values, the title first; what is empty is left out."""
    read = {name: value for name, text in fields.items() if (value := _as_read(text))}
    return Listing(tuple(read), tuple(read.values()))


def words_of(text: str) -> tuple[str, ...]:
    """Words in small letters; hyphens and dots inside a word stay."""
    return tuple(_WORD.findall(text.lower())[:_MOST_WORDS])


def codes_of(words: tuple[str, ...]) -> frozenset[str]:
    """Words with letters and digits, or of five digits and more, without what joins their parts."""
    found = set()
    for word in words:
        plain = re.sub(r"[-./]", "", word)
        digits = sum(c.isdigit() for c in plain)
        is_mixed = 0 < digits < len(plain) and not _SIZED.fullmatch(plain)
        if len(plain) >= LEAST_CODE and (
            is_mixed or (digits == len(plain) and digits > LEAST_CODE)
        ):
            found.add(plain)
    return frozenset(found)


def numbers_of(words: tuple[str, ...]) -> frozenset[str]:
    """Numbers in words that are no code, written one way: "7.0" and "7" are the same."""
    found: set[str] = set()
    for word in words:
        if not codes_of((word,)):
            found.update(_plain_number(number) for number in _NUMBER.findall(word))
    return frozenset(found)


def _as_read(value: str) -> str:
    return told(readable(value).lower())


def _plain_number(written: str) -> str:
    return written.rstrip("0").rstrip(".") if "." in written else written
