"""Hybrid search per second, over the catalogue and over 200,000 products, float and 8 bits.

The 200,000 are the catalogue repeated: each copy's title has another number at its end, and its
vector a little noise, so that no two are equal. One query at a time; queries are known-item ones.
Beside each stands the floor: the query's vector, one product with all vectors, BM25's postings, in
a loop of its own that joins nothing; ``ratio_to_floor`` is p50 by its p50.

"""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from governance.settings import PROJECT_ROOT
from training.encoder.checkpoint import load_encoder
from training.encoder.model import Encoder
from training.text_search.catalogue import Catalogue
from training.text_search.catalogue_file import read_catalogue
from training.text_search.config import SearchKnobs
from training.text_search.dense import embed
from training.text_search.index import SearchIndex
from training.text_search.int8_encoder import Int8Encoder, export_int8_encoder
from training.text_search.judged import known_items
from training.text_search.lexical import Lexical

DEFAULT = PROJECT_ROOT.parent / "shared" / "data" / "icecat_catalogue"
LARGE = {"full": 200_000, "quick": 40_000}
QUERIES = {"full": 300, "quick": 60}
WARM_UP = 10  # queries that do not count
NOISE = 0.02  # of each number of a copied vector
_SEED = 3


def measure(data: Path | None, *, quick: bool, work: Path) -> dict[str, Any]:
    """``hybrid_19k`` and ``hybrid_200k``, each with its floor, also with an encoder of 8 bits."""
    del work
    effort = "quick" if quick else "full"
    encoder, knobs = load_encoder(), SearchKnobs(dense_form="title", length=32)
    catalogue = read_catalogue(data or DEFAULT)
    asked = [one.query for one in known_items(catalogue, QUERIES[effort] + WARM_UP, seed=_SEED)]
    _say(f"speed: {len(catalogue)} titles to embed")
    vectors = embed(encoder, catalogue.texts("title"), length=knobs.length).astype(np.float32)
    figures: dict[str, Any] = {}
    with TemporaryDirectory() as folder:
        export_int8_encoder(encoder, Path(folder), length=knobs.length)
        small = Int8Encoder.load(Path(folder), encoder)
        for name, count in (("hybrid_19k", len(catalogue)), ("hybrid_200k", LARGE[effort])):
            index = _index(catalogue, vectors, encoder, knobs, count)
            figures |= _both(name, index, small, asked)
            _say(f"speed: {name}: {figures[name]}")
    return figures


def _both(
    name: str, index: SearchIndex, small: Int8Encoder, asked: Sequence[str]
) -> dict[str, dict[str, float]]:
    eight = replace(index, encoder=small)
    found = {
        name: _timed(lambda query: index.search(query), asked),
        f"{name}_int8": _timed(lambda query: eight.search(query), asked),
        f"{name}_floor": _timed(lambda query: _bare(index, query), asked),
        f"{name}_int8_floor": _timed(lambda query: _bare(eight, query), asked),
    }
    for way in (name, f"{name}_int8"):
        found[way]["ratio_to_floor"] = round(
            found[way]["p50_ms"] / max(found[f"{way}_floor"]["p50_ms"], 1e-9), 3
        )
        found[way]["products"] = len(index.catalogue)
    same = [
        len(
            {hit.item_id for hit in index.search(query)}
            & {hit.item_id for hit in eight.search(query)}
        )
        / 10
        for query in asked[:50]
    ]
    found[f"{name}_int8"]["top_10_shared_with_float"] = round(float(np.mean(same)), 4)
    return found


def _bare(index: SearchIndex, query: str) -> object:
    """What no hybrid search can do without."""
    asked = index.encoder.embed([query], length=index.knobs.length)[0]
    return index.vectors @ asked, index.lexical.scores(query)


def _timed(answer: Callable[[str], object], asked: Sequence[str]) -> dict[str, float]:
    seconds = []
    for query in asked:
        began = time.perf_counter()
        answer(query)
        seconds.append(time.perf_counter() - began)
    counted = np.array(seconds[WARM_UP:])
    return {
        "p50_ms": round(float(np.percentile(counted, 50)) * 1000, 3),
        "p99_ms": round(float(np.percentile(counted, 99)) * 1000, 3),
        "qps": round(float(len(counted) / counted.sum()), 2),
    }


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
