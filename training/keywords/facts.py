"""What may be claimed of an item: its structured attributes, brand and category, as facts.

Attributes that speak of other things (what it fits, where it is made, how it is packed) are left
out: a cartridge for a printer is no printer. Numbers alone claim nothing. Pure.
"""

import json
from collections.abc import Mapping
from typing import Any

from training.keywords.model import Fact

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
    found = [Fact("brand", supplier)] if supplier else []
    for key, value in sorted(_object(attributes).items()):
        kind, _, name = key.partition("_")
        if _OF_OTHERS & set(name.split("_")):
            continue
        if kind == "t" and str(value).strip().casefold() not in _DENIALS:
            found.append(Fact(name, str(value)))
        elif kind == "b" and value is True:
            found.append(Fact(name, name.replace("_", " ")))
    return tuple(found)


def _object(attributes: str | None) -> Mapping[str, Any]:
    try:
        found = json.loads(attributes or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
