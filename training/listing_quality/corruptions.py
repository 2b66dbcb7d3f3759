"""Documented defects planted into real listings: one function a defect, seeded by its draw.

    planted = plant("shouting", listing, Sources.of(catalogue), np.random.default_rng(0))

The truth is kept in :class:`Planted`: the defect, its form and the listing before. Every defect has
forms that a model is taught and others that it only meets when judged (``is_unseen``). A defect
that cannot show in a listing (units where there are none) gives None. Pure.
"""

import re
from collections.abc import Callable
from dataclasses import replace

from training.listing_quality.corrupted_words import (
    duplicate,
    misspelling,
    mixed_language,
    truncation,
    unit_nonsense,
)  # fmt: skip
from training.listing_quality.listing import Listing, family_of, has_digit, words_of
from training.listing_quality.planted import Case, Draw, Planted, Sources

_CODE = re.compile(r"[A-Za-z]*\d[\w/-]{2,}")
_PLACEHOLDERS = ("", "", "n/a", "-", "unknown")
_PLACEHOLDERS_UNSEEN = ("none", "Unbranded", "tbd", "?", "Generic")
_SHOUTS = ("best", "cheap", "sale", "buy now", "top quality", "new", "hot deal", "discount")
_SHOUTS_UNSEEN = ("bestseller", "must have", "limited offer", "lowest price", "gift idea", "promo")
_TAGS = (
    ("<b>", "</b>"),
    ("<p>", "</p>"),
    ("<br/>", ""),
    ("<ul><li>", "</li></ul>"),
    ("", "&nbsp;"),
)
_TAGS_UNSEEN = (
    ('<span style="color:red">', "</span>"), ("[b]", "[/b]"), ("<h2 class='t'>", "</h2>"),
    ("&lt;b&gt;", "&lt;/b&gt;"), ("**", "**"), ("<font size=3>", ""),
)  # fmt: skip


def plant(
    defect: str, listing: Listing, sources: Sources, draw: Draw, *, is_unseen: bool = False
) -> Planted | None:
    """``listing`` with the defect, or None where it cannot have it or would not change."""
    changed = CORRUPTIONS[defect](Case(listing, sources, draw, is_unseen))
    if changed is None or changed == listing:
        return None
    return Planted(changed, listing, defect, is_unseen)


def missing_brand(case: Case) -> Listing | None:
    """The title loses its brand, or the field is empty or says nothing, or both."""
    one, draw = case.listing, case.draw
    if not one.brand:
        return None
    form = int(draw.integers(3)) if case.sources.has_titled_brands else 1
    blank = str(draw.choice(_PLACEHOLDERS_UNSEEN if case.is_unseen else _PLACEHOLDERS))
    title = one.title if form == 1 else _without(one.title, one.brand)
    if form != 1 and title == one.title:
        return None
    return replace(one, title=title, brand=one.brand if form == 0 else blank)


def wrong_brand(case: Case) -> Listing | None:
    """Another brand stands in title, field or both; unseen: an imitation of it, or two brands."""
    one, draw = case.listing, case.draw
    others = [brand for brand in case.sources.brands if brand.casefold() != one.brand.casefold()]
    if not one.brand or len(others) < 5:  # National and Private are classes, no brands
        return None
    other = others[int(draw.integers(len(others)))]
    if case.is_unseen and draw.random() < 0.5:
        return replace(one, title=f"{other} {one.title}")
    if case.is_unseen:
        at = int(draw.integers(1, max(len(one.brand), 2)))
        other = one.brand[:at] + one.brand[at - 1] + one.brand[at:]
    title = re.sub(re.escape(one.brand), lambda _: other, one.title, flags=re.IGNORECASE)
    form = 2 if case.is_unseen else int(draw.integers(3))
    return replace(
        one,
        title=one.title if form == 1 else title,
        brand=one.brand if form == 0 else other,
    )


def bare_code(case: Case) -> Listing | None:
    """Only a maker's code is left of the title; unseen: brand, code and half a description."""
    one, draw = case.listing, case.draw
    codes = [code for code in _CODE.findall(one.title) if len(code) >= 4]
    code = codes[0] if codes else f"{one.item_id[-6:]}{chr(65 + int(draw.integers(26)))}"
    if len(words_of(one.title)) < 4:
        return None
    if case.is_unseen:
        words = one.description.split()
        return replace(one, title=f"{one.brand} {code}".strip(), description=" ".join(words[:2]))
    brand = one.brand if draw.random() < 0.5 else ""
    keeps = draw.random() < 0.3
    return replace(
        one, title=f"{brand} {code}".strip(), description=one.description if keeps else ""
    )


def keyword_stuffing(case: Case) -> Listing | None:
    """Search words and other brands are heaped onto the title; unseen: other words and marks."""
    one, draw = case.listing, case.draw
    mark = str(draw.choice([" | ", " #", " * "] if case.is_unseen else [", ", " ", " / "]))
    offers = draw.choice(_SHOUTS_UNSEEN if case.is_unseen else _SHOUTS, 3, replace=False).tolist()
    other = case.sources.listings[int(draw.integers(len(case.sources.listings)))]
    others = [word for word in words_of(other.title) if not has_digit(word)][:4]
    brands = draw.choice(
        case.sources.brands, min(len(case.sources.brands), 3), replace=False
    ).tolist()
    heap = [*offers[: int(draw.integers(1, 4))], *others, *(brands if draw.random() < 0.5 else [])]
    heap = [str(word) for word in draw.permutation(heap)]
    return replace(one, title=one.title + mark + mark.join(heap)) if len(heap) > 3 else None


def shouting(case: Case) -> Listing | None:
    """The title or more than half of it in capitals; unseen: longer words only, or just "!!!"."""
    one, draw = case.listing, case.draw
    letters = [letter for letter in one.title if letter.isalpha()]
    if sum(letter.islower() for letter in letters) < 8:
        return None
    if not case.is_unseen and draw.random() < 0.3:
        words = [word.upper() if draw.random() < 0.6 else word for word in one.title.split()]
        return replace(one, title=" ".join(words))
    if not case.is_unseen:
        loud = one.title.upper() + ("!" * int(draw.integers(4)) if draw.random() < 0.3 else "")
        return replace(one, title=loud)
    if draw.random() < 0.5:
        return replace(one, title=f"{one.title}!!!")
    words = [word.upper() if len(word) > 4 else word for word in one.title.split()]
    return replace(one, title=" ".join(words))


def markup(case: Case) -> Listing | None:
    """Tags or entities in the title or description; unseen: other tags, BBCode, Markdown."""
    one, draw = case.listing, case.draw
    pairs = _TAGS_UNSEEN if case.is_unseen else _TAGS
    opened, closed = pairs[int(draw.integers(len(pairs)))]
    field = "description" if one.description and draw.random() < 0.4 else "title"
    words = getattr(one, field).split()
    if len(words) < 2:
        return None
    at, to = sorted(draw.choice(len(words) + 1, 2, replace=False).tolist())
    marked = " ".join([*words[:at], opened + " ".join(words[at:to]) + closed, *words[to:]])
    return replace(one, title=marked) if field == "title" else replace(one, description=marked)


def wrong_category(case: Case) -> Listing | None:
    """Category or data sheet of quite another item; unseen: of one that shares some of it."""
    one, draw = case.listing, case.draw
    mine = set(one.kinds)
    if len(mine) < 3:
        return None
    for place in draw.integers(len(case.sources.listings), size=20):
        other = case.sources.listings[int(place)]
        theirs = set(other.kinds)
        share = len(mine & theirs) / max(len(mine | theirs), 1)
        is_fit = 0.1 < share < 0.35 if case.is_unseen else share <= 0.1
        if len(theirs) >= 3 and is_fit and family_of(other) != family_of(one):
            return replace(one, category=other.category, attributes=other.attributes)
    return None


CORRUPTIONS: dict[str, Callable[[Case], Listing | None]] = {
    one.__name__: one
    for one in (
        missing_brand, wrong_brand, bare_code, keyword_stuffing, shouting, markup, truncation,
        mixed_language, wrong_category, unit_nonsense, misspelling, duplicate,
    )
}  # fmt: skip


def _without(title: str, brand: str) -> str:
    pattern = rf"(?<!\w){re.escape(brand)}(?!\w)"
    return " ".join(re.sub(pattern, " ", title, flags=re.IGNORECASE).split())
