"""The index of a catalogue by one encoder or another: words are indexed once, vectors kept.

Dimensions: N products, D numbers of a vector.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from training.encoder.model import Encoder
from training.text_search.catalogue import Catalogue
from training.text_search.config import SearchKnobs
from training.text_search.dense import Halves, Keys, text_keys
from training.text_search.fusion import Fusion
from training.text_search.graph import graph_of
from training.text_search.index import SearchIndex
from training.text_search.lexical import Lexical
from training.text_search.vector_store import Say, VectorStore


@dataclass(frozen=True)
class Embedded:
    """What each vector follows from (``dense.text_keys``), and the vectors."""

    keys: Keys  # (N, 32)
    vectors: Halves  # (N, D)


@dataclass(frozen=True)
class Assembly:
    """A catalogue and what its index is made with; only unknown texts are embedded."""

    catalogue: Catalogue
    knobs: SearchKnobs
    store: VectorStore
    progress: Say
    made: dict[str, Embedded] = field(default_factory=dict)  # by the encoder's digest

    def embedded(self, encoder: Encoder) -> Embedded:
        """The vectors of one encoder."""
        if encoder.digest not in self.made:
            texts, length = self.catalogue.texts(self.knobs.dense_form), self.knobs.length
            keys = text_keys(texts, encoder, length=length)
            vectors = self.store.vectors(encoder, texts, keys, length=length, say=self.progress)
            self.made[encoder.digest] = Embedded(keys, vectors)
        return self.made[encoder.digest]

    def index(self, encoder: Encoder, fusion: Fusion | None = None) -> SearchIndex:
        """The index by one encoder, joined by the default unless told."""
        exact = self.embedded(encoder).vectors.astype(np.float32)
        graph, recall = graph_of(exact, exact_up_to=self.knobs.exact_up_to)
        return SearchIndex(
            catalogue=self.catalogue,
            lexical=self._lexical,
            vectors=exact,
            encoder=encoder,
            fusion=fusion or Fusion(),
            knobs=self.knobs,
            graph=graph,
            graph_recall=recall,
        )

    @cached_property
    def _lexical(self) -> Lexical:
        return Lexical.of(self.catalogue.texts(self.knobs.lexical_form))
