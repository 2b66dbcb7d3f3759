"""Signs of defects that a person can point at: the words or characters that show each.

They are the floor that a model must beat, the words shown beside a named defect, and the sieve for
defects that are in a catalogue by nature. Pure.
"""

import html
import re
from collections import Counter
from dataclasses import dataclass

from training.listing_quality.foreign_words import SMALL_WORDS
from training.listing_quality.listing import Listing, has_digit, text_of, words_of
from training.listing_quality.word_statistics import Vocabulary

Signs = dict[str, tuple[str, ...]]  # by defect: what shows it

MARKUP = re.compile(
    r"</?[A-Za-z][\w:-]*(?:\s[^<>]{0,200})?/?>|&(?:[a-z]{2,8}|#\d{1,6});|\[/?[bi]\]|\*\*"
)
MEASURE = re.compile(r"(?<![\w.,])(-?\d{1,15}(?:[.,]\d{1,15})?)\s?([A-Za-zµ\"]{1,6})(?!\w)")
_DOUBLED = re.compile(r"(?<![\w.,])\d+(?:[.,]\d+)?\s?([A-Za-z]{1,4})\s\1(?!\w)")
_NEGATIVE = re.compile(
    r"(?<=\s)-\d+(?:[.,]\d+)?\s?(?:[kMGT]?[BWVgm]|mm|cm|ml|MHz|GHz|OZ|CT|ft)(?!\w)"
)
_OPEN_END = re.compile(r"(?:\.\.\.|…|[(,&/+-]|\b(?:with|and|for|the|of|in|to|by))\s*$")
_OFFERS = re.compile(
    r"\b(?:best|cheap\w*|sale|buy now|top quality|hot deal|discount|bestseller|must have"
    r"|(?:limited )?offer|lowest price|gift idea|promo|free shipping)\b",
    re.IGNORECASE,
)
NO_BRAND = frozenset(("", "n/a", "na", "-", "?", "unknown", "none", "unbranded", "tbd", "generic"))
PLAIN = frozenset(("missing_brand", "bare_code", "shouting", "markup"))  # seen without a doubt
_SPELLINGS = """
b kb mb gb tb mg g kg oz lb lbs ml cl l gal m mm cm km in ft hz khz mhz ghz w kw v kv va kva ah mah
"""
_UNITS = frozenset(_SPELLINGS.split())
_LARGEST = 1e5  # a number with a unit above this is hardly a size


@dataclass(frozen=True)
class Known:
    """The catalogue's words and brands, in small letters, as rules need them."""

    vocabulary: Vocabulary
    brands: dict[str, int]  # listings of each brand
    has_titled_brands: bool
    units: dict[str, int]  # listings with a number of each unit
    usual: frozenset[str] = frozenset()  # defects that this catalogue has as a habit


def signs_of(listing: Listing, known: Known) -> Signs:
    """What shows in a listing, by defect; a defect without a sign is absent."""
    title, description = text_of(listing.title), text_of(listing.description)
    words = words_of(title)
    found = {
        "missing_brand": _no_brand(listing, title, known),
        "wrong_brand": _other_brand(listing, words, known),
        "bare_code": _bare(listing, words, known),
        "keyword_stuffing": tuple(at[0] for at in _OFFERS.finditer(title)),
        "shouting": _loud(title, words),
        "markup": tuple(at[0] for at in MARKUP.finditer(f"{title} {description}")),
        "truncation": _cut(title, words, description, known.vocabulary),
        "mixed_language": tuple(word for word in words if word.casefold() in SMALL_WORDS),
        "unit_nonsense": _odd_units(title),
        "misspelling": _misspelt(words, known.vocabulary),
        "duplicate": _twice(words),
    }
    return {defect: shown for defect, shown in found.items() if shown}


def brand_at_start(title: str, known: Known) -> str:
    """The known brand in small letters that a title begins with, the longest; else empty."""
    words = title.casefold().split()
    for count in range(min(4, len(words)), 0, -1):
        if (opening := " ".join(words[:count])) in known.brands:
            return opening
    return ""


def decoded(text: str) -> str:
    """The text without tags and with entities read."""
    plain = re.sub(MARKUP, lambda at: "" if at[0] == "**" else _as_text(at[0]), text)
    return " ".join(re.sub(MARKUP, lambda at: _as_text(at[0]), plain).split())


def _as_text(mark: str) -> str:
    return html.unescape(mark) if mark.startswith("&") else " "


def _no_brand(listing: Listing, title: str, known: Known) -> tuple[str, ...]:
    brand = text_of(listing.brand).casefold()
    if brand in NO_BRAND:
        return (f"brand {listing.brand!r}",)
    if known.has_titled_brands and brand not in title.casefold():
        return (f"{listing.brand} is not in the title",)
    return ()


def _other_brand(listing: Listing, words: list[str], known: Known) -> tuple[str, ...]:
    brand = text_of(listing.brand).casefold()
    start = brand_at_start(" ".join(words), known)
    if start and brand not in NO_BRAND and start not in brand and brand not in start:
        return (start,)
    return ()


def _bare(listing: Listing, words: list[str], known: Known) -> tuple[str, ...]:
    brand = text_of(listing.brand).casefold()
    said = [
        word for word in words
        if len(word) > 2 and not has_digit(word) and word.casefold() not in brand
        and known.vocabulary.is_known(word.casefold())
    ]  # fmt: skip
    codes = tuple(word for word in words if has_digit(word) and len(word) > 3)
    return codes if not said and codes else ()


def _loud(title: str, words: list[str]) -> tuple[str, ...]:
    loud = tuple(word for word in words if len(word) > 4 and word.isalpha() and word.isupper())
    letters = [letter for letter in title if letter.isalpha()]
    if "!!" in title:
        return (*loud, "!!")
    share = sum(letter.isupper() for letter in letters) / max(len(letters), 1)
    return loud if loud and (share > 0.8 or len(loud) >= 3) else ()


def _cut(title: str, words: list[str], description: str, vocabulary: Vocabulary) -> tuple[str, ...]:
    if at := _OPEN_END.search(title):
        return (at[0].strip(),)
    last = words[-1].casefold() if words else ""
    is_cut = last.isalpha() and len(last) > 1 and vocabulary.is_beginning(last)
    told = {word.casefold() for word in words_of(description)}
    is_told = last.isalpha() and last not in told and any(_goes_on(last, word) for word in told)
    return (words[-1],) if is_cut or is_told else ()


def _goes_on(last: str, word: str) -> bool:
    """More than a plural."""
    return word.startswith(last) and len(word) > len(last) + 2


def _odd_units(title: str) -> tuple[str, ...]:
    odd = [at[0] for pattern in (_DOUBLED, _NEGATIVE) for at in pattern.finditer(title)]
    for at in MEASURE.finditer(title):
        if at[2].casefold() in _UNITS and size_of(at[1]) >= _LARGEST:
            odd.append(at[0])
    return tuple(odd)


def size_of(number: str) -> float:
    """The size of a number as written; a comma is a point."""
    return abs(float(number.replace(",", ".")))


def _misspelt(words: list[str], vocabulary: Vocabulary) -> tuple[str, ...]:
    return tuple(
        word for word in words
        if len(word) >= 5 and word.isalpha() and not word.isupper()
        and vocabulary.counts.get(word.casefold(), 0) < 2 and vocabulary.alike(word.casefold())
    )  # fmt: skip


def _twice(words: list[str]) -> tuple[str, ...]:
    folded = [word.casefold() for word in words]
    threes = Counter(zip(folded, folded[1:], folded[2:], strict=False))
    return tuple(" ".join(three) for three, count in threes.items() if count > 1)
