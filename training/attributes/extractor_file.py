"""What a catalogue taught the rules, as JSON: its brands and how often each way is right."""

import json
from pathlib import Path

from governance.errors import InputError
from governance.files import canonical_json, write_text
from training.attributes.brands import Brands
from training.attributes.model import Extractor, Rules


def save_extractor(path: Path, extractor: Extractor) -> None:
    """The taught part; the rules are the project's own file."""
    brands = extractor.brands
    taught = {
        "names": sorted(brands.names),
        "openings": dict(brands.openings),
        "guessed": dict(brands.guessed),
        "is_first_word": brands.is_first_word,
        "longest": brands.longest,
        "precision": dict(extractor.precision),
    }
    write_text(path, canonical_json(taught) + "\n")


def load_extractor(path: Path, rules: Rules) -> Extractor:
    """What :func:`save_extractor` wrote, with these rules."""
    try:
        taught = json.loads(path.read_text(encoding="utf-8"))
        brands = Brands(
            names={name: name for name in taught["names"]},
            openings=taught["openings"],
            guessed=taught["guessed"],
            is_first_word=taught["is_first_word"],
            longest=taught["longest"],
        )
        return Extractor(rules, brands, taught["precision"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError("no extractor can be read", where=str(path), why=str(error)) from None
