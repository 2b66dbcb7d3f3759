"""Attributes that repairs would add to held-out listings, against the products' structured data.

The data sheet is hidden, so that everything a title states is proposed; a proposed value that the
sheet contradicts is a wrong change. Values of attributes that the sheet does not know are counted
and judged by nobody. ``shipped`` rules are those of ``counterfoil listings propose`` in a shop
without package sizes; ``learned`` ones took their precision from the other listings' data.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from language_intervals import upper_bound

from training.attributes.model import Extractor, Value
from training.attributes.rules_file import read_rules
from training.attributes.structured import Product, is_right, product_of
from training.attributes.train import learn
from training.listing_quality.listing import Listing
from training.listing_repairs.knowledge import Knowledge
from training.listing_repairs.model import propose

EXAMPLES = 6
_COLUMNS = ("id", "title", "supplier", "attributes")
Truths = Mapping[str, Product]  # by id


@dataclass(frozen=True)
class Added:
    """A value that would be added to a listing; wrong where its structured data say another."""

    listing: Listing
    name: str
    value: str
    is_compared: bool
    is_wrong: bool


def read_truths(data: Path) -> Truths:
    """What a catalogue's structured data say; nothing where it is a shop's file without them."""
    path = data / "products.parquet" if data.is_dir() else data
    if not set(_COLUMNS) <= set(pq.read_schema(path).names):
        return {}
    rows = pq.read_table(path, columns=list(_COLUMNS)).to_pylist()
    rules = read_rules()
    return {
        str(row["id"]): product_of(*(str(row[name] or "") for name in _COLUMNS[1:]), rules)
        for row in rows
    }


def measure_attributes(
    taught: Sequence[Listing],
    clean: Sequence[Listing],
    truths: Truths,
    *,
    knowledge: Knowledge,
    changed: Collection[str],
) -> dict[str, Any]:
    """Figures of both kinds of rules; ``changed`` are clean listings whose texts repairs change."""
    if not truths:
        return {}
    learned = learn([truths[one.item_id] for one in taught], read_rules()).reader.extractor
    return {
        name: _figures(
            clean, truths, changed, [_added(one, truths, knowledge, by) for one in clean]
        )
        for name, by in (("shipped", Extractor(read_rules())), ("learned", learned))
    }


def _added(one: Listing, truths: Truths, knowledge: Knowledge, by: Extractor) -> list[Added]:
    truth = truths[one.item_id].truth
    found = []
    for proposal in propose(replace(one, attributes=()), knowledge, by):
        if proposal.kind == "attribute":
            name = proposal.field.removeprefix("attributes.")
            is_wrong = name in truth and not is_right(_value(proposal.after), truth[name])
            found.append(Added(one, name, proposal.after, name in truth, is_wrong))
    return found


def _figures(
    clean: Sequence[Listing], truths: Truths, changed: Collection[str], added: list[list[Added]]
) -> dict[str, Any]:
    every = [one for of_listing in added for one in of_listing]
    compared = [one for one in every if one.is_compared]
    wrong = [one for one in every if one.is_wrong]
    contradicted = {one.listing.item_id for one in wrong}
    judged = [one for one in clean if truths[one.item_id].truth.keys() - {"brand"}]
    total = {one.item_id for one in judged} & (contradicted | set(changed))
    return {
        "proposed": len(every),
        "compared": len(compared),
        "contradicted": len(wrong),
        "false_share": round(len(wrong) / max(len(compared), 1), 5),
        "false_share_high": round(upper_bound(len(wrong), len(compared)), 5),
        "by_attribute": {
            name: {
                "proposed": count,
                "compared": sum(one.name == name for one in compared),
                "contradicted": sum(one.name == name for one in wrong),
            }
            for name, count in Counter(one.name for one in every).most_common()
        },
        "listings_judged": len(judged),
        "listings_contradicted": len(contradicted),
        "total_changed": len(total),  # of the judged: a text changed or an attribute contradicted
        "total_changed_share": round(len(total) / max(len(judged), 1), 5),
        "total_changed_share_high": round(upper_bound(len(total), len(judged)), 5),
        "part_of_total": round(len(contradicted) / max(len(total), 1), 4),
        "examples": [
            f"{one.listing.title[:80]}: {one.name} {one.value}" for one in wrong[:EXAMPLES]
        ],
    }


def _value(after: str) -> Value:
    """The number of "3 m", or the name as it stands."""
    try:
        number, _ = after.split(" ")
        return float(number)
    except ValueError:
        return after
