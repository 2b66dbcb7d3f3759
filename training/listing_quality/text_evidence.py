"""What one listing's own text says about its quality, as named numbers. Pure.

``evidence.py`` adds what goes with what in the catalogue and an encoder's view.
"""

import math
import re
from itertools import pairwise

import numpy as np

from training.listing_quality.foreign_words import SMALL_WORDS
from training.listing_quality.listing import DEFECTS, Listing, has_digit, text_of, words_of
from training.listing_quality.rules import (
    MARKUP,
    MEASURE,
    NO_BRAND,
    Known,
    brand_at_start,
    signs_of,
    size_of,
)  # fmt: skip
from training.listing_quality.word_statistics import Letters


def text_evidence(one: Listing, known: Known, letters: Letters) -> dict[str, float]:
    """Counts and shares by name, in a fixed order; NaN where one does not apply."""
    title, description = text_of(one.title), text_of(one.description)
    signs = signs_of(one, known)
    row = {f"sign_{defect}": float(len(signs.get(defect, ()))) for defect in DEFECTS}
    row |= _string(title, description)
    row |= _words(one, title, description, known, letters)
    row |= _brand(one, title, known)
    return row | _measures(one, title, description, known)


def _string(title: str, description: str) -> dict[str, float]:
    letters = [letter for letter in title if letter.isalpha()]
    words = title.split()
    size = max(len(title), 1)
    return {
        "length": len(title),
        "words": len(words),
        "upper_share": sum(letter.isupper() for letter in letters) / max(len(letters), 1),
        "loud_words": sum(len(word) > 4 and word.isalpha() and word.isupper() for word in words),
        "digit_share": sum(letter.isdigit() for letter in title) / size,
        "mark_share": sum(not c.isalnum() and not c.isspace() for c in title) / size,
        "exclamations": title.count("!"),
        "separators": sum(title.count(mark) for mark in ",|/#*"),
        "tags": len(MARKUP.findall(title)) + title.count("**"),
        "description_length": len(description),
        "description_tags": len(MARKUP.findall(description)),
        "unbalanced": abs(title.count("(") - title.count(")")),
        "not_ascii_share": sum(not letter.isascii() for letter in title) / size,
    }


def _words(
    one: Listing, title: str, description: str, known: Known, letters: Letters
) -> dict[str, float]:
    vocabulary, brand = known.vocabulary, text_of(one.brand).casefold()
    folded = [word.casefold() for word in words_of(title)]
    plain = [word for word in folded if len(word) > 2 and word.isalpha() and word not in brand]
    unknown = [word for word in plain if not vocabulary.is_known(word)]
    rare = [math.log1p(vocabulary.counts.get(word, 0)) for word in plain]
    odd = [letters.surprise(word) for word in plain]
    told = {word.casefold() for word in words_of(description)}
    pairs = list(pairwise(folded))
    last = folded[-1] if folded else ""
    return {
        "unknown_words": len(unknown),
        "unknown_share": len(unknown) / max(len(plain), 1),
        "unknown_alike": sum(bool(vocabulary.alike(word)) for word in unknown),
        "unknown_pairs": sum(f"{a} {b}" not in vocabulary.pairs for a, b in pairs)
        / max(len(pairs), 1),
        "rarest": min(rare, default=math.nan),
        "rarity": float(np.mean(rare)) if rare else math.nan,
        "surprise_most": max(odd, default=math.nan),
        "surprise_mean": float(np.mean(odd)) if odd else math.nan,
        "last_known": float(vocabulary.is_known(last)),
        "last_begins": float(last.isalpha() and vocabulary.is_beginning(last)),
        "last_is_small": float(last in {"with", "and", "for", "the", "of", "to", "in"}),
        "last_cut": float(
            bool(last) and last not in told and any(word.startswith(last) for word in told)
        ),
        "last_length": len(last),
        "foreign_words": sum(word in SMALL_WORDS for word in folded),
        "known_share": sum(map(vocabulary.is_known, folded)) / max(len(folded), 1),
        "bigrams_twice": len(pairs) - len(set(pairs)),
        "words_twice": len(folded) - len(set(folded)),
        "title_is_description": float(title == description),
        "shared_words": len(told & set(folded)) / max(len(set(folded)), 1),
        "codes": sum(has_digit(word) for word in folded) / max(len(folded), 1),
        "plain_words": len(plain) - len(unknown),
    }


def _brand(one: Listing, title: str, known: Known) -> dict[str, float]:
    brand, folded = text_of(one.brand).casefold(), title.casefold()
    start = brand_at_start(title, known)
    words = {word.casefold() for word in words_of(title)}
    return {
        "brand_blank": float(brand in NO_BRAND),
        "brand_in_title": float(bool(brand) and brand in folded),
        "brand_at_start": float(bool(brand) and folded.startswith(brand)),
        "other_at_start": float(bool(start) and start not in brand and brand not in start),
        "brands_named": sum(word in known.brands for word in words),
        "brand_listings": math.log1p(known.brands.get(brand, 0)),
    }


def _measures(one: Listing, title: str, description: str, known: Known) -> dict[str, float]:
    found = list(MEASURE.finditer(title))
    seen = [known.units.get(at[2].casefold(), 0) for at in found]
    told = f"{description} {' '.join(value for _, value in one.attributes)}"
    numbers = [at[1].lstrip("-") for at in found]
    tight = re.sub(r"\s", "", description.casefold())
    written = [number + at[2].casefold() for number, at in zip(numbers, found, strict=True)]
    return {
        "measures": len(found),
        "rarest_unit": math.log1p(min(seen)) if seen else math.nan,
        "largest": max((math.log1p(size_of(number)) for number in numbers), default=math.nan),
        "negative": sum(at[1].startswith("-") for at in found),
        "measures_told": sum(one in tight for one in written),
        "measures_told_otherwise": sum(
            one not in tight
            and re.search(rf"(?<![\d.,]){re.escape(number)}[a-z\"]", tight) is not None
            for one, number in zip(written, numbers, strict=True)
        ),
        "numbers_told": float(np.mean([number in told for number in numbers]))
        if numbers
        else math.nan,
    }
