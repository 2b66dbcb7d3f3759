"""Fit cosine neighbours of items: how many shoppers chose both, by how many chose either.

Shrinkage lowers what few shoppers say. One sparse product; the largest entries are kept.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from training.item_neighbours.model import ItemLinks, links_of
from training.sequences import Sequences


@dataclass(frozen=True)
class ItemNeighboursConfig:
    """Knobs with their effects."""

    neighbours: int = 200  # kept per item; more costs memory and adds noise
    shrinkage: float = 20.0  # shoppers in common that count as "nothing known"
    history_decay: float = 0.9  # per step back; below 1 the latest items say more


def fit_item_neighbours(sequences: Sequences, config: ItemNeighboursConfig) -> ItemLinks:
    """Cosine over the binary interaction matrix, shrunk."""
    chosen = interactions(sequences)
    both = sp.csr_array(chosen.T @ chosen)
    both.setdiag(0)
    both.eliminate_zeros()
    length = np.sqrt(np.bincount(chosen.indices, minlength=sequences.item_count))
    row = np.repeat(np.arange(sequences.item_count), np.diff(both.indptr))
    both.data = both.data / (length[row] * length[both.indices] + config.shrinkage)
    return links_of(both, neighbours=config.neighbours, history_decay=config.history_decay)


def interactions(sequences: Sequences) -> sp.csr_array:
    """(sequences, items) of ones."""
    shape = (len(sequences), sequences.item_count)
    ones = np.ones(len(sequences.item), dtype=np.float32)
    shared = (ones, sequences.item, sequences.starts)
    matrix = sp.csr_array(shared, shape=shape, copy=True)  # summing duplicates works in place
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    return matrix
