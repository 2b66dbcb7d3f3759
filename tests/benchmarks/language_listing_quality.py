"""Listing quality on held-out products: planted defects told from the listings as they came.

    python tests/benchmarks/language.py --task listing-quality [--data PATH] [--quick] --json FILE

``--data`` is a folder with ``products.parquet`` or a Parquet file in Icecat's form or a shop's (see
``training/listing_quality/catalogue_file.py``). A fifth of the families of products judges and
teaches nothing. In the judged mix 30 % have a planted defect. Listings as they came may have
defects by nature: ``auc``, ``ece`` and the floors count them all as good. Of those in which a
defect is plain to see (rules.PLAIN: markup, capitals, a bare code, no brand; their share is told)
``auc_clean`` and ``ece_clean`` leave out all, ``auc_plain_bad`` and ``ece_plain_bad`` count all as
bad. In ``audited`` a reader's labels, not rules, say which originals are bad. ``unseen`` are forms
of each defect that were never taught. Repairs are measured in ``language_listing_repairs.py``; the
same on the default shop's listings, whatever ``--data``, in ``language_listing_shop.py``.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from language_calibration import BINS
from language_listing_attributes import read_truths
from language_listing_audit import audited
from language_listing_figures import BAD, auc_of, planted_figures
from language_listing_floors import text_floor
from language_listing_nature import flagged
from language_listing_repairs import measure_repairs
from language_listing_shop import measure_shop
from sklearn.metrics import roc_auc_score

from governance.settings import PROJECT_ROOT
from training.encoder.checkpoint import load_encoder
from training.listing_quality.catalogue_file import read_listings
from training.listing_quality.corruptions import plant
from training.listing_quality.evidence import Embed
from training.listing_quality.listing import DEFECTS, Listing
from training.listing_quality.mixes import Mix, mixed
from training.listing_quality.model import QualityModel
from training.listing_quality.planted import Sources
from training.listing_quality.rules import PLAIN, signs_of
from training.listing_quality.train import read_quality_knobs, split, train

DEFAULT = PROJECT_ROOT.parent / "shared" / "data" / "icecat_catalogue" / "products.parquet"
JUDGED = 0.2  # of the families
OF_A_DEFECT = 400  # held-out products that each defect is planted into, at most
QUICK_LISTINGS = 4_000
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
    shop, shop_flags = measure_shop(quick=quick)
    return {
        "products": len(listings), "judged": len(judged), "bad_share": BAD, "bins": BINS,
        **planted_figures(model, mix, is_bounded=True),
        "audited": audited(model, mix, judged),
        "unseen_auc": (forms := planted_figures(model, unseen))["auc"],
        "unseen": forms,
        "by_defect": _by_defect(model, judged, sources),
        "floors": {
            "rules": auc_of(mix, _signs(model, mix)),
            "tfidf_lr": text_floor(taught, mix, knobs),
            "trees_without_encoder": auc_of(mix, _bad(models["trees_without_encoder"], mix)),
        },
        "listings_per_second": _speeds(models, judged, plain_embed),
        "defects_by_nature": {"given": flagged(model, judged), **shop_flags},
        "repairs": measure_repairs(taught, judged, read_truths(data or DEFAULT)),
        **shop,
    }  # fmt: skip


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


def _bad(model: QualityModel, mix: Mix) -> np.ndarray:
    return 1 - model.chances(model.evidence(mix.listings))[0]


def _signs(model: QualityModel, mix: Mix) -> np.ndarray:
    return np.array([len(signs_of(one, model.catalogue.known)) for one in mix.listings])


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
