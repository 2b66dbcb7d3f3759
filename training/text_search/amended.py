"""An index with some products written otherwise: what other words would do to a search.

    amending = Amending.of(index)
    amending.index_of([replace(product, title="Oat milk, vegan")]).search("vegan milk")

Only the changed texts are embedded, by what reads the queries; words are indexed anew, since a
word's weight follows from all texts. It is what a build of the changed catalogue would give, but
for rounding, and that the nearest vectors are found exactly where an index has a graph, which is of
the vectors before. Pure.

Dimensions: N products, D numbers of a vector.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from training.text_search.catalogue import Catalogue, Product
from training.text_search.index import SearchIndex
from training.text_search.lexical import Lexical
from training.text_search.words import words_of


@dataclass(frozen=True)
class Amending:
    """An index and (N,) the words of each product."""

    index: SearchIndex
    words: tuple[Sequence[str], ...]

    @classmethod
    def of(cls, index: SearchIndex) -> "Amending":
        """Words are read once for all changes; equal texts once."""
        texts = index.catalogue.texts(index.knobs.lexical_form)
        read = {text: words_of(text) for text in dict.fromkeys(texts)}
        return cls(index, tuple(read[text] for text in texts))

    def index_of(self, changed: Sequence[Product]) -> SearchIndex:
        """The index with these products in place of those of the same ids."""
        index, knobs = self.index, self.index.knobs
        products, words = list(index.catalogue.products), list(self.words)
        vectors = index.vectors.copy()
        rows = [index.catalogue.row_of[product.item_id] for product in changed]
        for row, product in zip(rows, changed, strict=True):
            products[row], words[row] = product, words_of(product.text(knobs.lexical_form))
        texts = [product.text(knobs.dense_form) for product in changed]
        vectors[rows] = index.encoder.embed(texts, length=knobs.length)
        return replace(
            index,
            catalogue=Catalogue(tuple(products)),
            lexical=Lexical.of_words(words),
            vectors=vectors,
            graph=None,
        )
