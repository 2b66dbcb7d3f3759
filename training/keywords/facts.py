"""What may be claimed of an item: its structured attributes, brand and category, as facts.

Attributes that speak of other things (what it fits, where it is made, how it is packed) are left
out: a cartridge for a printer is no printer. Numbers alone claim nothing. Pure.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from training.keywords.model import Fact, Item
from training.text_search.catalogue import Product

_OF_OTHERS = frozenset(
    {
        "case", "carton", "certificates", "certification", "change", "code", "compatibility",
        "compatible", "country", "date", "for", "humidity", "launch", "optional", "package",
        "packaging", "pallet", "requirements", "segment", "sold", "status", "supported",
        "temperature", "warranty",
    }
)  # fmt: skip
_DENIALS = frozenset({"n", "no", "none", "not supported", "false", "n/a", "-"})


def facts_of(attributes: str | None, *, supplier: str = "") -> tuple[Fact, ...]:
    """Facts of one row of a catalogue of Icecat's form; no JSON object is no facts."""
    told = {}
    for key, value in _object(attributes).items():
        kind, _, name = key.partition("_")
        if kind == "t" or (kind == "b" and isinstance(value, bool)):
            told[key] = (name, value if kind == "b" else str(value))
    return _facts([told[key] for key in sorted(told)], supplier)


def item_of(product: Product) -> Item:
    """A product of a search index with what may be claimed of it."""
    facts = _facts(sorted(product.attributes.items(), key=lambda pair: pair[0]), product.brand)
    return Item(product.item_id, product.title, product.category, facts)


def _facts(told: Iterable[tuple[str, object]], brand: str) -> tuple[Fact, ...]:
    found = [Fact("brand", brand)] if brand else []
    for name, value in told:
        if _OF_OTHERS & set(name.split("_")):
            continue
        if isinstance(value, str) and value.strip().casefold() not in _DENIALS:
            found.append(Fact(name, value))
        elif value is True:
            found.append(Fact(name, name.replace("_", " ")))
    return tuple(found)


def _object(attributes: str | None) -> Mapping[str, Any]:
    try:
        found = json.loads(attributes or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
