"""A product's structured attributes as the truth of what its title may state.

A catalogue of Icecat's form has a ``title``, a ``supplier`` and a JSON object ``attributes``. The
truth of an attribute is a set: several values may be right. A value is *stated* where its digits or
its word stand in the title; others cannot be known from the title, however good the reader.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from training.attributes.model import TOLERANCE, Rules, Value
from training.encoder.readable import readable

STRUCTURED = Path(__file__).with_name("structured.yaml")


@dataclass(frozen=True)
class Product:
    """A listing with what its structured data say: the values that are right, by attribute."""

    title: str
    supplier: str
    truth: Mapping[str, frozenset[Value]]
    stated: Mapping[str, frozenset[Value]]  # those of them that stand in the title


def product_of(title: str, supplier: str, attributes: str | None, rules: Rules) -> Product:
    """One row of a catalogue; attributes that are no JSON object count as none."""
    told, read = _object(attributes), readable(title).casefold()
    truth: dict[str, frozenset[Value]] = {}
    stated: dict[str, frozenset[Value]] = {}
    if brand := readable(supplier):
        truth["brand"] = frozenset([brand])
        stated["brand"] = truth["brand"] if brand.casefold() in read else frozenset()
    for name, how in structured_keys().items():
        raw = [told[key] for key in how["keys"] if key in told]
        right = _colours(raw, rules) if name == "colour" else _numbers(raw, how["scales"])
        if right:
            truth[name] = right
            least = how.get("least", 0)
            is_stated = (
                _is_colour_written(raw, read)
                if name == "colour"
                else _is_number_written(raw, read, least)
            )
            stated[name] = right if is_stated else frozenset()
    return Product(title, supplier, truth, stated)


def is_right(value: Value, truth: frozenset[Value]) -> bool:
    """Names alike but for case; numbers alike within what catalogues round."""
    if isinstance(value, str):
        return value.casefold() in {str(one).casefold() for one in truth}
    numbers = [one for one in truth if isinstance(one, float)]
    return any(abs(value - one) <= TOLERANCE * abs(one) for one in numbers)


@cache
def structured_keys(path: Path = STRUCTURED) -> Mapping[str, Mapping[str, Any]]:
    """Our attribute: the catalogue's keys and the scales it leaves unsaid."""
    found: Mapping[str, Mapping[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def _object(attributes: str | None) -> Mapping[str, Any]:
    try:
        found = json.loads(attributes or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _colours(raw: Sequence[Any], rules: Rules) -> frozenset[Value]:
    words = [word.strip().casefold() for one in raw for word in re.split(r"[,/]", str(one))]
    return frozenset(rules.colours.get(word, word) for word in words if word)


def _numbers(raw: Sequence[Any], scales: Sequence[float]) -> frozenset[Value]:
    numbers = [float(one) for one in raw if isinstance(one, int | float) and one > 0]
    return frozenset(number * scale for number in numbers for scale in scales)


def _is_colour_written(raw: Sequence[Any], read: str) -> bool:
    words = [word.strip().casefold() for one in raw for word in re.split(r"[,/]", str(one))]
    return any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", read) for word in words if word)


def _is_number_written(raw: Sequence[Any], read: str, least: float) -> bool:
    """The number's digits stand alone in the title, in whatever unit."""
    spelt = {f"{one:g}" for one in raw if isinstance(one, int | float) and one >= least}
    return any(
        re.search(rf"(?<![\d.,]){re.escape(one)}(?:\.0+)?(?![\d.,]\d)", read) for one in spelt
    )
