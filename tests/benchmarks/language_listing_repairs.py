"""Repairs on held-out listings: clean ones wrongly changed, and planted errors mended.

Clean: as they came, without a defect that is plain to see. Every proposal counts, of whatever
confidence, as if a person accepted all. The bound is Clopper and Pearson's, one-sided, 95 %.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.stats import beta

from training.attributes.model import Extractor, extract
from training.attributes.rules_file import read_rules
from training.listing_quality.corruptions import plant
from training.listing_quality.evidence import learn_catalogue
from training.listing_quality.listing import Listing
from training.listing_quality.planted import Sources
from training.listing_quality.rules import PLAIN, signs_of
from training.listing_repairs.knowledge import Knowledge, learn_habits
from training.listing_repairs.model import mend

PLANTED = 400  # of each kind at most
MENDABLE = ("missing_brand", "wrong_brand", "shouting", "markup", "misspelling", "duplicate")
EXAMPLES = 6
_SPACED = re.compile(r"(?<![\w.,/-])(\d+) (GB|MB|GHz|MHz|kg|ml|mm|cm)(?![\w/-])")


def measure_repairs(taught: Sequence[Listing], judged: Sequence[Listing]) -> dict[str, Any]:
    """False changes with their bound, mended shares by kind, and how right added attributes are."""
    knowledge = Knowledge(learn_catalogue(taught), learn_habits(taught))
    known = knowledge.catalogue.known
    clean = [one for one in judged if not PLAIN & signs_of(one, known).keys()]
    return {
        "clean": _clean(clean, knowledge),
        "all_as_they_came": _clean(judged, knowledge),
        "mended": _mended(clean, knowledge, Sources.of(taught)),
        "units_mended": _units(clean, knowledge),
        "attribute_readings": _attributes(judged),
    }


def upper_bound(wrong: int, of: int) -> float:
    """The share that is not exceeded with 95 % confidence."""
    return 1.0 if wrong >= of else float(beta.ppf(0.95, wrong + 1, of - wrong))


def _clean(listings: Sequence[Listing], knowledge: Knowledge) -> dict[str, Any]:
    kinds: Counter[str] = Counter()
    examples, changed = [], 0
    for one in listings:
        after, applied = mend(one, knowledge)
        if after != one:
            changed += 1
            kinds.update({proposal.kind for proposal in applied})
            if len(examples) < EXAMPLES:
                examples.append(f"{applied[0].before[:80]} -> {applied[0].after[:80]}")
    return {
        "listings": len(listings),
        "changed": changed,
        "changed_share": round(changed / max(len(listings), 1), 5),
        "changed_share_high": round(upper_bound(changed, len(listings)), 5),
        "by_kind": dict(kinds.most_common()),
        "examples": examples,
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
