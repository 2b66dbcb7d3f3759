"""The recommender that evaluation and serving share: retrieve candidates, rank them, say why.

Pure numpy and LightGBM; no pandas, no torch, no files. Retrievers: ``habit`` (what the user buys),
``co_visitation``, ``neighbours`` (users with similar baskets), ``sasrec``, ``popular``. An unknown
user gets popular items and is marked as a cold start. Surfaces that start from items (similar,
cart, search) are in surfaces.py.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from training.calibration.model import BASKET_COLUMN, Calibration
from training.candidate_ranker import CandidateRanker
from training.metrics import top_k
from training.policy.model import Ranked
from training.recommender import surfaces
from training.recommender.proposals import NOT_PROPOSED, RETRIEVERS, propose, proposers
from training.recommender.reasons import Reasons, explain, explain_popular
from training.recommender.signals import (
    Memory,
    Shopper,
    describe,
    matrix_of,
    scores_of,
    shopper_of,
)
from training.shop_data import Floats, Ints

if TYPE_CHECKING:
    from training.bundle import Bundle

DEFAULT_LIMIT = 200  # 300 found 1 % more of the target items and ranked no better
_UNKNOWN = -1


class FeatureMatrix(Protocol):
    """Feature values of n entities, (n, d), in service order; NaN where missing."""

    @property
    def values(self) -> npt.NDArray[np.float64]: ...


@dataclass(frozen=True)
class Candidates:
    """Items worth ranking for one user; ``columns`` (n, names) go to the ranker first."""

    user_id: str
    items: Ints
    item_ids: tuple[str, ...]
    scores: Mapping[str, Floats]  # per retriever; NaN where it did not propose the item
    retrievers: tuple[str, ...]  # habit where it proposed the item, else who ranked it highest
    columns: Floats
    column_names: tuple[str, ...]
    shopper: Shopper | None  # None: a cold start
    start: surfaces.Start | None = None  # None: the surface starts from no item that is known

    @property
    def is_cold_start(self) -> bool:
        return self.shopper is None


@dataclass(frozen=True)
class Ranking:
    """The candidates best first: one entry each of id, score, retriever and reasons."""

    item_ids: tuple[str, ...]
    scores: tuple[float, ...]
    retrievers: tuple[str, ...]
    reasons: Reasons
    items: tuple[int, ...] = ()  # the catalogue codes of item_ids
    confidences: tuple[float, ...] | None = None  # that it is in the next basket; None: not known


@dataclass(frozen=True)
class Recommender:
    """A memory at one instant and a ranker; ``ranker`` is None while it is being trained."""

    user_ids: npt.NDArray[np.str_]
    item_ids: npt.NDArray[np.str_]
    titles: tuple[str, ...]
    memory: Memory
    ranker: CandidateRanker | None = None
    calibration: Calibration | None = None  # of this ranker's scores

    @classmethod
    def load(cls, bundle: "Bundle") -> "Recommender":
        """The recommender of a verified bundle."""
        return bundle.recommender()

    @cached_property
    def known_user(self) -> str:
        """Some user with purchases, for a warm-up; empty where there is none."""
        sizes = np.diff(self.memory.history.starts)
        return str(self.user_ids[sizes.argmax()]) if sizes.any() else ""

    @cached_property
    def _user_codes(self) -> dict[str, int]:
        return {user: code for code, user in enumerate(self.user_ids.tolist())}

    @cached_property
    def _item_codes(self) -> dict[str, int]:
        return {item: code for code, item in enumerate(self.item_ids.tolist())}

    def title(self, item_id: str) -> str:
        """The item's title, or its id where it has none."""
        code = self._item_codes.get(item_id, _UNKNOWN)
        return (self.titles[code] if code != _UNKNOWN else "") or item_id

    def codes_of(self, item_ids: Iterable[str]) -> Ints:
        """One catalogue code per id; -1 where the catalogue that was learned from lacks it."""
        return np.array([self._item_codes.get(i, _UNKNOWN) for i in item_ids], dtype=np.int32)

    def candidates(
        self,
        user_id: str,
        *,
        surface: str = "home",
        limit: int = DEFAULT_LIMIT,
        about: Sequence[str] = (),
    ) -> Candidates:
        """About ``limit`` items from all retrievers; popular ones for an unknown user.

        A surface that joins its own items to the personal ones has up to half as many more.

        ``about`` is what a surface starts from: the item looked at, the basket, the hits given.
        """
        surfaces.check_surface(surface)
        start = surfaces.start_from(
            self.memory, surface, self.codes_of(dict.fromkeys(about)), limit
        )
        if not self.knows(user_id):
            return surfaces.started(self._cold_start(user_id, limit, start), start)
        shopper = shopper_of(self.memory, self._user_codes[user_id])
        scores = scores_of(self.memory, shopper)
        hidden = None if surfaces.SHOWS_OWN_ITEMS[surface] else shopper.habits.items
        items, ranks = surfaces.widened(*propose(scores, hidden, limit), start, absent=NOT_PROPOSED)
        columns = describe(self.memory, shopper, scores, items)
        found = Candidates(
            user_id=user_id,
            items=items,
            item_ids=tuple(self.item_ids[items].tolist()),
            scores={
                name: np.where(ranks[row] < NOT_PROPOSED, scores[name][items], np.nan)
                for row, name in enumerate(RETRIEVERS)
            },
            retrievers=tuple(RETRIEVERS[row] for row in proposers(ranks)),
            columns=matrix_of(columns),
            column_names=tuple(columns),
            shopper=shopper,
        )
        return surfaces.started(found, start)

    def knows(self, user_id: str) -> bool:
        """Does the memory hold a purchase of this user?"""
        user = self._user_codes.get(user_id, _UNKNOWN)
        return user != _UNKNOWN and len(self.memory.history.of(user).item) > 0

    def describe(self, user_id: str, items: Ints) -> tuple[Floats, tuple[str, ...]]:
        """The ranker's retrieval columns, and their names, of chosen items for a known user."""
        shopper = shopper_of(self.memory, self._user_codes[user_id])
        columns = describe(self.memory, shopper, scores_of(self.memory, shopper), items)
        return matrix_of(columns), tuple(columns)

    def rank(
        self,
        candidates: Candidates,
        user_features: FeatureMatrix,
        item_features: FeatureMatrix,
        *,
        signal_weight: float = 0.0,
    ) -> Ranking:
        """All candidates by the ranker's score, with reasons; a cold start by popularity.

        ``signal_weight`` is that of the signal of a surface that starts from items.
        """
        start, scores = candidates.start, self.score(candidates, user_features, item_features)
        confidences = self.confidences(candidates, scores)
        scores = surfaces.blended(scores, start, candidates.items, weight=signal_weight)
        order = np.lexsort((candidates.items, -scores))
        items = candidates.items[order]
        if candidates.shopper is None:
            reasons = explain_popular(self.memory, items)
        else:
            is_near = np.isfinite(candidates.scores["neighbours"][order])
            reasons = explain(
                self.memory, candidates.shopper, items, is_near=is_near, titles=self.titles
            )
        reasons = surfaces.reasons_about(self.memory, start, items, reasons, self.titles)
        return Ranking(
            item_ids=tuple(candidates.item_ids[place] for place in order),
            scores=tuple(float(score) for score in scores[order]),
            retrievers=tuple(candidates.retrievers[place] for place in order),
            reasons=reasons,
            items=tuple(items.tolist()),
            confidences=confidences and tuple(confidences[place] for place in order),
        )

    def ranked(self, ranking: Ranking) -> Ranked:
        """A ranking with what a policy needs to know of its items."""
        return surfaces.as_ranked(self.memory, ranking.items, ranking.scores)

    def confidences(
        self, candidates: Candidates, scores: npt.NDArray[np.float64]
    ) -> tuple[float, ...] | None:
        """Per score of :meth:`score` the probability that the item is in the next basket.

        None without a calibration, and for a cold start: popularity was never calibrated.
        """
        if self.calibration is None or self.ranker is None or candidates.is_cold_start:
            return None
        place = candidates.column_names.index(BASKET_COLUMN)
        baskets = candidates.columns[:, place]  # the same in every row
        return tuple(self.calibration.confidence(scores, baskets).tolist())

    def score(
        self, candidates: Candidates, user_features: FeatureMatrix, item_features: FeatureMatrix
    ) -> npt.NDArray[np.float64]:
        """One score per candidate, in the candidates' order."""
        if candidates.shopper is None or self.ranker is None:
            return self.memory.stock.popularity[candidates.items].astype(np.float64)
        return self.ranker.scores(candidates.columns, user_features.values[0], item_features.values)

    def _cold_start(self, user_id: str, limit: int, start: surfaces.Start | None) -> Candidates:
        popularity = self.memory.stock.popularity
        items = surfaces.beside(np.sort(top_k(popularity, limit)), start)
        return Candidates(
            user_id=user_id,
            items=items,
            item_ids=tuple(self.item_ids[items].tolist()),
            scores={"popular": popularity[items]},
            retrievers=("popular",) * len(items),
            columns=np.empty((len(items), 0), dtype=np.float32),
            column_names=(),
            shopper=None,
        )
