"""Session neighbours at answer time (V-SkNN with recency, nearness and repeats), without loops.

For a history: its items meet the earlier sessions that hold them; a session's likeness is the sum
of what they share (late acts and rare items weigh more), by its length and its age. The nearest
sessions propose their other items, most of all those close behind the act that met the history's
latest shared item. Pure numpy and scipy over flat arrays; knows no files.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from training.retrievers import NO_ITEM, Histories, best_per_row, flat, spans
from training.shop_data import Floats, Ints, Longs

_LEAST = 1e-12  # keeps a row without proposals from being divided by zero


@dataclass(frozen=True)
class SessionNeighbours:
    """Sessions as flat acts, who met which item, and the knobs as fitted."""

    starts: Longs  # acts of session s: item[starts[s]:starts[s + 1]]
    item: Ints
    session_weight: Floats  # by age and length
    met_starts: Longs  # acts on item i: met[met_starts[i]:met_starts[i + 1]]
    met: Longs
    rarity: Floats  # per item, of a match
    item_weight: Floats  # per item, of a proposal
    neighbours: int
    history_decay: float
    nearness: float
    backward: float
    repeats: float

    @property
    def item_count(self) -> int:
        return len(self.met_starts) - 1

    @cached_property
    def session(self) -> Longs:
        """Per act its session."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))

    def sparse_scores(self, histories: Histories) -> sp.csr_array:
        """Each row's best proposal from others scores 1; repeats of own items come on top."""
        row, item, weight, _ = self._summands(histories)
        shape = (len(histories), self.item_count)
        scores = sp.csr_array(sp.coo_array((weight, (row, item)), shape=shape))
        best = np.maximum(scores.max(axis=1).toarray().ravel(), _LEAST)
        scores.data = scores.data / np.repeat(best, np.diff(scores.indptr))
        if self.repeats > 0:
            own, again, fading = self._repeats(histories)
            scores = scores + sp.csr_array(sp.coo_array((fading, (own, again)), shape=shape))
        return sp.csr_array(scores.astype(np.float32))

    def score(self, histories: Histories) -> Floats:
        """(n, item_count)."""
        scores: Floats = self.sparse_scores(histories).toarray()
        return scores

    def causes(self, history: Ints, items: Ints) -> Ints:
        """Per item the history item that gave it most of its score.

        Through it the sessions that proposed the item were met; or it is the item itself, again.
        """
        _, proposed, weight, through = self._summands([history])
        best = max(np.bincount(proposed, weights=weight).max(initial=0.0), _LEAST)
        weight = weight / best
        if self.repeats > 0:
            _, again, fading = self._repeats([history])
            proposed, through = np.r_[proposed, again], np.r_[through, again]
            weight = np.r_[weight, fading]
        place = np.full(self.item_count, NO_ITEM, dtype=np.int64)
        place[items] = np.arange(len(items))
        kept = np.flatnonzero(place[proposed] != NO_ITEM)
        shape = (len(items), self.item_count)
        cells = (place[proposed[kept]], through[kept])
        parts = sp.coo_array((weight[kept], cells), shape=shape).toarray()
        found = np.where(parts.max(axis=1) > 0, parts.argmax(axis=1), NO_ITEM)
        return found.astype(np.int32)

    def _repeats(self, histories: Histories) -> tuple[Longs, Ints, Floats]:
        """(row, own item, what it scores for being its own) of every item of each history."""
        row, item, steps_ago = _latest_acts(histories, self.item_count)
        return row, item, self.repeats * self.history_decay**steps_ago

    def _summands(self, histories: Histories) -> tuple[Longs, Ints, Floats, Ints]:
        """(row, proposed item, weight, history item that met the session) of every proposal."""
        row, session, likeness, met_act = self._nearest(histories)
        begins = self.starts[session]
        lengths = self.starts[session + 1] - begins
        acts = spans(begins, lengths)
        pair = np.repeat(np.arange(len(session)), lengths)
        offset = acts - met_act[pair]
        near = np.maximum(np.abs(offset), 1.0) ** -self.nearness
        near = np.where(offset > 0, near, self.backward * near)
        near[offset == 0] = 0.0
        weight = likeness[pair] * near * self.item_weight[self.item[acts]]
        return row[pair], self.item[acts], weight, self.item[met_act[pair]]

    def _nearest(self, histories: Histories) -> tuple[Longs, Longs, Floats, Longs]:
        """(row, session, likeness, act that met the latest shared item) of the nearest ones."""
        owner, item, steps_ago = _latest_acts(histories, self.item_count)
        latest_first = np.argsort(steps_ago, kind="stable")
        owner, item = owner[latest_first], item[latest_first]
        steps_ago = steps_ago[latest_first]
        begins = self.met_starts[item]
        lengths = self.met_starts[item + 1] - begins
        source = np.repeat(np.arange(len(item)), lengths)
        acts = self.met[spans(begins, lengths)]
        part = (self.history_decay**steps_ago * self.rarity[item])[source]
        key = owner[source] * len(self.starts) + self.session[acts]
        order = np.argsort(key, kind="stable")  # within a pair the latest shared item stays first
        sorted_key = key[order]
        first = np.flatnonzero(np.r_[True, sorted_key[1:] != sorted_key[:-1]][: len(key)])
        row, session = np.divmod(sorted_key[first], len(self.starts))
        shared = np.add.reduceat(part[order], first) if len(first) else part
        likeness = shared * self.session_weight[session]
        kept = best_per_row(row, likeness, self.neighbours)
        return row[kept], session[kept], likeness[kept], acts[order][first][kept]


def _latest_acts(histories: Histories, item_count: int) -> tuple[Longs, Ints, Longs]:
    """(row, item, steps ago) of the latest act on each item of each history."""
    row, item, steps_ago = flat(histories)
    key = row * item_count + item
    _, from_the_end = np.unique(key[::-1], return_index=True)
    last = len(key) - 1 - from_the_end
    return row[last], item[last], steps_ago[last]
