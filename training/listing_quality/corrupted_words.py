"""Defects within a title's words: cut, mixed, misspelt, repeated, or with absurd units. Pure.

Each takes a case and gives the listing with the defect, or None where it cannot have it;
``corruptions.py`` names them all.
"""

import re
from dataclasses import replace

from training.listing_quality.foreign_words import PHRASES, TAUGHT, TRANSLATIONS, UNSEEN
from training.listing_quality.listing import Listing
from training.listing_quality.planted import Case, Draw

_MEASURE = re.compile(r"(?<![\w.,-])(\d+(?:[.,]\d+)?)(\s?)([A-Za-zµ\"]{1,6}|oz)\b(?!\w)")
_UNITS = ("GB", "MB", "kg", "g", "ml", "m", "mm", "cm", "MHz", "GHz", "W", "V", "OZ", "CT", "ft")
_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def truncation(case: Case) -> Listing | None:
    """The title ends within a word; unseen: with dots, or after a word that wants another."""
    one, draw = case.listing, case.draw
    places = [at for at in re.finditer(r"[^\W\d_]{5,}", one.title) if at.start() > 8]
    if not places:
        return None
    at = places[int(draw.integers(len(places)))]
    cut = at.start() + int(draw.integers(2, len(at[0]) - 1))
    if not case.is_unseen:
        return replace(one, title=one.title[:cut])
    ends = ("...", "…", " with", " and", " (", " for the")
    whole = one.title[: at.start()].rstrip(" ,(-")
    return replace(one, title=whole + str(draw.choice(ends)))


def mixed_language(case: Case) -> Listing | None:
    """Words of another language among the title's, or a phrase; unseen: other languages."""
    one, draw = case.listing, case.draw
    language = str(draw.choice(UNSEEN if case.is_unseen else TAUGHT))
    known = TRANSLATIONS[language]
    words = one.title.split(" ")
    places = [at for at, word in enumerate(words) if word.casefold().strip(",.") in known]
    if len(places) >= 2:
        words = [
            known[word.casefold().strip(",.")] if at in places else word
            for at, word in enumerate(words)
        ]
        return replace(one, title=" ".join(words))
    phrase = PHRASES[language][int(draw.integers(len(PHRASES[language])))]
    return replace(one, title=f"{one.title} {phrase}")


def unit_nonsense(case: Case) -> Listing | None:
    """A number's unit is of another kind, or it is absurdly large; unseen: negative or doubled."""
    one, draw = case.listing, case.draw
    places = [at for at in _MEASURE.finditer(one.title) if at[3] in _UNITS]
    if not places:
        return None
    at = places[int(draw.integers(len(places)))]
    number, space, unit = at.groups()
    if case.is_unseen:
        absurd = f"-{number}{space}{unit}" if draw.random() < 0.5 else f"{number} {unit} {unit}"
    elif draw.random() < 0.5:
        others = [other for other in _UNITS if other.casefold() != unit.casefold()]
        absurd = f"{number}{space}{others[int(draw.integers(len(others)))]}"
    else:
        absurd = f"{number}{'0' * int(draw.integers(3, 7))}{space}{unit}"
    return replace(one, title=one.title[: at.start()] + absurd + one.title[at.end() :])


def misspelling(case: Case) -> Listing | None:
    """One or two longer words with swapped, lost or doubled letters; unseen: a neighbouring key,
    a letter too many, a vowel for another."""
    one, draw = case.listing, case.draw
    places = [
        at for at in re.finditer(r"(?<![\w-])[a-zA-Z][a-z]{4,}(?![\w-])", one.title)
        if at[0].casefold() not in one.brand.casefold()
    ]  # fmt: skip
    if not places:
        return None
    chosen = draw.choice(len(places), min(len(places), int(draw.integers(1, 3))), replace=False)
    title = one.title
    for place in sorted(chosen.tolist(), reverse=True):
        at = places[place]
        title = (
            title[: at.start()]
            + _misspelt(at[0], draw, is_unseen=case.is_unseen)
            + title[at.end() :]
        )
    return replace(one, title=title)


def duplicate(case: Case) -> Listing | None:
    """The title or a phrase of it stands twice; unseen: a later half again, or with a mark."""
    one, draw = case.listing, case.draw
    words = one.title.split()
    if len(words) < 4:
        return None
    if case.is_unseen:
        half = " ".join(words[len(words) // 2 :])
        return replace(one, title=f"{one.title} - {half if draw.random() < 0.5 else one.title}")
    if draw.random() < 0.5:
        return replace(one, title=f"{one.title} {one.title}")
    at = int(draw.integers(len(words) - 2))
    phrase = words[at : at + 3]
    return replace(one, title=" ".join([*words[: at + 3], *phrase, *words[at + 3 :]]))


def _misspelt(word: str, draw: Draw, *, is_unseen: bool) -> str:
    at = int(draw.integers(1, len(word) - 1))
    kind = int(draw.integers(3))
    if not is_unseen:
        swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        return (swapped, word[:at] + word[at + 1 :], word[: at + 1] + word[at:])[kind]
    row = next((keys for keys in _KEYS if word[at] in keys), "aeiou")
    near = row[(row.find(word[at]) + 1) % len(row)]
    vowel = re.sub("[aeiou]", lambda found: "eioua"["aeiou".index(found[0])], word[1:], count=1)
    return (word[:at] + near + word[at + 1 :], word[:at] + near + word[at:], word[0] + vowel)[kind]
