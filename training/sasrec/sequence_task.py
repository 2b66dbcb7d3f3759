"""What ``counterfoil train sequence`` learns and is judged by: a shop's baskets, or a folder.

Both split by time. Knobs and epochs are chosen on the earlier window (``validation``), which the
network never learns from; the later one (``test``) is looked at once, by the network that was kept.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NotRequired, Protocol, TypedDict, Unpack

import numpy as np
import numpy.typing as npt

from governance.errors import InputError
from governance.files import digest_of
from training.evaluate import floors
from training.metrics import ndcg_at_k, recall_at_k, top_k
from training.popularity.train import PopularityConfig, fit_popularity
from training.recommender.history import remember
from training.retrievers import propose
from training.sasrec.config import BASKETS_FILE, DEFAULT_FILE, SasrecSettings
from training.sasrec.learn import Watch
from training.sasrec.model import Sasrec
from training.sasrec.scorer import SasrecScorer
from training.sasrec.train import FittedSasrec, fit_sasrec, item_vectors, user_vectors
from training.sasrec.train_sequences import fit_sequences, places_of
from training.sequence_folder import UserFiles
from training.sequences import Split, leave_one_out
from training.shop_data import Ints, ShopData
from training.single_target import Interval, bootstrap, hits, ndcg, places
from training.windows import Calendar, Window, first_baskets, microseconds

Figures = dict[str, Interval]
_K = 10


@dataclass(frozen=True)
class Trained:
    """A network with the item of each of its rows, and what its training was like."""

    network: Sasrec
    items: tuple[str, ...]  # the id of network row i + 1
    codes: Ints  # the same items as the task numbers them
    metrics: dict[str, float]  # of the best epoch, on the validation window
    curve: tuple[dict[str, float], ...]


@dataclass(frozen=True)
class Judged:
    """Figures on the test window, and those of what needs no training, in the same run."""

    figures: Figures
    floors: dict[str, dict[str, float]]
    users: int


class Run(TypedDict):
    """What a training is given besides its knobs, handed on as it came; see ``learn.py``."""

    progress: Callable[[str], None]
    checkpoint: NotRequired[Path | None]
    watch: NotRequired[Watch]


class SequenceTask(Protocol):
    """Something that SASRec can learn."""

    @property
    def knobs_file(self) -> Path: ...  # the knobs that ship for it

    @property
    def facts(self) -> dict[str, str]: ...

    @property
    def digest(self) -> str: ...

    def fit(self, settings: SasrecSettings, **run: Unpack[Run]) -> Trained: ...

    def judge(self, trained: Trained) -> Judged: ...


@dataclass(frozen=True)
class ShopTask:
    """The next basket of each user, from orders of the weeks before."""

    data: ShopData
    calendar: Calendar
    knobs_file: Path = BASKETS_FILE

    @property
    def facts(self) -> dict[str, str]:
        first = np.datetime64(int(self.data.lines.at_us.min()), "us")
        return {
            "learned": f"{first!s:.10} to {_day(self.calendar.validation)}",
            "validation": f"first basket of each user in {_span(self.calendar.validation)}",
            "test": f"first basket of each user in {_span(self.calendar.test)}",
        }

    @cached_property
    def digest(self) -> str:
        lines, judge = self.data.lines, self.data.judge
        rows = _digest(lines.user, lines.item, lines.at_us, judge.user, judge.item, judge.at_us)
        return digest_of([rows, self.facts, self.data.item_ids.tolist()])

    def fit(self, settings: SasrecSettings, **run: Unpack[Run]) -> Trained:
        window = self.calendar.validation
        lines = self.data.lines.before(microseconds(window.cutoff))
        fitted = fit_sasrec(
            remember(
                lines,
                user_count=len(self.data.user_ids),
                cutoff_us=microseconds(window.cutoff),
            ),
            first_baskets(self.data.judge, window),
            item_count=len(self.data.item_ids),
            config=settings.network,
            training=settings.training,
            **run,
        )
        codes = fitted.vocabulary
        items = tuple(self.data.item_ids[codes].tolist())
        return Trained(fitted.network, items, codes, fitted.metrics, fitted.curve)

    def judge(self, trained: Trained) -> Judged:
        window, data = self.calendar.test, self.data
        cutoff_us, targets = microseconds(window.cutoff), first_baskets(data.judge, window)
        history = remember(
            data.lines.before(cutoff_us), user_count=len(data.user_ids), cutoff_us=cutoff_us
        )
        fitted = FittedSasrec(trained.network, trained.network.config, trained.codes, {})
        users = user_vectors(fitted, history, len(data.item_ids))[targets.users]
        matrix = item_vectors(fitted).T
        baskets = [targets.of(place) for place in range(len(users))]
        ranked = [
            trained.codes[top_k(user @ matrix, _K, np.flatnonzero(np.isin(trained.codes, basket)))]
            for user, basket in zip(users, baskets, strict=True)
        ]
        pairs = list(zip(ranked, baskets, strict=True))
        found = {
            "ndcg_at_10": np.array([ndcg_at_k(r, b, _K) for r, b in pairs]),
            "recall_at_10": np.array([recall_at_k(r, b, _K) for r, b in pairs]),
        }
        figures = {name: bootstrap(values, targets.users) for name, values in found.items()}
        return Judged(figures, floors(data, targets, window), len(targets.users))


@dataclass(frozen=True)
class FolderTask:
    """The last item of each user, from all before but the last but one (strict leave-one-out)."""

    files: UserFiles
    knobs_file: Path = DEFAULT_FILE

    @cached_property
    def split(self) -> Split:
        found = leave_one_out(self.files.sequences)
        if not len(found.test):
            raise InputError(
                "no user has three items",
                where="--data",
                why="the last two of each user validate and judge, and the others teach",
                next_step="give longer sequences",
            )
        return found

    @property
    def facts(self) -> dict[str, str]:
        return {
            "learned": f"{len(self.split.known):,} users, all items but the last two",
            "validation": "the last but one item of each user",
            "test": "the last item of each user; items already had are not offered",
        }

    @cached_property
    def digest(self) -> str:
        sequences = self.files.sequences
        rows = _digest(sequences.starts, sequences.item)
        return digest_of([rows, self.files.item_ids, list(self.files.titles)])

    def fit(self, settings: SasrecSettings, **run: Unpack[Run]) -> Trained:
        split = self.split
        titles = self.files.titles
        fitted = fit_sequences(
            split.known, split.validation, settings=settings, titles=titles, **run
        )
        codes = np.arange(self.files.sequences.item_count, dtype=np.int32)
        items = tuple(self.files.item_ids)
        return Trained(fitted.scorer.network, items, codes, fitted.metrics, fitted.curve)

    def judge(self, trained: Trained) -> Judged:
        test = self.split.test
        place = places_of(
            SasrecScorer(trained.network, trained.network.config), test, hide_seen=True
        )
        popular = fit_popularity(self.split.learned, PopularityConfig())
        offered = propose(popular, test.histories, k=_K + 1, hide_seen=True)  # one more: it may tie
        floor = places(offered, test.target)
        figures = {
            "ndcg_at_10": bootstrap(ndcg(place, _K), test.group),
            "hr_at_10": bootstrap(hits(place, _K), test.group),
        }
        popularity = {
            "ndcg_at_10": float(ndcg(floor, _K).mean()),
            "hr_at_10": float(hits(floor, _K).mean()),
        }
        return Judged(figures, {"popularity": popularity}, len(test))


def _digest(*columns: npt.NDArray[np.generic]) -> str:
    found = hashlib.sha256()
    for column in columns:
        found.update(np.ascontiguousarray(column).tobytes())
    return found.hexdigest()


def _day(window: Window) -> str:
    return f"{window.cutoff:%Y-%m-%d}"


def _span(window: Window) -> str:
    return f"{window.cutoff:%Y-%m-%d} to {window.ends_at:%Y-%m-%d}"
