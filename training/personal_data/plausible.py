"""What every value of a kind has, applied to what a tagger says: rules of form, not of words.

Dimensions: none. Pure. A card without digits is none; in a text that uses capitals a name has one;
an address that goes on past its street takes in its own pieces; "Inc." keeps its point.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from training.personal_data.found import Found

_FEWEST_DIGITS = {"CREDIT_CARD": 12, "IBAN_CODE": 8, "PHONE_NUMBER": 6, "US_SSN": 9, "AGE": 1,
                  "IP_ADDRESS": 1, "ZIP_CODE": 1, "US_DRIVER_LICENSE": 1}  # fmt: skip
_NAMES = frozenset({"PERSON", "ORGANIZATION", "GPE"})
_ADDRESS = "STREET_ADDRESS"
_CAPITALS = 2  # capitalised words, "I" and the first word apart, from which a text uses capitals
_CAPITALISED = re.compile(r"(?<!\w)[^\W\d_]\w+")
_HAS_DIGIT = re.compile(r"\d")
_HAS_WORD = re.compile(r"[^\W\d_]{4}")
_SHORT = 12  # characters: "PSC 12, Box 7 APO" stands alone, "16.5 OZ" does not
_NEAR = 5  # characters between two pieces of an address: a comma, a line's end, a quotation mark
_ABBREVIATED = re.compile(r"\b(?:Inc|Ltd|Co|Corp|Bros|Cie)$", re.IGNORECASE)
_BETWEEN = re.compile(r"[\s,]*")
_ANY = re.compile(r"\S+")
_AND = re.compile(r",?\s+and\s+")
_NO_DATE = re.compile(r"\d{1,3}|(?:\d\d)?\d0s")  # an amount, or a decade, which tells of no day
_PARTICLES = frozenset(
    {"al", "bin", "da", "de", "del", "den", "der", "di", "dos", "du", "el", "la", "le", "ten",
     "van", "von", "zu"}
)  # fmt: skip
_WHOLE = re.compile(
    r"[^\W\d].*\d.*[\s,]+[^\W\d]{3}"  # street, number, then another word
    r"|\d.*[^\W\d]{3}.*,\s*[^\W\d]{3}"  # number, street, comma, town
    r"|\d.*[^\W\d]{3}.*\b(?:apt|suite|unit|flat|floor)\b\.?\s*\d",
    re.DOTALL | re.IGNORECASE,
)


def plausible(text: str, found: Sequence[Found]) -> list[Found]:
    """Of a tagger's spans those that can be of their kind, pieces of an address joined."""
    has_capitals = _uses_capitals(text)
    found = [_with_its_point(text, one) for span in found for one in _taken_apart(text, span)]
    possible = [
        f for f in found if _is_possible(text[f.start : f.end], f.kind, has_capitals=has_capitals)
    ]
    joined: list[Found] = []
    for span in possible:
        last = joined[-1] if joined else None
        if last is not None and _goes_on(text, last, span):
            joined[-1] = replace(last, end=span.end)
        else:
            joined.append(span)
    return [span for at, span in enumerate(joined) if _is_no_fragment(text, joined, at)]


def _is_no_fragment(text: str, found: Sequence[Found], at: int) -> bool:
    """Whether a piece of an address, "3482" or "Apt. 7", stands beside another span.

    Alone it is a size or a quantity: titles are full of them. One word is no address anywhere.
    """
    span = found[at]
    value = text[span.start : span.end]
    if span.kind == _ADDRESS and value.isalpha():
        return False
    if span.kind != _ADDRESS or len(span) >= _SHORT or _HAS_WORD.search(value):
        return True
    beside = [*found[max(at - 1, 0) : at], *found[at + 1 : at + 2]]
    return any(max(s.start - span.end, span.start - s.end) <= _NEAR for s in beside)


def _is_possible(value: str, kind: str, *, has_capitals: bool) -> bool:
    if sum(c.isdecimal() for c in value) < _FEWEST_DIGITS.get(kind, 0):
        return False
    if kind == "IP_ADDRESS" and value.count(".") != 3 and value.count(":") < 2:
        return False
    if kind == "PERSON" and sum(c.isalpha() for c in value) < 2:
        return False
    if kind == "DATE_TIME" and _NO_DATE.fullmatch(value):
        return False
    # a script without case, as Chinese, is neither lower nor upper
    return not (has_capitals and kind in _NAMES and value.islower())


def _uses_capitals(text: str) -> bool:
    words = [m.group() for m in _CAPITALISED.finditer(text) if m.start() > 0]
    return sum(word[0].isupper() for word in words) >= _CAPITALS


def _goes_on(text: str, last: Found, span: Found) -> bool:
    """Whether ``span`` is a piece of the address that ``last`` is, or begins.

    Words without a number are no address of their own. A house number read as one span before an
    address with a unit or town is part of it, as are towns and codes after such an address. Street
    and number alone take in nothing.
    """
    if last.kind != _ADDRESS or not _BETWEEN.fullmatch(text, last.end, span.start):
        return False
    one, other = text[last.start : last.end], text[span.start : span.end]
    if _is_whole(one):
        return span.kind in (_ADDRESS, "GPE", "ZIP_CODE")
    if span.kind != _ADDRESS:
        return False
    return not _HAS_DIGIT.search(one) or (one.isdecimal() and _is_whole(other))


def _taken_apart(text: str, span: Found) -> list[Found]:
    """Two addresses joined by "and" as two, and a name without the small words around it."""
    value = text[span.start : span.end]
    if span.kind == _ADDRESS and (joint := _AND.search(value)):
        parts = value[: joint.start()], value[joint.end() :]
        if all(_HAS_DIGIT.search(part) and _HAS_WORD.search(part) for part in parts):
            second = replace(span, start=span.start + joint.end())
            return [replace(span, end=span.start + joint.start()), *_taken_apart(text, second)]
    return [_without_small_words(text, span) if span.kind == "PERSON" else span]


def _without_small_words(text: str, span: Found) -> Found:
    """From its first word with a capital, or the particles before it, to its last one."""
    words = list(_ANY.finditer(text, span.start, span.end))
    large = [at for at, word in enumerate(words) if not word.group()[0].islower()]
    if not large:
        return span
    first = large[0]
    while first and words[first - 1].group() in _PARTICLES:
        first -= 1
    return replace(span, start=words[first].start(), end=words[large[-1]].end())


def _with_its_point(text: str, span: Found) -> Found:
    value = text[span.start : span.end]
    is_short = span.kind == "ORGANIZATION" and _ABBREVIATED.search(value)
    return replace(span, end=span.end + 1) if is_short and text[span.end :][:1] == "." else span


def _is_whole(address: str) -> bool:
    """Street with number, and a unit or town after it."""
    return bool(_WHOLE.search(address))
