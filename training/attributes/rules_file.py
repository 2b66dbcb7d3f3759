"""Read rules.yaml: units, colours and the words that decide; the only file this folder ships."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from governance.errors import InputError
from training.attributes.measures import Measures, Unit
from training.attributes.model import Rules

RULES = Path(__file__).with_name("rules.yaml")
_PARTS = {
    "units", "exact", "poured", "screens", "not_screens", "for_others", "colours", "not_colours",
    "priors",
}  # fmt: skip


@cache
def read_rules(path: Path = RULES) -> Rules:
    """The rules of a file of this form; InputError names what it lacks."""
    try:
        found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise InputError("the rules cannot be read", where=str(path), why=str(error)) from None
    if not isinstance(found, dict) or found.keys() != _PARTS:
        raise InputError(
            "the rules lack a part or have one too many",
            where=str(path),
            why=f"it must have exactly {', '.join(sorted(_PARTS))}",
        )
    units = {
        str(spelling).casefold(): Unit(name, told["unit"], float(factor))
        for name, told in found["units"].items()
        for spelling, factor in told["spellings"].items()
    }
    measures = Measures(
        units=units,
        exact={key: tuple(forms) for key, forms in found["exact"].items()},
        poured=tuple(found["poured"]),
        screens=tuple(found["screens"]),
        not_screens=tuple(found["not_screens"]),
    )
    colours = {word: name for name, words in found["colours"].items() for word in words}
    return Rules(
        measures=measures,
        colours=colours,
        not_colours=tuple(found["not_colours"]),
        for_others=tuple(found["for_others"]),
        priors=found["priors"],
    )
