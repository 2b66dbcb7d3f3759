"""Known items sought in the whole catalogue: by words, by meaning before and after teaching, both.

``--data`` is a folder with products.parquet of Icecat's form, or that file. A query is an item's
title with about half of its words dropped and some misspelt (``training/text_search/judged.py``).
Items are dealt into three: what teaches the encoder, what fits the fusion and chooses the epoch,
what is judged; judged items teach nothing, and all of the catalogue is searched. Recall@10, an
interval by drawing queries again. The bar: ``hybrid`` at least ``bm25`` and at least ``dense``.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from language_intervals import Doubles

from governance.settings import PROJECT_ROOT
from training.encoder.checkpoint import load_encoder
from training.encoder.model import Encoder
from training.text_search.catalogue import Catalogue
from training.text_search.catalogue_file import read_catalogue
from training.text_search.clicks import Pairs
from training.text_search.config import SearchKnobs
from training.text_search.dense import embed
from training.text_search.fine_tune import DENSE_KNOBS, fine_tune_dense
from training.text_search.fit_fusion import fit_fusion
from training.text_search.fusion import FusionName
from training.text_search.index import SearchIndex, best_first
from training.text_search.judged import Judged, known_items
from training.text_search.lexical import Lexical

DEFAULT = PROJECT_ROOT.parent / "shared" / "data" / "icecat_catalogue"
JUDGED = {"full": 1_500, "quick": 200}
FITTED = {"full": 400, "quick": 100}  # queries that fit the fusion and choose the epoch
TAUGHT = {"full": 4_000, "quick": 320}
SEARCHED = {"full": 1_000_000, "quick": 2_000}  # products, drawn where there are more
KNOBS = replace(DENSE_KNOBS, epochs=1, length=32)
DEPTH, SEED, DRAWS = 10, 7, 1_000
WAYS: Mapping[str, FusionName | None] = {
    "bm25": "lexical", "dense": "dense", "convex": "convex",
    "reciprocal_rank": "reciprocal_rank", "hybrid": None,
}  # fmt: skip


def measure(data: Path | None, *, quick: bool, work: Path) -> dict[str, Any]:
    """Recall@10 of each way; those of the tuned encoder have ``tuned_`` before their name."""
    del work
    effort = "quick" if quick else "full"
    catalogue = _drawn(read_catalogue(data or DEFAULT), SEARCHED[effort])
    order = np.random.default_rng(SEED).permutation(len(catalogue))
    judged_rows, fitted_rows, taught_rows = np.split(order, [len(order) // 4, len(order) // 3])
    judged = known_items(catalogue, JUDGED[effort], rows=judged_rows.tolist(), seed=SEED)
    fitted = known_items(catalogue, FITTED[effort], rows=fitted_rows.tolist(), seed=SEED + 1)
    taught = known_items(catalogue, TAUGHT[effort], rows=taught_rows.tolist(), seed=SEED + 2)
    encoder, knobs = load_encoder(), SearchKnobs()
    tuned = fine_tune_dense(
        encoder, _pairs(catalogue, taught), _pairs(catalogue, fitted), KNOBS, progress=_say
    ).encoder
    lexical = Lexical.of(catalogue.texts(knobs.lexical_form))
    found: dict[str, Doubles] = {}
    fusions: dict[str, str] = {}
    for name, reader in (("", encoder), ("tuned_", tuned)):
        _say(f"dense-retrieval: {len(catalogue)} products to embed")
        index = _index(catalogue, lexical, reader, knobs)
        index = fit_fusion(index, fitted, progress=_say)
        fusions[f"{name}fusion"] = f"{index.fusion.name}, dense {index.fusion.dense_weight}"
        for way, values in _recalls(index, judged).items():
            if way != "bm25" or not name:  # it reads no vectors
                found[f"{name}{way}"] = values
        _say(f"dense-retrieval: {name or 'zero-shot '}answered")
    return _figures(found) | fusions | {"judged_queries": len(judged), "products": len(catalogue)}


def _drawn(catalogue: Catalogue, most: int) -> Catalogue:
    if len(catalogue) <= most:
        return catalogue
    rows = np.random.default_rng(SEED).choice(len(catalogue), most, replace=False)
    return Catalogue.of(catalogue.products[row] for row in np.sort(rows))


def _pairs(catalogue: Catalogue, judged: Sequence[Judged]) -> Pairs:
    items = [next(iter(one.gains)) for one in judged]
    products = [catalogue.products[catalogue.row_of[item]] for item in items]
    return Pairs(
        tuple(one.query for one in judged),
        tuple(product.text(SearchKnobs().dense_form) for product in products),
        tuple(items),
        np.ones(len(items), dtype=np.float32),
    )


def _index(
    catalogue: Catalogue, lexical: Lexical, encoder: Encoder, knobs: SearchKnobs
) -> SearchIndex:
    vectors = embed(encoder, catalogue.texts(knobs.dense_form), length=knobs.length)
    return SearchIndex(catalogue, lexical, vectors.astype(np.float32), encoder, knobs=knobs)


def _recalls(index: SearchIndex, judged: Sequence[Judged]) -> dict[str, Doubles]:
    """(Q,) of each way: 1 where the item sought is among its first ten."""
    found = {way: np.zeros(len(judged)) for way in WAYS}
    for at, one in enumerate(judged):
        pool = index.candidates(one.query, depth=index.knobs.depth)
        sought = index.catalogue.row_of[next(iter(one.gains))]
        for way, fusion in WAYS.items():
            order = best_first(pool, index.fused(one.query, pool, fusion))
            found[way][at] = sought in pool.item[order[:DEPTH]]
    return found


def _figures(found: Mapping[str, Doubles]) -> dict[str, Any]:
    """The headline is the tuned hybrid; floors are BM25 and the tuned dense list alone."""
    ways = {name: _with_interval("recall_at_10", values) for name, values in found.items()}
    best = found["tuned_hybrid"]
    beyond = {
        key: value
        for floor in ("bm25", "tuned_dense")
        for key, value in _with_interval(f"above_{floor}", best - found[floor]).items()
    }
    floors = {
        f"{n}_recall_at_10": ways[n]["recall_at_10"] for n in ("bm25", "dense", "tuned_dense")
    }
    return _with_interval("recall_at_10", best) | beyond | {"ways": ways, "floors": floors}


def _with_interval(name: str, values: Doubles) -> dict[str, float]:
    draw = np.random.default_rng(0)
    means = values[draw.integers(0, len(values), (DRAWS, len(values)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    found = {name: values.mean(), f"{name}_low": low, f"{name}_high": high}
    return {key: round(float(value), 4) for key, value in found.items()}


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
