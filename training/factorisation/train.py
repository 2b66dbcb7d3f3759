"""Fit EASE: the inverse of the item Gram matrix plus a ridge, in float32 by Cholesky.

Time grows with the cube of the catalogue and memory with its square, so above ``LARGEST`` items
it is left out: neighbourhood models and SASRec cover those catalogues.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack

from governance.errors import InputError
from training.factorisation.model import Ease
from training.item_neighbours.train import interactions
from training.sequences import Sequences

LARGEST = 15_000  # items: 0.9 GB per copy of the matrix, two copies while fitting


@dataclass(frozen=True)
class EaseConfig:
    """Knobs with their effects."""

    ridge: float = 200.0  # higher trusts few shoppers less
    popularity_power: float = 0.0  # of the proposed item, divided out; above 0 favours rare items
    history_decay: float = 0.8  # per step back; below 1 the latest items say more


def fit_ease(sequences: Sequences, config: EaseConfig) -> Ease:
    """Raises InputError above LARGEST items."""
    if sequences.item_count > LARGEST:
        raise InputError(
            f"EASE is not fitted for {sequences.item_count} items",
            why=f"its time grows with the cube of the catalogue; the limit is {LARGEST}",
            next_step="use item neighbours or co-visitation",
        )
    chosen = interactions(sequences)
    gram = (chosen.T @ chosen).toarray().astype(np.float32)
    popular = np.maximum(gram.diagonal(), 1).copy()
    gram[np.diag_indices_from(gram)] += config.ridge
    factor, failed = lapack.spotrf(gram.T, lower=1, overwrite_a=1)
    inverse, failed_too = lapack.spotri(factor, lower=1, overwrite_c=1)
    if failed or failed_too:
        raise InputError("the item matrix cannot be inverted", next_step="raise the ridge")
    lower = np.tril(inverse, -1)
    diagonal = inverse.diagonal().copy()
    weights = lower + lower.T
    weights /= -diagonal[None, :]
    weights *= (popular**-config.popularity_power)[None, :]
    return Ease(np.ascontiguousarray(weights, dtype=np.float32), config.history_decay)
