"""Search a catalogue: what agrees in words and what is near in meaning, joined and explained.

    index = load_index(Path("index"), load_encoder())
    for hit in search(index, "gaming laptop", filters=Filters(price=Between(high=900))):
        print(hit.rank, hit.item_id, hit.score, hit.lexical_rank, hit.dense_rank)

The one door for a server: what it may import of this folder stands here. The index itself is in
``index.py``; ``build.py`` makes one.
"""

from training.text_search.filters import NO_FILTERS, Between, Filters
from training.text_search.fusion import FUSIONS, Fusion, FusionName
from training.text_search.index import Hit, SearchIndex, Words
from training.text_search.index_file import load_index

__all__ = [
    "FUSIONS", "NO_FILTERS", "Between", "Filters", "Fusion", "FusionName", "Hit", "SearchIndex",
    "Words", "load_index", "search",
]  # fmt: skip


def search(
    index: SearchIndex,
    query: str,
    *,
    k: int = 10,
    filters: Filters = NO_FILTERS,
    fusion: FusionName | None = None,
) -> list[Hit]:
    """The k best products that satisfy the filters; by the index's own fusion unless named."""
    return index.search(query, k=k, filters=filters, fusion=fusion)
