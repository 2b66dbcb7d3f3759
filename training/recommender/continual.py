"""Continual learning: go on from the champion's network instead of beginning again.

Kept items keep their vectors, new ones begin at the mean, and fewer epochs are learned. What this
must not cost: users whom the champion knew are asked on the validation window, of which neither
network was taught, and where their NDCG@10 fell too far the network is learned from scratch. The
figures of all tries go into the bundle, and the release gate reads them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch

from training.metrics import mean_metrics, top_k
from training.recommender.history import remember
from training.recommender.train import Progress, TrainingConfig, sasrec_before
from training.sasrec.model import Sasrec, SasrecConfig
from training.sasrec.train import FittedSasrec, item_vectors, user_vectors
from training.shop_data import Floats, Ints, ShopData
from training.windows import Calendar, Targets, first_baskets, microseconds

_K = 10


@dataclass(frozen=True)
class Champion:
    """The network that answers now, over the codes of the shop at hand."""

    version: str
    sasrec: FittedSasrec
    users: Ints  # codes of the users it knew


@dataclass(frozen=True)
class FineTuning:
    """How to go on from a champion."""

    epochs: int
    tolerance: float  # share by which known users' NDCG@10 may fall


@dataclass(frozen=True)
class Continued:
    """Which network was kept and what the known users got from each; None: it was not learned."""

    champion_version: str
    is_warm: bool
    users: int
    tolerance: float
    champion: float
    warm: float
    scratch: float | None

    @property
    def challenger(self) -> float:
        """What known users get from the network that was kept."""
        return self.warm if self.scratch is None else self.scratch

    def is_enough(self, found: float) -> bool:
        """Whether known users lost no more than was allowed."""
        return found >= self.champion * (1 - self.tolerance)


def champion_sasrec(
    weights: Mapping[str, Floats],
    config: SasrecConfig,
    vocabulary: list[str],
    item_ids: "np.ndarray[tuple[int], np.dtype[np.str_]]",
) -> FittedSasrec:
    """A saved network over today's item codes; items that are sold no more are left out."""
    wanted = np.array(vocabulary, dtype=np.str_)
    codes = np.searchsorted(item_ids, wanted)
    kept = np.flatnonzero(item_ids[np.minimum(codes, len(item_ids) - 1)] == wanted)
    rows = np.concatenate([[0], kept + 1])
    network = Sasrec(config, len(kept))
    tensors = {name: torch.from_numpy(np.array(value)) for name, value in weights.items()}
    network.load_state_dict({**tensors, "items.weight": tensors["items.weight"][rows]})
    return FittedSasrec(network.eval(), config, codes[kept].astype(np.int32), {})


def continue_sasrec(
    data: ShopData,
    champion: Champion,
    *,
    calendar: Calendar,
    config: TrainingConfig,
    tuning: FineTuning,
    progress: Progress,
) -> tuple[FittedSasrec, Continued]:
    """The champion's network taught on, or where known users would lose by it a new one."""
    fewer = replace(config.sasrec_training, epochs=tuning.epochs)
    cutoff = calendar.train[0].cutoff
    warm = sasrec_before(
        data,
        cutoff,
        calendar=calendar,
        config=replace(config, sasrec_training=fewer),
        progress=progress,
        start=champion.sasrec,
    )
    targets = _of_users(first_baskets(data.judge, calendar.validation), champion.users)

    def ask(network: FittedSasrec) -> float:
        return _ndcg(data, network, targets, cutoff_us=microseconds(calendar.validation.cutoff))

    found = Continued(
        champion_version=champion.version,
        is_warm=True,
        users=len(targets.users),
        tolerance=tuning.tolerance,
        champion=ask(champion.sasrec),
        warm=ask(warm),
        scratch=None,
    )
    if found.is_enough(found.warm):
        progress(f"sasrec: went on from {champion.version}; known users {_words(found)}")
        return warm, found
    progress(f"sasrec: known users would lose, {_words(found)}; learning from scratch")
    new = sasrec_before(data, cutoff, calendar=calendar, config=config, progress=progress)
    return new, replace(found, is_warm=False, scratch=ask(new))


def _words(found: Continued) -> str:
    return f"NDCG@10 {found.champion:.4f} -> {found.warm:.4f}"


def _of_users(targets: Targets, users: Ints) -> Targets:
    """The baskets of these users only."""
    chosen = np.flatnonzero(np.isin(targets.users, users))
    baskets = [targets.of(int(place)) for place in chosen]
    starts = np.cumsum([0, *(len(basket) for basket in baskets)])
    items = np.concatenate([np.empty(0, dtype=np.int32), *baskets]).astype(np.int32)
    return Targets(targets.users[chosen], targets.orders[chosen], starts.astype(np.int64), items)


def _ndcg(data: ShopData, network: FittedSasrec, targets: Targets, *, cutoff_us: int) -> float:
    history = remember(
        data.lines.before(cutoff_us), user_count=len(data.user_ids), cutoff_us=cutoff_us
    )
    users = user_vectors(network, history, len(data.item_ids))[targets.users]
    matrix = item_vectors(network).T
    ranked = [network.vocabulary[top_k(user @ matrix, _K)] for user in users]
    return mean_metrics(ranked, targets)["ndcg_at_10"]
