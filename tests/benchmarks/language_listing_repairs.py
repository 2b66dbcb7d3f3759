"""Repairs on held-out listings: clean ones wrongly changed, and planted errors mended.

Clean: as they came, without a defect that is plain to see. Every proposal counts, of whatever
confidence, as if a person accepted all. The bound is Clopper and Pearson's, one-sided, 95 %.
Attributes that would be added are measured in ``language_listing_attributes.py``.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from language_intervals import upper_bound
from language_listing_attributes import Truths, measure_attributes

from training.attributes.model import Extractor, extract
from training.attributes.rules_file import read_rules
from training.listing_quality.corruptions import plant
from training.listing_quality.evidence import learn_catalogue
from training.listing_quality.listing import Listing
from training.listing_quality.planted import Sources
from training.listing_quality.rules import PLAIN, signs_of
from training.listing_repairs.knowledge import Knowledge, learn_habits
from training.listing_repairs.model import Proposal, mend

PLANTED = 400  # of each kind at most
MENDABLE = ("missing_brand", "wrong_brand", "shouting", "markup", "misspelling", "duplicate")
EXAMPLES = 6
Mended = tuple[Listing, Listing, tuple[Proposal, ...]]  # before, after, what was applied
_SPACED = re.compile(r"(?<![\w.,/-])(\d+) (GB|MB|GHz|MHz|kg|ml|mm|cm)(?![\w/-])")


def measure_repairs(
    taught: Sequence[Listing], judged: Sequence[Listing], truths: Truths
) -> dict[str, Any]:
    """False changes with their bound, mended shares by kind, and how right added attributes are."""
    knowledge = Knowledge(learn_catalogue(taught), learn_habits(taught))
    clean = _clean(judged, knowledge)
    after = _mend(clean, knowledge)
    changed = {one.item_id for one, mended, _ in after if mended != one}
    return {
        "clean": _changes(after),
        "all_as_they_came": _changes(_mend(judged, knowledge)),
        "mended": _mended(clean, knowledge, Sources.of(taught)),
        "units_mended": _units(clean, knowledge),
        "attribute_readings": _attributes(judged),
        "attributes": measure_attributes(
            taught, clean, truths, knowledge=knowledge, changed=changed
        ),
    }


def _clean(judged: Sequence[Listing], knowledge: Knowledge) -> list[Listing]:
    """Those without a defect that is plain to see; a habit of the catalogue is none."""
    known = knowledge.catalogue.known
    plain = PLAIN - known.usual
    return [one for one in judged if not plain & signs_of(one, known).keys()]


def _mend(listings: Sequence[Listing], knowledge: Knowledge) -> list[Mended]:
    return [(one, *mend(one, knowledge)) for one in listings]


def _changes(mended: Sequence[Mended]) -> dict[str, Any]:
    """Listings that are other after their repairs, and by which."""
    changed = [each for each in mended if each[0] != each[1]]
    worded = [each for each in changed if not _alike(each[0], each[1])]
    kinds = Counter(kind for *_, applied in changed for kind in {one.kind for one in applied})
    return {
        "listings": len(mended),
        "changed": len(changed),
        "changed_share": round(len(changed) / max(len(mended), 1), 5),
        "changed_share_high": round(upper_bound(len(changed), len(mended)), 5),
        "worded": len(worded),  # of the changed, those in more than capitals and spaces
        "worded_share": round(len(worded) / max(len(mended), 1), 5),
        "worded_share_high": round(upper_bound(len(worded), len(mended)), 5),
        "by_kind": dict(kinds.most_common()),
        "examples": [
            f"{before.title[:80]} -> {after.title[:80]}"
            for before, after, _ in (worded or changed)[:EXAMPLES]
        ],
    }


def _mended(
    clean: Sequence[Listing], knowledge: Knowledge, sources: Sources
) -> dict[str, dict[str, float]]:
    """Shares of planted errors that are wholly mended (but for capitals), partly, or left."""
    told = {}
    for name in MENDABLE:
        for form, is_unseen in (("", False), ("unseen_", True)):
            draw = np.random.default_rng((4, int(is_unseen)))
            planted = [
                one for listing in clean
                if (one := plant(name, listing, sources, draw, is_unseen=is_unseen))
            ][:PLANTED]  # fmt: skip
            mended = [(mend(one.listing, knowledge)[0], one) for one in planted]
            told[f"{form}{name}"] = {
                "planted": len(planted),
                "mended": _share([_alike(after, one.original) for after, one in mended]),
                "exactly": _share([after == one.original for after, one in mended]),
                "untouched": _share([after == one.listing for after, one in mended]),
            }
    return told


def _units(clean: Sequence[Listing], knowledge: Knowledge) -> dict[str, float]:
    """``500 GB`` written as ``500gb`` and brought back."""
    right, planted = 0, 0
    for one in clean:
        worse = _SPACED.sub(lambda at: f"{at[1]}{at[2].lower()}", one.title, count=1)
        is_same = worse == one.title or re.search(r"\d(?:mm|cm|kg|ml)\b", worse) is not None
        if is_same or planted >= PLANTED:
            continue
        planted += 1
        right += mend(replace(one, title=worse), knowledge)[0].title == one.title
    return {"planted": planted, "mended": round(right / max(planted, 1), 4)}


def _attributes(judged: Sequence[Listing]) -> dict[str, float]:
    """Readings that could be proposed, where the data sheet has a like-named number to compare."""
    extractor, right, compared = Extractor(read_rules()), 0, 0
    for one in judged:
        sheet = dict(one.attributes)
        told = next((sheet[key] for key in ("cable length", "length") if key in sheet), None)
        read = [r.value for r in extract(one.title, extractor) if r.name == "length"]
        if told is None or not read:
            continue
        compared += 1
        right += any(
            isinstance(value, float) and abs(value - float(told)) <= 0.05 * float(told)
            for value in read
        )
    return {"lengths_compared": compared, "lengths_right": round(right / max(compared, 1), 4)}


def _alike(one: Listing, other: Listing) -> bool:
    def parts(listing: Listing) -> tuple[str, ...]:
        fields = (listing.title, listing.brand, listing.description)
        return tuple(" ".join(text.casefold().split()) for text in fields)

    return parts(one) == parts(other)


def _share(flags: list[bool]) -> float:
    return round(float(np.mean(flags)), 4) if flags else 0.0
