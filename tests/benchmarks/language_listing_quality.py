"""Listing quality on held-out products: planted defects told from the listings as they came.

    python tests/benchmarks/language.py --task listing-quality [--data PATH] [--quick] --json FILE

``--data`` is a folder with ``products.parquet`` or a Parquet file in Icecat's form or a shop's (see
``training/listing_quality/catalogue_file.py``). A fifth of the families of products judges and
teaches nothing. In the judged mix 30 % have a planted defect. Listings as they came may have
defects by nature: ``auc``, ``ece`` and the floors count them all as good. Of those in which a
defect is plain to see (rules.PLAIN: markup, capitals, a bare code, no brand; their share is told)
``auc_clean`` and ``ece_clean`` leave out all, ``auc_plain_bad`` and ``ece_plain_bad`` count all as
bad. In ``audited`` a reader's labels, not rules, say which originals are bad. ``unseen`` are forms
of each defect that were never taught. Repairs are measured in ``language_listing_repairs.py``.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from language_calibration import BINS, calibration_error
from language_listing_audit import audited
from language_listing_floors import text_floor
from language_listing_nature import defects_by_nature
from language_listing_repairs import measure_repairs
from sklearn.metrics import f1_score, roc_auc_score

from governance.settings import PROJECT_ROOT
from training.encoder.checkpoint import load_encoder
from training.listing_quality.catalogue_file import read_listings
from training.listing_quality.corruptions import plant
from training.listing_quality.evidence import Embed
from training.listing_quality.listing import DEFECTS, Listing, family_of
from training.listing_quality.mixes import Mix, mixed
from training.listing_quality.model import NAMED_FROM, QualityModel
from training.listing_quality.planted import Sources
from training.listing_quality.rules import PLAIN, signs_of
from training.listing_quality.train import read_quality_knobs, split, train

DEFAULT = PROJECT_ROOT.parent / "shared" / "data" / "icecat_catalogue" / "products.parquet"
JUDGED = 0.2  # of the families
BAD = 0.3  # of the judged mix
OF_A_DEFECT = 400  # held-out products that each defect is planted into, at most
QUICK_LISTINGS = 4_000
DRAWS = 500  # of the bootstrap, over families: near copies are judged together
TOKENS = 48  # of a text: titles have 15, descriptions 30


def measure(data: Path | None, *, quick: bool, work: Path) -> dict[str, Any]:
    """Every figure of the task; ``work`` is not needed, nothing here is long."""
    listings = read_listings(data or DEFAULT)
    if quick:
        rows = np.random.default_rng(0).permutation(len(listings))[:QUICK_LISTINGS]
        listings = [listings[row] for row in sorted(rows)]
    taught, judged = split(listings, JUDGED, seed=99)
    knobs = replace(read_quality_knobs(), most_listings=1_500 if quick else 12_000)
    encoder = load_encoder()

    def plain_embed(texts: Sequence[str]) -> np.ndarray:
        return encoder.embed(texts, length=TOKENS)

    models = {
        name: train(taught, knobs, embed=embed, progress=_say)
        for name, embed in (
            ("trees", _remembering(plain_embed)),
            ("trees_without_encoder", None),
        )
    }
    model, sources = models["trees"], Sources.of(taught)
    mix = mixed(judged, sources, share=BAD, seed=5)
    unseen = mixed(judged, sources, share=BAD, seed=6, is_unseen=True)
    return {
        "products": len(listings), "judged": len(judged), "bad_share": BAD, "bins": BINS,
        **_figures(model, mix, is_bounded=True),
        "audited": audited(model, mix, judged),
        "unseen_auc": (forms := _figures(model, unseen))["auc"],
        "unseen": forms,
        "by_defect": _by_defect(model, judged, sources),
        "floors": {
            "rules": _auc(mix, _signs(model, mix)),
            "tfidf_lr": text_floor(taught, mix, knobs),
            "trees_without_encoder": _auc(mix, _bad(models["trees_without_encoder"], mix)),
        },
        "listings_per_second": _speeds(models, judged, plain_embed),
        "defects_by_nature": defects_by_nature(model, judged, quick=quick),
        "repairs": measure_repairs(taught, judged),
    }  # fmt: skip


def _figures(model: QualityModel, mix: Mix, *, is_bounded: bool = False) -> dict[str, Any]:
    good, defects = model.chances(model.evidence(mix.listings))
    bad, chance = mix.has("bad"), 1 - good
    plain = np.array(
        [bool(PLAIN & signs_of(one, model.catalogue.known).keys()) for one in mix.listings]
    )
    clean = bad | ~plain
    figures: dict[str, Any] = {
        "auc": _auc(mix, chance),
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


def _by_defect(
    model: QualityModel, judged: list[Listing], sources: Sources
) -> dict[str, dict[str, float]]:
    """AUC of "good" against listings with one defect each."""
    good, _ = model.chances(model.evidence(judged))
    return {name: _of_defect(name, model, judged, sources, good) for name in DEFECTS}


def _of_defect(
    name: str, model: QualityModel, judged: list[Listing], sources: Sources, good: np.ndarray
) -> dict[str, float]:
    """In taught and in unseen forms; ``good`` are the chances of the listings as they came."""
    told: dict[str, float] = {}
    clean = np.array([not PLAIN & signs_of(one, model.catalogue.known).keys() for one in judged])
    for prefix, is_unseen in (("", False), ("unseen_", True)):
        draw = np.random.default_rng((8, int(is_unseen)))
        planted = [
            one for listing in judged
            if (one := plant(name, listing, sources, draw, is_unseen=is_unseen))
        ][:OF_A_DEFECT]  # fmt: skip
        if not planted:
            continue
        bad, _ = model.chances(model.evidence([one.listing for one in planted]))
        for suffix, kept in (("", good), ("_clean", good[clean])):
            labels = np.r_[np.zeros(len(kept)), np.ones(len(bad))]
            value = roc_auc_score(labels, 1 - np.r_[kept, bad])
            told[f"{prefix}auc{suffix}"] = round(float(value), 4)
        told[f"{prefix}planted"] = len(planted)
    return told


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


def _speeds(
    models: dict[str, QualityModel], judged: list[Listing], embed: Embed
) -> dict[str, float]:
    """Listings judged in a second, verdicts with their words included."""
    part, told = judged[:1_500], {}
    for name, model in models.items():
        if name == "trees":
            model = replace(model, embed=embed)
        started = time.monotonic()
        model.verdicts(part)
        told[name] = round(len(part) / (time.monotonic() - started), 1)
    return told


def _remembering(embed: Embed) -> Embed:
    """The same vectors, each text read once: the judged listings come back for every defect."""
    known: dict[str, np.ndarray] = {}

    def remembered(texts: Sequence[str]) -> np.ndarray:
        if new := [text for text in texts if text not in known]:
            known.update(zip(new, embed(new), strict=True))
        return np.stack([known[text] for text in texts])

    return remembered


def _auc(mix: Mix, chance_bad: np.ndarray) -> float:
    return round(float(roc_auc_score(mix.has("bad"), chance_bad)), 4)


def _bad(model: QualityModel, mix: Mix) -> np.ndarray:
    return 1 - model.chances(model.evidence(mix.listings))[0]


def _signs(model: QualityModel, mix: Mix) -> np.ndarray:
    return np.array([len(signs_of(one, model.catalogue.known)) for one in mix.listings])


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
