"""Defects that listings have by nature: how many are flagged for what, with examples of each."""

from collections import Counter
from typing import Any

from training.listing_quality.listing import Listing
from training.listing_quality.model import QualityModel
from training.listing_quality.rules import signs_of

EXAMPLES = 4  # of each defect


def flagged(model: QualityModel, listings: list[Listing]) -> dict[str, Any]:
    """Listings named by the model and shown by rules, by defect, with examples of the former."""
    named: Counter[str] = Counter()
    examples: dict[str, list[str]] = {}
    verdicts = model.verdicts(listings)
    for one, verdict in zip(listings, verdicts, strict=True):
        for defect in verdict.defects:
            named[defect.name] += 1
            shown = examples.setdefault(defect.name, [])
            if len(shown) < EXAMPLES:
                shown.append(f"{one.title[:90]} [{', '.join(defect.shown_by)[:60]}]")
    ruled = Counter(defect for one in listings for defect in signs_of(one, model.catalogue.known))
    return {
        "listings": len(listings),
        "below_half_good": sum(verdict.chance_good < 0.5 for verdict in verdicts),
        "named_by_model": dict(named.most_common()),
        "shown_by_rules": dict(ruled.most_common()),
        "habits_of_the_shop": sorted(model.catalogue.known.usual),
        "examples": examples,
    }
