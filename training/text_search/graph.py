"""A graph over very many products' vectors (``training/nearest_items``), made and read again.

Where USearch is not installed, or the catalogue is small, there is none and search is exact.
"""

from collections.abc import Mapping
from pathlib import Path

from training.nearest_items.model import GraphItems
from training.nearest_items.train import NearestConfig, build, has_engine
from training.shop_data import Floats

_DEPTH = NearestConfig().expansion_search  # the file does not hold it


def graph_of(vectors: Floats, *, exact_up_to: int) -> tuple[GraphItems | None, Mapping[str, float]]:
    """The graph and its recall against exact search; none where a product with all is as fast."""
    if len(vectors) <= exact_up_to:
        return None, {}
    built = build(vectors, NearestConfig(exact_up_to=exact_up_to))
    return (built.index, built.recall) if isinstance(built.index, GraphItems) else (None, {})


def read_graph(path: Path, vectors: Floats) -> GraphItems | None:
    """The graph of a verified folder; None without the engine."""
    if not has_engine():
        return None
    from usearch.index import Index

    graph = Index(ndim=vectors.shape[1], metric="ip", dtype="f32", expansion_search=_DEPTH)
    graph.load(str(path))
    return GraphItems(graph, vectors)
