"""Fit session neighbours: an index of who met what, with weights by age, length and rarity."""

from dataclasses import dataclass

import numpy as np

from training.sequences import Sequences
from training.session_neighbours.model import SessionNeighbours


@dataclass(frozen=True)
class SessionNeighboursConfig:
    """Knobs with their effects."""

    neighbours: int = 1_000  # nearest sessions that propose
    history_decay: float = 0.6  # per step back: how fast earlier acts of the history fade
    session_decay: float = 1.5  # the first session weighs e^-this against the last
    length_power: float = 0.5  # of a session's length, divided out of its likeness
    rarity_power: float = 0.3  # of an item's popularity, divided out of a match
    to_power: float = 0.2  # of an item's popularity, divided out of a proposal
    nearness: float = 0.8  # an item d acts from the match weighs d^-this
    backward: float = 0.6  # of items before the match, against 1 after it
    repeats: float = 0.3  # of one's own latest item, against 1 for the best of the others


def fit_session_neighbours(
    sequences: Sequences, config: SessionNeighboursConfig
) -> SessionNeighbours:
    """``sequences`` in time order of sessions."""
    sizes = np.maximum(np.diff(sequences.starts), 1)
    age = 1.0 - np.arange(1, len(sequences) + 1) / max(len(sequences), 1)
    weight = np.exp(-config.session_decay * age) * sizes**-config.length_power
    popular = np.maximum(np.bincount(sequences.item, minlength=sequences.item_count), 1)
    met = _last_act_per_session(sequences)
    met = met[np.argsort(sequences.item[met], kind="stable")]
    counts = np.bincount(sequences.item[met], minlength=sequences.item_count)
    return SessionNeighbours(
        starts=sequences.starts,
        item=sequences.item,
        session_weight=weight.astype(np.float32),
        met_starts=np.concatenate([[0], np.cumsum(counts)]),
        met=met,
        rarity=(popular.astype(np.float64) ** -config.rarity_power).astype(np.float32),
        item_weight=(popular.astype(np.float64) ** -config.to_power).astype(np.float32),
        neighbours=config.neighbours,
        history_decay=config.history_decay,
        nearness=config.nearness,
        backward=config.backward,
        repeats=config.repeats,
    )


def _last_act_per_session(sequences: Sequences) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Places of the last act on each item of each session, in order."""
    key = sequences.owner() * sequences.item_count + sequences.item
    _, from_the_end = np.unique(key[::-1], return_index=True)
    last: np.ndarray[tuple[int], np.dtype[np.int64]] = np.sort(len(key) - 1 - from_the_end)
    return last
