"""Proposals that repair a listing, each with its reason and confidence. Knows no files.

    proposals = propose(listing, knowledge, extractor)

A proposal changes nothing. ``governance/repair_ledger.py`` applies one when a person accepts it,
and takes it back. What a listing's text says is never followed, only read for its words.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from training.attributes.model import Extractor, extract, is_one_value, values_of
from training.listing_quality.listing import Listing, has_digit, text_of, words_of
from training.listing_quality.rules import NO_BRAND, brand_at_start, signs_of
from training.listing_repairs.knowledge import SURE_BRAND, Knowledge
from training.listing_repairs.spelling import corrections
from training.listing_repairs.writing import (
    with_units,
    without_markup,
    without_repetition,
    without_shouting,
)  # fmt: skip

ATTRIBUTE_FROM = 0.98  # half of all titles state one: then 1 % of listings get a wrong value
_LONGEST_CLAUSE = 60  # characters of a description that a written title takes over
_MOST_CHARACTERS = 1_000  # of a field: a longer one is left to people


@dataclass(frozen=True)
class Proposal:
    """``before`` is the field's very text, ``after`` what it should be."""

    item_id: str
    field: str
    kind: str
    before: str
    after: str
    reason: str
    confidence: float


def propose(
    listing: Listing, knowledge: Knowledge, extractor: Extractor | None = None
) -> tuple[Proposal, ...]:
    """Every repair that a listing seems to need; none where it seems right."""
    if len(listing.title) > _MOST_CHARACTERS:
        return ()
    found = [
        *_written(listing, knowledge),
        *_spelt(listing, knowledge),
        *_branded(listing, knowledge),
        *_titled(listing, knowledge),
    ]
    if extractor is not None:
        found += _attributes(listing, extractor)
    return tuple(one for one in found if one.after != one.before and one.after.strip())


def repaired(listing: Listing, proposals: Iterable[Proposal]) -> Listing:
    """The listing with the proposals whose text still stands; attributes are added."""
    for one in proposals:
        if one.field.startswith("attributes."):
            pair = (one.field.removeprefix("attributes."), one.after)
            listing = replace(listing, attributes=(*listing.attributes, pair))
        elif field_of(listing, one.field) == one.before:
            listing = _with(listing, one.field, one.after)
    return listing


def mend(
    listing: Listing, knowledge: Knowledge, *, least: float = 0.0, rounds: int = 4
) -> tuple[Listing, tuple[Proposal, ...]]:
    """The listing after all proposals of at least a confidence, one after the other.

    For measuring what repairs would do; nothing is applied in a shop this way.
    """
    applied: list[Proposal] = []
    for _ in range(rounds):
        waiting = [one for one in propose(listing, knowledge) if one.confidence >= least]
        if not waiting:
            break
        for one in waiting:
            changed = repaired(listing, [one])
            if changed != listing:
                listing = changed
                applied.append(one)
    return listing, tuple(applied)


def field_of(listing: Listing, field: str) -> str:
    """The text of a field by its name in a proposal."""
    texts = {
        "title": listing.title, "description": listing.description,
        "brand": listing.brand, "category": listing.category,
    }  # fmt: skip
    return texts.get(field, "")


def _written(listing: Listing, knowledge: Knowledge) -> Iterable[Proposal]:
    """Markup, capitals, repetition and units, each on the text as it stands."""
    habits, vocabulary = knowledge.habits, knowledge.catalogue.known.vocabulary
    ways: Sequence[tuple[str, Callable[[str], str], str, float]] = (
        ("markup", without_markup, "tags and entities are no text", 0.98),
        ("repetition", without_repetition, "a phrase stands twice in a row", 0.9),
        ("units", lambda text: with_units(text, habits), "one way of writing units", 0.97),
    )
    for field in ("title", "description"):
        before = field_of(listing, field)
        if len(before) > _MOST_CHARACTERS:
            continue
        for kind, way, reason, confidence in ways:
            if field == "title" or kind == "markup":
                yield _proposal(listing, field, kind, way(before), reason, confidence)
    if "shouting" in signs_of(listing, knowledge.catalogue.known):
        after = without_shouting(listing.title, vocabulary, habits)
        yield _proposal(listing, "title", "shouting", after, "capitals say nothing more", 0.85)


def _spelt(listing: Listing, knowledge: Knowledge) -> Iterable[Proposal]:
    """All corrections of a title in one proposal: they were found beside each other."""
    found = corrections(listing, knowledge.catalogue.known.vocabulary)
    title = listing.title
    for one in found:
        title = re.sub(rf"(?<!\w){re.escape(one.word)}(?!\w)", one.right, title)
    if found:
        reason = "; ".join(f"{one.word} is {one.right}: {one.why}" for one in found)
        confidence = min(one.confidence for one in found)
        yield _proposal(listing, "title", "spelling", title, reason, confidence)


def _branded(listing: Listing, knowledge: Knowledge) -> Iterable[Proposal]:
    """The field from the title's beginning, or the title's beginning from the field."""
    known, habits = knowledge.catalogue.known, knowledge.habits
    title, brand = text_of(listing.title), text_of(listing.brand).casefold()
    start = brand_at_start(title, known)
    if brand in NO_BRAND:
        if start in habits.brands and known.brands[start] >= 3:
            reason = "the title begins with a known brand"
            yield _proposal(listing, "brand", "brand", habits.brands[start], reason, 0.95)
        return
    if not known.has_titled_brands or brand in title.casefold():
        return
    is_sure = habits.titled.get(brand, 0.0) >= SURE_BRAND
    written = habits.brands.get(brand, listing.brand)
    if not start and is_sure:
        reason = f"{habits.titled[brand]:.0%} of {written}'s titles name it"
        yield _proposal(listing, "title", "brand", f"{written} {listing.title}", reason, 0.9)
    elif not start:
        return
    elif (
        is_sure and knowledge.brand_pull(listing, brand) > knowledge.brand_pull(listing, start) + 1
    ):
        rest = title.split()[len(start.split()) :]  # by words: ß is longer in small letters
        reason = f"the words of the title are {written}'s, not {habits.brands.get(start, start)}'s"
        yield _proposal(listing, "title", "brand", " ".join([written, *rest]), reason, 0.8)
    elif knowledge.brand_pull(listing, start) > knowledge.brand_pull(listing, brand) + 1:
        reason = f"the title begins with {habits.brands.get(start, start)}, whose words it has"
        yield _proposal(listing, "brand", "brand", habits.brands.get(start, ""), reason, 0.8)


def _titled(listing: Listing, knowledge: Knowledge) -> Iterable[Proposal]:
    """Brand, code and the first clause of the description, where a title is a code alone."""
    known = knowledge.catalogue.known
    if "bare_code" not in signs_of(listing, known):
        return
    told = without_markup(listing.description)
    plain = [word for word in words_of(told) if not has_digit(word)]
    if sum(known.vocabulary.is_known(word.casefold()) for word in plain) < 2:
        return
    brand = "" if text_of(listing.brand).casefold() in NO_BRAND else text_of(listing.brand)
    clause = re.split(r"(?<=\w)[,;.]\s", told)[0]
    clause = clause[:_LONGEST_CLAUSE].rsplit(" ", 1)[0] if len(clause) > _LONGEST_CLAUSE else clause
    said = {word.casefold() for word in words_of(f"{brand} {clause}")}
    codes = [word for word in listing.title.split() if word.casefold() not in said]
    title = " ".join([part for part in (brand, *codes, clause) if part])
    reason = "brand, code, then what the description says it is"
    yield _proposal(listing, "title", "template", title, reason, 0.6)


def _attributes(listing: Listing, extractor: Extractor) -> Iterable[Proposal]:
    """The one value that the title surely states; ``before`` is empty, what is known stays."""
    known = {"brand", *(name for name, _ in listing.attributes)}
    read = extract(listing.title, extractor)
    for name in sorted({one.name for one in read} - known):
        surest = max((one for one in read if one.name == name), key=lambda one: one.confidence)
        if surest.confidence < ATTRIBUTE_FROM or not is_one_value(values_of(read, name)):
            continue
        value = surest.value
        after = value if isinstance(value, str) else f"{value:g} {surest.unit}"
        reason, sure = f"the title says {surest.text!r}", round(surest.confidence, 3)
        found = _proposal(listing, f"attributes.{name}", "attribute", after, reason, sure)
        yield replace(found, before="")


def _proposal(
    listing: Listing, field: str, kind: str, after: str, reason: str, confidence: float
) -> Proposal:
    before = field_of(listing, field)
    return Proposal(listing.item_id, field, kind, before, after, reason, confidence)


def _with(listing: Listing, field: str, text: str) -> Listing:
    return Listing(
        listing.item_id,
        text if field == "title" else listing.title,
        text if field == "description" else listing.description,
        text if field == "brand" else listing.brand,
        text if field == "category" else listing.category,
        listing.attributes,
    )
