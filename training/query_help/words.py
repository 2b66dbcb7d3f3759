"""How a query is cut into words, the same for every kind of help. Pure."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from training.encoder.readable import readable

MOST_QUERY = 512  # characters of a query that are read; requests with more are refused anyway
WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Word:
    """``text`` in small letters stands at ``start``..``end`` of the folded query."""

    start: int
    end: int
    text: str


def folded(query: str) -> str:
    """The query in small letters, one form for each character, nothing invisible."""
    return readable(readable(query, MOST_QUERY).casefold(), MOST_QUERY)


def placed_words(folded_query: str) -> list[Word]:
    """Its words with where they stand."""
    return [Word(at.start(), at.end(), at[0]) for at in WORD.finditer(folded_query)]


def words_of(text: str) -> list[str]:
    """The words of a query or title, in order."""
    return WORD.findall(folded(text))


def replaced(folded_query: str, word: Word, text: str) -> str:
    """The query with one word written otherwise; an empty text takes its space along."""
    begin, end = folded_query[: word.start], folded_query[word.end :]
    return f"{begin}{text}{end}" if text else " ".join(f"{begin}{end}".split())


def phrases_of(words: list[str], longest: int) -> Iterator[tuple[int, str]]:
    """Every run of at most ``longest`` words, with its first word's place."""
    for start in range(len(words)):
        for count in range(1, min(longest, len(words) - start) + 1):
            yield start, " ".join(words[start : start + count])


@lru_cache(maxsize=65_536)  # letters met: a few hundred, unless someone types all of Unicode
def script_of(letter: str) -> str:
    """``LATIN``, ``CYRILLIC``, ``CJK``: the first word of a letter's name; empty without one."""
    return unicodedata.name(letter, "").split(" ", 1)[0]
