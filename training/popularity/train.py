"""Count popularity, newer sequences weighing more where their order is an order in time."""

from dataclasses import dataclass

import numpy as np

from training.popularity.model import PopularItems
from training.sequences import Sequences


@dataclass(frozen=True)
class PopularityConfig:
    """Knobs with their effects."""

    kept: int = 1_000  # items; none below is proposed
    sequence_decay: float = 0.0  # how much less the first sequence weighs than the last: e^-this


def fit_popularity(sequences: Sequences, config: PopularityConfig) -> PopularItems:
    """Equal counts go by smaller item."""
    age = 1.0 - (sequences.owner() + 1) / max(len(sequences), 1)
    weights = np.exp(-config.sequence_decay * age)
    counts = np.bincount(sequences.item, weights=weights, minlength=sequences.item_count)
    best = np.argsort(-counts, kind="stable")[: config.kept]
    best = best[counts[best] > 0]
    return PopularItems(
        best.astype(np.int32), counts[best].astype(np.float32), sequences.item_count
    )
