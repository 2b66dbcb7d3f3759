"""The deep ranker at answer time: DCN-v2 in numpy, behind the interface of the LightGBM ranker.

Dimensions: n candidates, d columns, D prepared columns, L cross layers, r their rank, H width of
the shared layers, T tasks. No torch: 200 candidates are a few small matrix products, and a server
that does not import torch starts four seconds sooner. ``network.py`` is the same in torch, and a
test holds the two together. Knows no files: arrays in, scores out.

The score of a candidate is its purchase logit, plus ``cart`` and ``click`` weights times the other
two logits; the weights are part of the model.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from training.deep_ranker.columns import Preparation
from training.ranker.model import FeatureColumn, feature_matrix
from training.shop_data import Floats

TASKS = ("click", "cart", "purchase")  # the order of heads, labels and score weights
_PREPARED, _NETWORK, _SCORE = "prepared.", "network.", "score_weights"


@dataclass(frozen=True)
class DeepRanker:
    """Scores candidates; ``retrieval`` columns come first, then the service's, in its order."""

    preparation: Preparation
    weights: Mapping[str, Floats]  # the network's, by their names in torch
    score_weights: Floats  # (T,) what each task's logit adds to the score
    retrieval: tuple[str, ...]
    service: tuple[FeatureColumn, ...]

    def scores(
        self, retrieval: Floats, user: npt.NDArray[np.floating], item: npt.NDArray[np.floating]
    ) -> npt.NDArray[np.float64]:
        """One score per candidate from (n, retrieval), (user columns,), (n, item columns)."""
        users = np.broadcast_to(user, (len(retrieval), len(user)))
        return self.scores_of(feature_matrix(retrieval, users, item, self.service))

    def scores_of(self, values: Floats) -> npt.NDArray[np.float64]:
        """(n,) scores of (n, d) rows in bundle order."""
        return (self.logits(values) @ self.score_weights).astype(np.float64)

    def logits(self, values: Floats) -> Floats:
        """(n, T) logits of (n, d) rows: log-odds of a click, a cart, a purchase."""
        return forward(self.weights, self.preparation.of(values))

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Everything but the columns' names, for a bundle."""
        found: dict[str, npt.NDArray[np.generic]] = {_SCORE: self.score_weights}
        for name in ("knots", "levels", "missing"):
            found[_PREPARED + name] = getattr(self.preparation, name)
        return found | {_NETWORK + name: value for name, value in self.weights.items()}

    @classmethod
    def from_arrays(
        cls,
        arrays: Mapping[str, npt.NDArray[np.generic]],
        *,
        retrieval: tuple[str, ...],
        service: tuple[FeatureColumn, ...],
    ) -> "DeepRanker":
        """The ranker that :meth:`arrays` came from."""
        prepared = Preparation(**_under(_PREPARED, arrays))
        weights = _under(_NETWORK, arrays)
        score_weights = arrays[_SCORE].astype(np.float32)
        return cls(prepared, weights, score_weights, retrieval, service)


def forward(weights: Mapping[str, Floats], first: Floats) -> Floats:
    """(n, T) logits from prepared rows (n, D)."""
    crossed = first
    for layer in range(_count(weights, "cross.layers.", ".up.weight")):
        name = f"cross.layers.{layer}"
        down = weights.get(f"{name}.down.weight")
        low = crossed if down is None else crossed @ down.T  # (n, r)
        mixed = low @ weights[f"{name}.up.weight"].T + weights[f"{name}.up.bias"]  # (n, D)
        crossed = first * mixed + crossed
    hidden = first
    for layer in range(_count(weights, "deep.", ".weight")):
        hidden = np.maximum(_linear(weights, f"deep.{layer}", hidden), 0.0)  # (n, H)
    shared = np.concatenate([crossed, hidden], axis=1)  # (n, D + H)
    return np.concatenate([_head(weights, f"heads.{task}", shared) for task in TASKS], axis=1)


def _head(weights: Mapping[str, Floats], name: str, shared: Floats) -> Floats:
    """(n, 1) logit of one task."""
    inner = np.maximum(_linear(weights, f"{name}.inner", shared), 0.0)
    return _linear(weights, f"{name}.out", inner)


def _linear(weights: Mapping[str, Floats], name: str, values: Floats) -> Floats:
    found: Floats = values @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
    return found


def _count(weights: Mapping[str, Floats], begins: str, ends: str) -> int:
    return sum(name.startswith(begins) and name.endswith(ends) for name in weights)


def _under(prefix: str, arrays: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, Any]:
    return {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}
