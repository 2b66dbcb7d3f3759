"""Fit the recommender: memories at each cutoff, SASRec once, the ranker on what they propose.

Knowledge of every memory ends at its cutoff. SASRec learns once, from what came before the first
training cutoff, and afterwards only reads newer purchases: so its scores mean the same in every
window. The command is ``counterfoil train``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from governance.errors import StateError
from training.covisitation.train import fit_covisitation
from training.deep_ranker.config import DeepRankerSettings
from training.ranker_choice import ChosenRanker, choose_ranker
from training.recommender.assortment import take_stock
from training.recommender.config import RecommenderKnobs
from training.recommender.history import remember
from training.recommender.model import Recommender
from training.recommender.neighbours import fit_neighbours
from training.recommender.repeats import fit_repeats
from training.recommender.signals import Memory
from training.sasrec.config import SasrecTraining
from training.sasrec.model import SasrecConfig
from training.sasrec.train import FittedSasrec, fit_sasrec, item_vectors, user_vectors
from training.sasrec.vectors import SasrecVectors
from training.shop_data import ShopData
from training.training_set import (
    HistoricalFeatures,
    TrainingSet,
    build_training_set,
)
from training.windows import WEEK, Calendar, Window, first_baskets, microseconds

Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class TrainingConfig(RecommenderKnobs):
    """Every knob of a training run; the defaults were chosen on the validation window."""

    seed: int
    threads: int = 2
    sasrec: SasrecConfig = field(default_factory=SasrecConfig)
    sasrec_training: SasrecTraining = field(default_factory=SasrecTraining)
    deep_ranker: DeepRankerSettings = field(default_factory=DeepRankerSettings)


@dataclass(frozen=True)
class FittedRecommender:
    """Retrievers that can be refreshed to any instant, the ranker, and what it was trained on."""

    sasrec: FittedSasrec
    ranker: ChosenRanker
    training_set: TrainingSet
    calendar: Calendar
    config: TrainingConfig

    def at(self, data: ShopData, cutoff: datetime) -> Recommender:
        """The recommender as it would have stood at ``cutoff``."""
        memory = memory_at(data, cutoff, sasrec=self.sasrec, config=self.config)
        bare = Recommender(data.user_ids, data.item_ids, data.titles, memory)
        fitted = self.ranker.calibration
        calibration = None if fitted is None else fitted.calibration
        return replace(bare, ranker=self.ranker.ranker, calibration=calibration)


def train_recommender(
    data: ShopData,
    *,
    calendar: Calendar,
    config: TrainingConfig,
    historical_features: HistoricalFeatures,
    inputs: Mapping[str, str],
    progress: Progress,
    sasrec: FittedSasrec | None = None,
) -> FittedRecommender:
    """Fit everything on the windows before the test; nothing later is looked at.

    ``inputs`` are digests by name (warehouse, feature files) for the training set's manifest;
    ``sasrec`` is a network that was learned before (``continual.py``).
    """
    import torch

    torch.set_num_threads(config.threads)
    if not len(data.user_ids):
        raise StateError(
            "there is nobody to learn from",
            where="the order lines",
            why="every order is a guest's, without a user_id",
            next_step="import orders that name their users",
        )
    if sasrec is None:
        progress("sasrec: learning from what came before the first training cutoff")
        sasrec = sasrec_before(
            data, calendar.train[0].cutoff, calendar=calendar, config=config, progress=progress
        )

    def recommender_at(window: Window) -> Recommender:
        progress(f"{window.name} window {window.cutoff:%Y-%m-%d}: remembering and retrieving")
        memory = memory_at(data, window.cutoff, sasrec=sasrec, config=config)
        return Recommender(data.user_ids, data.item_ids, data.titles, memory)

    training_set = build_training_set(
        data,
        windows=(*calendar.train, calendar.validation, *calendar.recent),
        recommender_at=recommender_at,
        historical_features=historical_features,
        sampling=config.sampling,
        seed=config.seed,
        inputs=inputs,
    )
    progress(f"ranker: learning from {training_set.table.num_rows:,} label rows")
    fitted = choose_ranker(
        training_set,
        release=config.release,
        config=config.ranker,
        deep=config.deep_ranker,
        seed=config.seed,
        threads=config.threads,
        progress=progress,
    )
    return FittedRecommender(sasrec, fitted, training_set, calendar, config)


def memory_at(
    data: ShopData, cutoff: datetime, *, sasrec: FittedSasrec, config: TrainingConfig
) -> Memory:
    """All that the retrievers remember at ``cutoff``, from strictly earlier order lines."""
    cutoff_us = microseconds(cutoff)
    lines = data.lines.before(cutoff_us)
    item_count = len(data.item_ids)
    history = remember(lines, user_count=len(data.user_ids), cutoff_us=cutoff_us)
    return Memory(
        history=history,
        covisitation=fit_covisitation(
            lines, item_count=item_count, cutoff_us=cutoff_us, config=config.covisitation
        ),
        neighbours=fit_neighbours(history, item_count, config.neighbours),
        sasrec=SasrecVectors(
            users=user_vectors(sasrec, history, item_count),
            items=item_vectors(sasrec),
            vocabulary=sasrec.vocabulary,
        ),
        stock=take_stock(lines, data.categories, cutoff_us=cutoff_us, config=config.popular),
        repeats=fit_repeats(history, data.categories, config.repeats),
    )


def sasrec_before(
    data: ShopData,
    cutoff: datetime,
    *,
    calendar: Calendar,
    config: TrainingConfig,
    progress: Progress,
    start: FittedSasrec | None = None,
) -> FittedSasrec:
    """SASRec from purchases before ``cutoff``; its own validation is the weeks just before it."""
    window = Window("sasrec", cutoff - calendar.validation_weeks * WEEK, cutoff)
    cutoff_us = microseconds(window.cutoff)
    history = remember(
        data.lines.before(cutoff_us), user_count=len(data.user_ids), cutoff_us=cutoff_us
    )
    return fit_sasrec(
        history,
        first_baskets(data.judge, window),
        item_count=len(data.item_ids),
        config=config.sasrec,
        training=config.sasrec_training,
        progress=progress,
        start=start,
    )
