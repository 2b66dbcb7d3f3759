"""Hybrid search per second, over the catalogue and over 200,000 products, float and 8 bits.

``hybrid_large`` has 200,000 products, or with --quick 40,000: the catalogue repeated, with another
number at the end of each copy's title and a little noise in its vector, so that no two are equal.
Queries are known-item ones. Beside each stands the floor: the query's vector, one product with all
vectors, BM25's postings, in a loop of its own that joins nothing; ``ratio_to_floor`` is p50 by its
p50.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from timed_answers import timed

from governance.settings import PROJECT_ROOT
from training.encoder.checkpoint import load_encoder
from training.encoder.model import Encoder
from training.text_search.catalogue import Catalogue
from training.text_search.catalogue_file import read_catalogue
from training.text_search.config import SearchKnobs
from training.text_search.dense import embed
from training.text_search.index import SearchIndex
from training.text_search.judged import known_items
from training.text_search.lexical import Lexical
from training.text_search.query_encoder import QueryEncoder

DEFAULT = PROJECT_ROOT.parent / "shared" / "data" / "icecat_catalogue"
LARGE = {"full": 200_000, "quick": 40_000}
QUERIES = {"full": 300, "quick": 60}
QUICK_VECTORS = 4_000  # titles that are embedded; the rest repeat them
WARM_UP = 10  # queries that do not count
NOISE = 0.02  # of each number of a copied vector
_SEED = 3


def measure(data: Path | None, *, quick: bool, work: Path) -> dict[str, Any]:
    """Both sizes and their floors; queries read by ONNX, by torch, by 8 bits."""
    del work
    effort = "quick" if quick else "full"
    encoder, knobs = load_encoder(), SearchKnobs(dense_form="title", length=32)
    catalogue = read_catalogue(data or DEFAULT)
    asked = [one.query for one in known_items(catalogue, QUERIES[effort] + WARM_UP, seed=_SEED)]
    titles = catalogue.texts("title")[: QUICK_VECTORS if quick else None]
    _say(f"speed: {len(titles)} titles to embed")
    vectors = np.resize(
        embed(encoder, titles, length=knobs.length).astype(np.float32),
        (len(catalogue), encoder.width),
    )
    figures: dict[str, Any] = {}
    encoders = {bits: QueryEncoder.of(encoder, length=knobs.length, bits=bits) for bits in (32, 8)}
    for name, count in (
        ("hybrid_catalogue", len(catalogue)),
        ("hybrid_large", max(LARGE[effort], len(catalogue))),
    ):
        index = _index(catalogue, vectors, encoder, knobs, count)
        figures |= _both(name, index, encoders, asked)
        _say(f"speed: {name}: {figures[name]}")
    return figures


def _both(
    name: str, index: SearchIndex, encoders: Mapping[int, QueryEncoder], asked: Sequence[str]
) -> dict[str, dict[str, float]]:
    whole, eight = (replace(index, encoder=encoders[bits]) for bits in (32, 8))
    ways = {
        name: whole.search,
        f"{name}_torch": index.search,
        f"{name}_int8": eight.search,
        f"{name}_floor": partial(_bare, whole),
        f"{name}_int8_floor": partial(_bare, eight),
    }
    found = {way: timed(ask, asked, warm_up=WARM_UP) for way, ask in ways.items()}
    for way in (name, f"{name}_int8"):
        ratio = found[way]["p50_ms"] / max(found[f"{way}_floor"]["p50_ms"], 1e-9)
        found[way] |= {"ratio_to_floor": round(ratio, 3), "products": len(index.catalogue)}
    shared = [len(_ids(whole, query) & _ids(eight, query)) / 10 for query in asked[:50]]
    found[f"{name}_int8"]["top_10_shared_with_float"] = round(float(np.mean(shared)), 4)
    return found


def _ids(index: SearchIndex, query: str) -> set[str]:
    return {hit.item_id for hit in index.search(query)}


def _bare(index: SearchIndex, query: str) -> object:
    """What no hybrid search can do without."""
    asked = index.encoder.embed([query], length=index.knobs.length)[0]
    return index.vectors @ asked, index.lexical.scores(query)


def _index(
    catalogue: Catalogue, vectors: np.ndarray, encoder: Encoder, knobs: SearchKnobs, count: int
) -> SearchIndex:
    rows = np.arange(count) % len(catalogue)
    products = [
        replace(catalogue.products[row], item_id=str(at), attributes={})
        if at < len(catalogue)
        else replace(
            catalogue.products[row],
            item_id=str(at),
            title=f"{catalogue.products[row].title} {at // len(catalogue)}",
            attributes={},
        )
        for at, row in enumerate(rows.tolist())
    ]
    draw = np.random.default_rng(_SEED)
    spread = vectors[rows]
    if count > len(catalogue):
        spread += NOISE * draw.standard_normal(spread.shape, dtype=np.float32)
        spread /= np.linalg.norm(spread, axis=1, keepdims=True).clip(min=1e-12)
    grown = Catalogue.of(products)
    lexical = Lexical.of(grown.texts("title"))
    return SearchIndex(grown, lexical, spread, encoder, knobs=knobs)


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
