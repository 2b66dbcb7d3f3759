"""Fit co-visitation over sequences: what follows what, how far apart, of what kind.

A pair of acts weighs less the further apart they are, less when read backwards, and by the kinds
of both acts where there are kinds (view, cart, purchase). Powers of both popularities are divided
out. Repeats are links of an item to itself.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from training.item_neighbours.model import ItemLinks, links_of
from training.sequences import Sequences
from training.shop_data import Ints


@dataclass(frozen=True)
class SequenceCovisitationConfig:
    """Knobs with their effects."""

    distance: int = 50  # steps between two acts of a pair at most
    distance_power: float = 0.5  # a pair d steps apart weighs d^-this
    backward: float = 0.5  # of a pair read against time, against 1 along it
    from_power: float = 0.5  # of the popularity of i, divided out
    to_power: float = 0.4  # of the popularity of j, divided out: more favours rare items
    history_decay: float = 0.75  # per step back in the history at answer time
    sequence_decay: float = 0.0  # how much less the first sequence weighs than the last: e^-this
    neighbours: int = 1_000  # kept per item
    with_repeats: bool = True  # may an item follow itself


def fit_sequence_covisitation(
    sequences: Sequences,
    config: SequenceCovisitationConfig,
    *,
    kinds: Ints | None = None,
    kind_weights: npt.NDArray[np.float64] | None = None,
) -> ItemLinks:
    """``kinds[a]`` is the kind of act a; ``kind_weights[k, l]`` weighs an l seen after a k."""
    count = sequences.item_count
    counts = _pair_weights(sequences, config, kinds, kind_weights)
    if not config.with_repeats:
        counts.setdiag(0)
    popular = np.maximum(np.bincount(sequences.item, minlength=count), 1).astype(np.float64)
    row = np.repeat(np.arange(count), np.diff(counts.indptr))
    counts.data = (
        counts.data
        * popular[row] ** -config.from_power
        * popular[counts.indices] ** -config.to_power
    )
    return links_of(counts, neighbours=config.neighbours, history_decay=config.history_decay)


def _pair_weights(
    sequences: Sequences,
    config: SequenceCovisitationConfig,
    kinds: Ints | None,
    kind_weights: npt.NDArray[np.float64] | None,
) -> sp.csr_array:
    """Sum of weights of every ordered pair of items, both directions of reading."""
    count, item, owner = sequences.item_count, sequences.item, sequences.owner()
    age = 1.0 - (owner + 1) / max(len(sequences), 1)
    newness = np.exp(-config.sequence_decay * age)
    total = sp.csr_array((count, count), dtype=np.float64)
    longest = int(np.diff(sequences.starts).max(initial=0))
    for distance in range(1, min(config.distance, longest - 1) + 1):
        first = np.flatnonzero(owner[:-distance] == owner[distance:])
        second = first + distance
        weight = newness[first] * distance**-config.distance_power
        along, against = weight, weight * config.backward
        if kinds is not None and kind_weights is not None:
            along = along * kind_weights[kinds[first], kinds[second]]
            against = against * kind_weights[kinds[second], kinds[first]]
        pairs = (np.r_[item[first], item[second]], np.r_[item[second], item[first]])
        found = sp.coo_array((np.r_[along, against], pairs), shape=(count, count))
        total = total + sp.csr_array(found)
    return sp.csr_array(total)
