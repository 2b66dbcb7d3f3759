"""Figures of a quality model on listings of which some have a planted defect.

What ``auc``, ``auc_clean`` and ``auc_plain_bad`` count as bad is told in
``language_listing_quality.py``.
"""

from typing import Any

import numpy as np
from language_calibration import calibration_error
from sklearn.metrics import f1_score, roc_auc_score

from training.listing_quality.listing import DEFECTS, family_of
from training.listing_quality.mixes import Mix
from training.listing_quality.model import NAMED_FROM, QualityModel
from training.listing_quality.rules import PLAIN, signs_of

BAD = 0.3  # of a judged mix
DRAWS = 500  # of the bootstrap, over families: near copies are judged together


def planted_figures(model: QualityModel, mix: Mix, *, is_bounded: bool = False) -> dict[str, Any]:
    """AUC, calibration and naming of a mix; ``is_bounded`` adds 95 % intervals."""
    good, defects = model.chances(model.evidence(mix.listings))
    bad, chance = mix.has("bad"), 1 - good
    known = model.catalogue.known
    looked_for = PLAIN - known.usual  # where every title is in capitals, capitals are no defect
    plain = np.array([bool(looked_for & signs_of(one, known).keys()) for one in mix.listings])
    clean = bad | ~plain
    figures: dict[str, Any] = {
        "auc": auc_of(mix, chance),
        "auc_clean": round(float(roc_auc_score(bad[clean], chance[clean])), 4),
        "plain_defects_by_nature_share": round(float((plain & ~bad).sum() / (~bad).sum()), 4),
        "ece": round(calibration_error(chance, bad), 4),
        "ece_clean": round(calibration_error(chance[clean], bad[clean]), 4),
        "auc_plain_bad": round(float(roc_auc_score(bad | plain, chance)), 4),
        "ece_plain_bad": round(calibration_error(chance, bad | plain), 4),
    }
    named = defects >= NAMED_FROM
    scores = {
        name: round(float(f1_score(mix.has(name), named[:, at])), 4)
        for at, name in enumerate(DEFECTS)
        if mix.has(name).any()
    }
    figures |= {"macro_f1": round(float(np.mean(list(scores.values()))), 4), "f1_by_defect": scores}
    if is_bounded:
        figures |= _bounds(mix, chance, clean)
    return figures


def auc_of(mix: Mix, chance_bad: np.ndarray) -> float:
    """Planted defects against the listings as they came."""
    return round(float(roc_auc_score(mix.has("bad"), chance_bad)), 4)


def _bounds(mix: Mix, chance: np.ndarray, clean: np.ndarray) -> dict[str, float]:
    """95 % intervals; families are drawn whole."""
    families = np.unique([family_of(one) for one in mix.listings], return_inverse=True)[1]
    bad, draw = mix.has("bad"), np.random.default_rng(0)
    seen: dict[str, list[float]] = {"auc": [], "auc_clean": [], "ece": []}
    for _ in range(DRAWS):
        times = np.bincount(draw.integers(families.max() + 1, size=families.max() + 1))
        weight = np.pad(times, (0, families.max() + 1 - len(times)))[families]
        rows = np.repeat(np.arange(len(families)), weight)
        if not 0 < bad[rows].sum() < len(rows):
            continue
        kept = rows[clean[rows]]
        seen["auc"].append(float(roc_auc_score(bad[rows], chance[rows])))
        seen["auc_clean"].append(float(roc_auc_score(bad[kept], chance[kept])))
        seen["ece"].append(calibration_error(chance[rows], bad[rows]))
    return {
        f"{name}_{end}": round(float(np.quantile(values, at)), 4)
        for name, values in seen.items()
        for end, at in (("low", 0.025), ("high", 0.975))
    }
