"""A quality model on disk: trees as LightGBM's text and calibrations, as JSON; nothing pickled.

What the model knows of the catalogue is learned again from the listings, which takes seconds: the
file is small and holds none of a shop's words. A file made from other listings is not used.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from governance.errors import InputError
from governance.files import canonical_json, digest_of, write_text
from training.listing_quality.evidence import Embed, learn_catalogue
from training.listing_quality.listing import Listing
from training.listing_quality.model import Calibration, QualityModel
from training.listing_quality.train import QualityKnobs, split

FORM = 1  # of the file and of the features: a model of another form is learned anew


def source_digest(listings: Sequence[Listing], knobs: QualityKnobs, encoder: str) -> str:
    """What a model is made from: the listings, the knobs, the encoder."""
    told = [digest_of(ascii(one)) for one in listings]
    return digest_of([FORM, told, asdict(knobs), encoder])


def save_quality(path: Path, model: QualityModel, source: str, *, landing_id: str = "") -> None:
    """Write the learned part, atomically; ``landing_id`` says where its listings are kept."""
    written = {
        "source": source,
        "landing_id": landing_id,
        "names": list(model.names),
        "trees": model.trees,
        "calibrations": {name: asdict(one) for name, one in model.calibrations.items()},
    }
    write_text(path, canonical_json(written) + "\n")


def learned_from(path: Path) -> str:
    """The landing whose listings a model was learned from; empty where its file does not say."""
    try:
        return str(json.loads(path.read_text(encoding="utf-8")).get("landing_id", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def load_quality(
    path: Path, listings: Sequence[Listing], knobs: QualityKnobs, source: str, embed: Embed | None
) -> QualityModel | None:
    """The model of just these listings; None where there is none or it was made from others."""
    if not path.is_file():
        return None
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        if told["source"] != source:
            return None
        calibrations = {
            name: Calibration(tuple(one["scores"]), tuple(one["chances"]))
            for name, one in told["calibrations"].items()
        }
        taught, _ = split(listings, knobs.calibration_share, seed=knobs.seed)
        catalogue = learn_catalogue(taught)
        return QualityModel(catalogue, tuple(told["names"]), told["trees"], calibrations, embed)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            "the listing quality model cannot be read",
            where=str(path),
            why=str(error),
            next_step=f"delete {path}: it is learned anew",
        ) from None
