"""One order of two lists: what agrees in words, and what is near in meaning.

By rule, by convex weights, by reciprocal rank (``training/fusion``), or by a small linear ranker
over scores, ranks, agreeing words and facts. Each list can also answer alone. Pure.

Dimensions: C candidates of one query, F columns of the ranker.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from governance.errors import InputError
from training.fusion.model import NOT_PROPOSED, Pool, by_reciprocal_rank, by_rule, by_weights
from training.shop_data import Floats, Ints
from training.text_search.catalogue import Product
from training.text_search.lexical import Lexical
from training.text_search.words import words_of

FusionName = Literal["lexical", "dense", "rule", "convex", "reciprocal_rank", "learned"]
FUSIONS: tuple[FusionName, ...] = get_args(FusionName)
LISTS: tuple[FusionName, ...] = ("lexical", "dense")
COLUMNS = (
    "lexical_share", "dense_share", "lexical_log_score", "dense_score",
    "lexical_reciprocal_rank", "dense_reciprocal_rank",
    "words_in_text", "words_in_title", "title_in_words", "is_brand_named", "is_category_named",
    "price_above_median",
)  # fmt: skip
_DENSE_WEIGHT = 0.8  # Bruch, Gai, Ingber 2023: best or near it over nine sets without tuning
_RANK_OFFSET = 60.0  # as in training/fusion

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class LinearRanker:
    """A weighted sum of standardised columns, in the order of ``COLUMNS``."""

    means: tuple[float, ...]
    scales: tuple[float, ...]
    weights: tuple[float, ...]

    def scores(self, columns: Floats) -> Doubles:
        """(C,) of (C, F)."""
        standard = (columns - np.array(self.means)) / np.array(self.scales)
        found: Doubles = standard @ np.array(self.weights)
        return found


@dataclass(frozen=True)
class Fusion:
    """How lists are joined; ``name`` is the way taken where a search names none."""

    name: FusionName = "convex"
    dense_weight: float = _DENSE_WEIGHT  # of the convex fusion; the lexical list has the rest
    order: tuple[str, ...] = ("dense", "lexical")  # of the rule
    quota: Mapping[str, int] = field(default_factory=lambda: {"dense": 4, "lexical": 2})
    ranker: LinearRanker | None = None
    reached: Mapping[FusionName, float] = field(default_factory=dict)  # NDCG@10 that chose the name
    reason: str = "nothing was given to fit it on"

    def __post_init__(self) -> None:
        self.check(self.name)

    def ways(self) -> tuple[FusionName, ...]:
        """What may be asked: the learned one only where its ranker was fitted."""
        return tuple(name for name in FUSIONS if name != "learned" or self.ranker is not None)

    def check(self, name: str) -> None:
        """InputError for a fusion that there is not, or that was not fitted."""
        if name in self.ways():
            return
        raise InputError(
            "the fusion learned was not fitted"
            if name in FUSIONS
            else f"there is no fusion {name}",
            where="fusion",
            why=f"this index can be asked for {', '.join(self.ways())}",
            next_step="counterfoil train search --learn fits it" if name in FUSIONS else "",
        )

    def fuse(self, pool: Pool, columns: Callable[[], Floats], name: FusionName | None) -> Doubles:
        """(C,) larger is better, -inf where the way proposes nothing; ``columns`` gives (C, F)."""
        name = name or self.name
        self.check(name)
        if name in LISTS:
            column = LISTS.index(name)
            proposed = pool.ranks[:, column] < NOT_PROPOSED
            return np.where(proposed, pool.scores[:, column], -np.inf).astype(np.float64)
        if name == "rule":
            return by_rule(pool, self.order, self.quota)
        if name == "reciprocal_rank":
            return by_reciprocal_rank(pool)
        if name == "learned" and self.ranker is not None:  # checked above
            return self.ranker.scores(columns())
        weights = np.array([1 - self.dense_weight, self.dense_weight], dtype=np.float32)
        return by_weights(pool.normalised(), weights).astype(np.float64)

    def as_dict(self) -> dict[str, Any]:
        """As JSON may have it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> "Fusion":
        """What :meth:`as_dict` gave, from JSON."""
        ranker = found["ranker"]
        if ranker is not None:
            ranker = LinearRanker(**{name: tuple(values) for name, values in ranker.items()})
        return cls(**{**found, "order": tuple(found["order"]), "ranker": ranker})


def columns_of(query: str, pool: Pool, products: Sequence[Product], lexical: Lexical) -> Floats:
    """(C, F) what the ranker sees of the candidates of one query; ``products`` are theirs."""
    known = lexical.known_words(query)
    words = set(words_of(query))
    titles = [set(words_of(product.title)) for product in products]
    shares = pool.normalised()
    parts = [
        shares[:, 0],
        shares[:, 1],
        np.log1p(pool.scores[:, 0]),
        pool.scores[:, 1],
        _reciprocal(pool.ranks[:, 0]),
        _reciprocal(pool.ranks[:, 1]),
        lexical.agreement(known, pool.item).sum(axis=1) / max(len(words), 1),
        [len(title & words) / max(len(words), 1) for title in titles],
        [len(title & words) / max(len(title), 1) for title in titles],
        [_is_named(product.brand, words) for product in products],
        [_is_named(product.category, words) for product in products],
        _above_median(products),
    ]
    return np.stack([np.asarray(part, dtype=np.float32) for part in parts], axis=1)


def _reciprocal(ranks: Ints) -> Floats:
    found = np.where(ranks < NOT_PROPOSED, _RANK_OFFSET / (_RANK_OFFSET + ranks), 0.0)
    return found.astype(np.float32)


def _is_named(text: str, words: set[str]) -> float:
    return float(bool(text) and bool(words & set(words_of(text))))


def _above_median(products: Sequence[Product]) -> Floats:
    """Log of the price beside the candidates' median; 0 where it is not told."""
    told = [np.nan if product.price is None else product.price for product in products]
    logs = np.log1p(np.maximum(np.array(told, dtype=np.float64), 0.0))
    if np.isnan(logs).all():
        return np.zeros(len(products), dtype=np.float32)
    found: Floats = np.nan_to_num(logs - np.nanmedian(logs)).astype(np.float32)
    return found
