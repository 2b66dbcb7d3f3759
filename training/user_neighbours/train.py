"""Fit user neighbours: each user's items, rare ones weighing more, by the user's length."""

from dataclasses import dataclass

import numpy as np

from training.item_neighbours.train import interactions
from training.sequences import Sequences
from training.user_neighbours.model import UserNeighbours


@dataclass(frozen=True)
class UserNeighboursConfig:
    """Knobs with their effects."""

    neighbours: int = 200  # nearest users that propose
    shrinkage: float = 1.0  # added to a user's length: less is said by few acts
    rarity_power: float = 0.5  # of an item's popularity, divided out of a comparison
    history_decay: float = 0.8  # per step back; below 1 the latest items say more


def fit_user_neighbours(sequences: Sequences, config: UserNeighboursConfig) -> UserNeighbours:
    """Nothing is compared yet: that is done for the histories that ask."""
    chosen = interactions(sequences)
    popular = np.maximum(np.bincount(chosen.indices, minlength=sequences.item_count), 1)
    rarity = popular.astype(np.float64) ** -config.rarity_power
    length = np.sqrt(np.add.reduceat(np.r_[rarity[chosen.indices] ** 2, 0.0], chosen.indptr[:-1]))
    sizes = np.diff(chosen.indptr)
    by_length = rarity[chosen.indices] / np.repeat(length + config.shrinkage, sizes)
    return UserNeighbours(
        starts=chosen.indptr.astype(np.int64),
        item=chosen.indices.astype(np.int32),
        compared=by_length.astype(np.float32),
        rarity=rarity.astype(np.float32),
        neighbours=config.neighbours,
        history_decay=config.history_decay,
    )
