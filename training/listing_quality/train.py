"""Teach a quality model from a catalogue's own listings and planted defects.

    model = train(listings, QualityKnobs(), embed=load_encoder().embed, progress=print)

Listings of one family (alike but for size, colour, number) stay on one side of every split. Words
are learned from other folds than the listings they are used on, as it will be with new listings.
An original with a defect that is plain to see (rules.PLAIN) counts little as a good one: a shop may
or may not mind it (``plain_weight``). Same seed, same bytes.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import lightgbm
import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from training.listing_quality.evidence import (
    Embed,
    Evidence,
    Numbers,
    evidence,
    learn_catalogue,
)  # fmt: skip
from training.listing_quality.listing import DEFECTS, Listing, family_of
from training.listing_quality.mixes import Bits, Mix, drawn, mixed, weights
from training.listing_quality.model import Calibration, QualityModel
from training.listing_quality.planted import Sources
from training.settings_file import read_knobs

KNOBS = Path(__file__).with_name("listing_quality.yaml")
LEAST_PLANTED = 5  # of a defect that fix its chance: with fewer it is not learned
Talk = Callable[[str], None]


@dataclass(frozen=True)
class QualityKnobs:
    """How a quality model learns; effects are told in listing_quality.yaml."""

    folds: int = 3
    calibration_share: float = 0.2
    planted_per_listing: int = 2
    bad_share: float = 0.3
    plain_weight: float = 0.1
    trees: int = 300
    leaves: int = 15
    learning_rate: float = 0.06
    least_in_leaf: int = 20
    most_listings: int = 12_000
    seed: int = 0


def read_quality_knobs(path: Path = KNOBS) -> QualityKnobs:
    """The knobs of a file; unknown ones are errors."""
    return QualityKnobs(**read_knobs(path, QualityKnobs))


def train(
    listings: Sequence[Listing],
    knobs: QualityKnobs,
    *,
    embed: Embed | None = None,
    progress: Talk = lambda _: None,
) -> QualityModel:
    """A model of these listings; words of all of them but the calibrating ones are known to it."""
    taught, calibrating = split(listings, knobs.calibration_share, seed=knobs.seed)
    share = min(1.0, knobs.most_listings / max(len(calibrating), 1))
    calibrating = split(calibrating, 1 - share, seed=knobs.seed + 3)[0]
    found, mix, weight = _taught(taught, knobs, embed, progress)
    catalogue = learn_catalogue(taught)
    judged = mixed(calibrating, Sources.of(taught), share=knobs.bad_share, seed=knobs.seed + 1)
    counts = weights(judged, catalogue.known, knobs.plain_weight)
    held = evidence(judged.listings, catalogue, embed)
    trees, calibrations = {}, {}
    for name in ("bad", *DEFECTS):
        if judged.has(name).sum() < LEAST_PLANTED:
            progress(f"listing quality: {name} cannot be planted here")
            continue
        booster = _fit(found, mix.has(name), weight, knobs)
        raw = np.asarray(booster.predict(held.values, raw_score=True, num_threads=1))
        trees[name] = booster.model_to_string()
        calibrations[name] = _calibrate(raw, judged.has(name), counts)
        progress(f"listing quality: learned {name} from {int(mix.has(name).sum())} planted")
    return QualityModel(catalogue, found.names, trees, calibrations, embed)


def split(
    listings: Sequence[Listing], share: float, *, seed: int
) -> tuple[list[Listing], list[Listing]]:
    """The larger and the smaller side; a family is on one of them."""
    is_held = [_place(one, seed) < share for one in listings]
    kept = [one for one, held in zip(listings, is_held, strict=True) if not held]
    return kept, [one for one, held in zip(listings, is_held, strict=True) if held]


def _taught(
    listings: Sequence[Listing], knobs: QualityKnobs, embed: Embed | None, progress: Talk
) -> tuple[Evidence, Mix, Numbers]:
    """Originals and planted defects of each fold, seen with the words of the other folds."""
    fold_of = [int(_place(one, knobs.seed + 7) * knobs.folds) for one in listings]
    share = min(1.0, knobs.most_listings / max(len(listings), 1))
    parts: list[tuple[Evidence, Mix, Numbers]] = []
    for fold in range(knobs.folds):
        others = [one for one, at in zip(listings, fold_of, strict=True) if at != fold]
        catalogue, sources = learn_catalogue(others), Sources.of(others)
        draw = np.random.default_rng((knobs.seed, fold))
        mine = [one for one, at in zip(listings, fold_of, strict=True) if at == fold]
        mine = [one for one in mine if draw.random() < share]
        planted = [
            found for one in mine for _ in range(knobs.planted_per_listing)
            if (found := drawn(one, sources, draw))
        ]  # fmt: skip
        mix = Mix(
            (*mine, *(one.listing for one in planted)),
            (*[None] * len(mine), *(one.defect for one in planted)),
        )
        counts = weights(mix, catalogue.known, knobs.plain_weight)
        parts.append((evidence(mix.listings, catalogue, embed), mix, counts))
        progress(f"listing quality: fold {fold + 1} of {knobs.folds}, {len(mix.listings)} listings")
    values = np.concatenate([found.values for found, _, _ in parts])
    whole = Mix(
        tuple(one for _, mix, _ in parts for one in mix.listings),
        tuple(defect for _, mix, _ in parts for defect in mix.defects),
    )
    counted = np.concatenate([counts for _, _, counts in parts])
    return Evidence(parts[0][0].names, values), whole, counted


def _fit(found: Evidence, is_there: Bits, weight: Numbers, knobs: QualityKnobs) -> lightgbm.Booster:
    settings = {
        "objective": "binary", "num_leaves": knobs.leaves, "learning_rate": knobs.learning_rate,
        "min_data_in_leaf": knobs.least_in_leaf, "feature_fraction": 0.7, "bagging_fraction": 0.8,
        "bagging_freq": 1, "seed": knobs.seed, "deterministic": True, "force_row_wise": True,
        "num_threads": 1, "verbose": -1,
    }  # fmt: skip
    data = lightgbm.Dataset(
        found.values, label=is_there, weight=weight, feature_name=list(found.names)
    )
    return lightgbm.train(settings, data, num_boost_round=knobs.trees)


def _calibrate(raw: NDArray[np.float64], is_there: Bits, weight: Numbers) -> Calibration:
    """Isotonic, then joined by straight lines at its steps' middles, so that it stays rising."""
    curve = IsotonicRegression(y_min=0.001, y_max=0.999, out_of_bounds="clip")
    curve.fit(raw, is_there, sample_weight=weight)
    return Calibration(tuple(curve.X_thresholds_.tolist()), tuple(curve.y_thresholds_.tolist()))


def _place(one: Listing, seed: int) -> float:
    """A place from 0 to 1 that a listing's family has in a split."""
    digest = hashlib.sha256(f"{seed} {family_of(one)}".encode("utf-8", "replace")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
