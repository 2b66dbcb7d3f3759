"""Both towers at answer time: texts become item rows, rows of a history become a user.

Dimensions: n histories, V items, W word buckets, R words with learned vectors, D width. A score is
``word_scale`` x cosine of words + product of learned vectors + what the words say of popularity.
All three need a text and no act, so an item has them before anybody had it; a user is the fading
mean of their items' rows, and one without items is offered what the words foretell to be popular.
Pure numpy and scipy; knows no files.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from training.retrievers import NO_ITEM, Histories, fading
from training.shop_data import Floats, Ints, Longs
from training.two_tower.words import BUCKETS, counted, unit_rows


@dataclass(frozen=True)
class TowerItems:
    """The rows of a catalogue, and how a user is made of them: a retriever."""

    starts: Longs  # words of item i: word[starts[i]:starts[i + 1]]
    word: Ints
    weight: Floats  # rows of length 1
    offered: Floats  # (V, D): an item as a candidate
    had: Floats  # (V, D): the same item in a history
    prior: Floats  # (V,): log popularity that its words foretell
    word_scale: float
    history_decay: float  # per step back: 1 remembers all alike, 0.5 mostly the latest item

    @property
    def item_count(self) -> int:
        return len(self.prior)

    @cached_property
    def words(self) -> sp.csr_array:
        """(V, W)."""
        return sp.csr_array((self.weight, self.word, self.starts), shape=(self.item_count, BUCKETS))

    @cached_property
    def items_of_word(self) -> sp.csr_array:
        """(W, V)."""
        return sp.csr_array(self.words.T)

    def score(self, histories: Histories) -> Floats:
        """(n, V); every item has a score, the prior alone where the history is empty."""
        shown = profiles(histories, item_count=self.item_count, decay=self.history_decay)
        alike = (shown @ self.words) @ self.items_of_word
        learned = (shown @ self.had) @ self.offered.T
        scores: Floats = self.word_scale * alike.toarray() + learned + self.prior
        return scores.astype(np.float32)

    def causes(self, history: Ints, items: Ints) -> Ints:
        """Per item the history item that adds most to its score; -1 where none adds."""
        shown = profiles([history], item_count=self.item_count, decay=self.history_decay)
        if not shown.nnz or not len(items):
            return np.full(len(items), NO_ITEM, dtype=np.int32)
        alike = (self.words[shown.indices] @ self.words[items].T).toarray()
        learned = self.had[shown.indices] @ self.offered[items].T
        parts = (self.word_scale * alike + learned) * shown.data[:, None]
        found = shown.indices[parts.argmax(axis=0)]
        return np.where(parts.max(axis=0) > 0, found, NO_ITEM).astype(np.int32)


@dataclass(frozen=True)
class TextTower:
    """What was learned: makes the row of any item from its text, seen before or not."""

    rarity: Floats  # (W,)
    row: Ints  # (W,): place of a word's learned vector, -1 for none
    vectors: Floats  # (R, D)
    prior: Floats  # (R,)
    asking: Floats  # (D, D): turns an item had into an item asked for
    word_scale: float
    vector_scale: float
    history_decay: float
    place_power: float
    leading: float

    def items(self, titles: Sequence[str]) -> TowerItems:
        """Rows for a whole catalogue; an item's row depends on its own title only."""
        counts = counted(titles, place_power=self.place_power, leading=self.leading)
        words = unit_rows(counts, self.rarity)
        learned = with_vectors(words, self.row, len(self.prior))
        offered = unit(learned @ self.vectors)
        return TowerItems(
            starts=words.indptr.astype(np.int64),
            word=words.indices.astype(np.int32),
            weight=words.data.astype(np.float32),
            offered=(self.vector_scale * offered).astype(np.float32),
            had=(offered @ self.asking.T).astype(np.float32),
            prior=(learned @ self.prior).astype(np.float32),
            word_scale=self.word_scale,
            history_decay=self.history_decay,
        )


def profiles(histories: Histories, *, item_count: int, decay: float) -> sp.csr_array:
    """(n, V): decay^steps, over the root of their sum: more acts say more, but less each."""
    shown = fading(histories, item_count=item_count, decay=decay)
    total = np.asarray(shown.sum(axis=1)).ravel()
    scale = 1 / np.sqrt(np.maximum(total, 1e-9))
    return sp.csr_array(sp.diags_array(scale.astype(np.float32)) @ shown)


def with_vectors(words: sp.csr_array, row: Ints, count: int) -> sp.csr_array:
    """(items, R): the words that have learned vectors."""
    place = row[words.indices]
    kept = place >= 0
    starts = np.concatenate([[0], np.cumsum(kept)])[words.indptr].astype(np.int64)
    return sp.csr_array((words.data[kept], place[kept], starts), shape=(words.shape[0], count))


def unit(vectors: Floats) -> Floats:
    """Rows of length 1; zeros stay."""
    length = np.sqrt((vectors**2).sum(axis=1, keepdims=True))
    found: Floats = vectors / np.maximum(length, 1e-4)
    return found
