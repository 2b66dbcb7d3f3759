"""Build an index of item vectors, and measure what it misses.

The limit is where a graph begins to pay: below it a matrix product answers as fast. Recall is the
share of the exact k best that the index finds, over queries drawn by a seed: users' vectors where
the caller has some, else items'. It is measured at every build, for 1.0 is only certain of the
exact search. Two builds with one thread give the same graph.
"""

import importlib.util
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from governance.errors import InputError
from training.exact_search import ExactIndex, VectorIndex
from training.nearest_items.model import GraphItems
from training.shop_data import Floats

logger = logging.getLogger(__name__)
NO_ENGINE = "usearch is not installed, so every search looks at all items: pip install usearch"


@dataclass(frozen=True)
class NearestConfig:
    """Knobs with their effects."""

    exact_up_to: int = 170_000  # items; above, a graph answers
    connectivity: int = 16  # links of an item; more finds more, takes more memory
    expansion_add: int = 128  # items looked at to place one; more finds more, builds slower
    expansion_search: int = 256  # items looked at per query; more finds more, answers slower
    recall_queries: int = 500  # over which recall is measured
    recall_at: tuple[int, ...] = (10, 100)
    threads: int = 1  # of the build; more is faster and lets the graph differ from run to run
    seed: int = 0


@dataclass(frozen=True)
class Built:
    """An index, its recall by k, and why it is of its kind."""

    index: VectorIndex
    vectors: Floats
    recall: Mapping[str, float]  # "recall_at_10" and so on
    reason: str
    seconds: float


def build(vectors: Floats, config: NearestConfig, *, queries: Floats | None = None) -> Built:
    """The kind of index that suits the number of vectors; (V, D), finite numbers only."""
    if vectors.ndim != 2 or not np.isfinite(vectors).all():
        raise InputError(
            f"vectors of shape {vectors.shape} cannot be searched",
            why="one row of finite numbers per item is needed",
            next_step="look for items without a vector, and leave them out or give them zeros",
        )
    began = time.perf_counter()
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    index, reason = _index_of(vectors, config)
    seconds = time.perf_counter() - began
    asked = sample_queries(vectors if queries is None else queries, config)
    return Built(index, vectors, recall_of(index, vectors, asked, config), reason, seconds)


def sample_queries(candidates: Floats, config: NearestConfig) -> Floats:
    """At most ``recall_queries`` rows, drawn without replacement, in order."""
    size = min(config.recall_queries, len(candidates))
    draw = np.random.default_rng(config.seed)
    chosen: Floats = candidates[np.sort(draw.choice(len(candidates), size, replace=False))]
    return chosen


def recall_of(
    index: VectorIndex, vectors: Floats, queries: Floats, config: NearestConfig
) -> dict[str, float]:
    """Share of the exact k best that ``index`` finds; 1.0 where there is nothing to find."""
    deepest = max(config.recall_at)
    exact, _ = ExactIndex.of(vectors).search(queries, k=deepest)
    found, _ = index.search(queries, k=deepest)
    recall = {}
    for k in config.recall_at:
        wanted = [set(row[:k]) - {-1} for row in exact]
        hits = sum(len(want & set(row[:k])) for want, row in zip(wanted, found, strict=True))
        recall[f"recall_at_{k}"] = hits / max(sum(map(len, wanted)), 1) if wanted else 1.0
    return recall


def has_engine() -> bool:
    """Is USearch installed?"""
    return importlib.util.find_spec("usearch") is not None


def _index_of(vectors: Floats, config: NearestConfig) -> tuple[VectorIndex, str]:
    count = len(vectors)
    if count <= config.exact_up_to:
        return ExactIndex.of(vectors), f"{count:,} items are at most {config.exact_up_to:,}"
    if not has_engine():
        logger.warning(NO_ENGINE)
        return ExactIndex.of(vectors), NO_ENGINE
    return _graph(vectors, config), f"{count:,} items are more than {config.exact_up_to:,}"


def _graph(vectors: Floats, config: NearestConfig) -> GraphItems:
    from usearch.index import Index

    graph = Index(
        ndim=vectors.shape[1],
        metric="ip",
        dtype="f32",
        connectivity=config.connectivity,
        expansion_add=config.expansion_add,
        expansion_search=config.expansion_search,
    )
    graph.add(np.arange(len(vectors)), vectors, threads=config.threads)
    return GraphItems(graph, vectors)
