"""Listing quality against labels that no rule gave: listings as they came, each one read.

``language_listing_audit.yaml`` has the codebook, and by digest which of 400 are bad by nature and
why. Those of them that are judged stand for all originals of the mix: they weigh as much together.
Where none is judged, as on other data, there are no figures.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from language_calibration import calibration_error
from sklearn.metrics import roc_auc_score

from training.listing_quality.listing import Listing
from training.listing_quality.mixes import Mix
from training.listing_quality.model import QualityModel

LABELS = Path(__file__).with_name("language_listing_audit.yaml")
_FEWEST = 20  # listings read, of either sort: with fewer the figures are noise


def audited(model: QualityModel, mix: Mix, judged: Sequence[Listing]) -> dict[str, Any]:
    """Planted and natural defects against listings that a reader found good; named defects."""
    labels = _labels()
    read = [one for one in judged if _digest(one) in labels]
    natural = np.array([labels[_digest(one)] != "good" for one in read], dtype=bool)
    if min(natural.sum(), (~natural).sum()) < _FEWEST:
        return {}
    planted = [one for one, is_bad in zip(mix.listings, mix.has("bad"), strict=True) if is_bad]
    chance = 1 - model.chances(model.evidence([*planted, *read]))[0]
    bad = np.r_[np.ones(len(planted), bool), natural]
    share = (len(mix.listings) - len(planted)) / len(read)
    weight = np.r_[np.ones(len(planted)), np.full(len(read), share)]
    is_read = np.arange(len(bad)) >= len(planted)
    named = np.array([bool(one.defects) for one in model.verdicts(read)])
    return {
        "read": len(read),
        "bad_by_nature": int(natural.sum()),
        "auc": _auc(bad, chance, weight),
        "auc_planted": _auc(bad[~bad | ~is_read], chance[~bad | ~is_read]),
        "auc_by_nature": _auc(natural, chance[is_read]),
        "ece": round(calibration_error(chance, bad, weight=weight), 4),
        "named_of_bad_by_nature": round(float(named[natural].mean()), 4),
        "named_of_good": round(float(named[~natural].mean()), 4),
    }


def _labels() -> dict[str, str]:
    found = yaml.safe_load(LABELS.read_text(encoding="utf-8"))
    return {digest: label for label, digests in found.items() for digest in digests}


def _digest(one: Listing) -> str:
    text = "\n".join((one.title, one.description, one.brand))
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]


def _auc(bad: np.ndarray, chance: np.ndarray, weight: np.ndarray | None = None) -> float:
    return round(float(roc_auc_score(bad, chance, sample_weight=weight)), 4)
