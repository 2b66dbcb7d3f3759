"""Learn the two towers from acts on warm items, and stop when cold ones are foretold best.

A batch holds its targets and as many uniform items against each other; a candidate's score is
taken less the log of its chance to be a candidate (logQ), so that how often an item is met while
learning is no part of its score. Candidates a request has in its history are no negatives. Early
stopping looks at other items than those judged, held out by an earlier split. The randomness of
an epoch follows from the seed and its number, so a run that was killed and resumed ends alike.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor
from torch.nn import functional

from governance.errors import InputError
from training.best_epoch import Course
from training.checkpoint import Progress
from training.cold_items import ColdSplit
from training.sequences import Requests
from training.shop_data import Floats, Ints, Longs
from training.single_target import ndcg
from training.two_tower.config import TwoTowerConfig
from training.two_tower.lesson import Lesson, bags, lesson_of, rows_of_words, subject_of
from training.two_tower.model import TextTower
from training.two_tower.network import TowerNetwork
from training.two_tower.words import counted, rarity, unit_rows

_REMEDY = "lower learning_rate in training/two_tower/two_tower.yaml"
_BLOCK = 1_024  # requests judged at once


@dataclass(frozen=True)
class FittedTower:
    """The tower of the best epoch, what it reached, and its learning curve."""

    tower: TextTower
    metrics: dict[str, float]
    curve: tuple[dict[str, float], ...]


def fit_two_tower(
    split: ColdSplit,
    titles: Sequence[str],
    *,
    config: TwoTowerConfig,
    progress: Callable[[str], None],
    validate: bool = True,
    checkpoint: Path | None = None,
) -> FittedTower:
    """Learn from ``split.known``; with ``validate`` its cold requests choose the epoch.

    Without, all ``config.epochs`` are learned and the last one stays.
    """
    network, weight, row, counts = _begin(split, titles, config)
    lesson = lesson_of(split, unit_rows(counts, weight), row, config)

    def tower() -> TextTower:
        return _tower(network, weight, row, config)

    def reached() -> float:
        return foretell(tower(), titles, split.with_history(), split.cold) if validate else 0.0

    state = _learn(network, lesson, config, reached if validate else None, progress, checkpoint)
    metrics = state.best if validate else {"epoch": float(state.epoch)}
    return FittedTower(tower(), metrics, tuple(state.curve))


def plain_tower(split: ColdSplit, titles: Sequence[str], *, config: TwoTowerConfig) -> TextTower:
    """The tower before it learns: cosines of words alone, which learning has to beat."""
    network, weight, row, _ = _begin(split, titles, config)
    return replace(_tower(network, weight, row, config), vector_scale=0.0)


def foretell(
    tower: TextTower, titles: Sequence[str], requests: Requests, candidates: Ints
) -> float:
    """NDCG@10 among the candidates, ties counted against the tower."""
    if not len(requests):
        return 0.0
    items, parts = tower.items(titles), []
    for begin in range(0, len(requests), _BLOCK):
        block = requests.at(np.arange(begin, min(begin + _BLOCK, len(requests))))
        scores = items.score(block.histories)[:, candidates]
        own = scores[np.arange(len(block)), np.searchsorted(candidates, block.target)]
        parts.append((~(scores < own[:, None])).sum(axis=1))  # what is no number counts against it
    return float(ndcg(np.concatenate(parts), 10).mean())


def _begin(
    split: ColdSplit, titles: Sequence[str], config: TwoTowerConfig
) -> tuple[TowerNetwork, Floats, Ints, sp.csr_array]:
    """The network at its start, rarity and row of each word, and the words of every title.

    Rarity, and which words have vectors, is counted over warm titles only.
    """
    torch.manual_seed(config.seed)
    if len(titles) != split.known.item_count:
        raise InputError(
            f"{len(titles)} titles for {split.known.item_count} items",
            why="the tower knows an item by its title only",
            next_step="give one title per item, in the order of the item codes; '' for none",
        )
    counts = counted(titles, place_power=config.place_power, leading=config.leading)
    weight = rarity(counts[split.warm])
    row = rows_of_words(counts[split.warm], weight, config.min_items)
    network = TowerNetwork(
        words=int(row.max(initial=-1)) + 1,
        width=config.width,
        spread=config.spread,
        scales=(config.word_scale, config.vector_scale),
    )
    return network, weight, row, counts


def _learn(
    network: TowerNetwork,
    lesson: Lesson,
    config: TwoTowerConfig,
    reached: Callable[[], float] | None,
    progress: Callable[[str], None],
    checkpoint: Path | None,
) -> Progress:
    """Epoch by epoch; the best one's weights stay, or the last one's without validation."""
    torch.use_deterministic_algorithms(True)  # else gradients of words add up in any order
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    course = Course(network, optimiser, subject=subject_of(lesson, config), checkpoint=checkpoint)
    for epoch in course.epochs(config.epochs, config.patience):
        loss = _one_epoch(network, optimiser, lesson, config, epoch=epoch)
        if course.has_diverged(loss, where="training/two_tower", next_step=_REMEDY):
            progress(f"two_tower epoch {epoch}: the loss is {loss}; an earlier epoch stays")
            break
        course.note({"loss": loss}, {"ndcg_at_10": reached()} if reached else {})
        progress(course.line("two_tower"))
    return course.end()


def _one_epoch(
    network: TowerNetwork,
    optimiser: torch.optim.Optimizer,
    lesson: Lesson,
    config: TwoTowerConfig,
    *,
    epoch: int,
) -> float:
    """Mean loss over all targets."""
    draw = np.random.default_rng([config.seed, epoch])
    order, total = draw.permutation(len(lesson.target)), 0.0
    for begin in range(0, len(order), config.batch):
        batch = order[begin : begin + config.batch]
        drawn = lesson.warm[draw.integers(0, len(lesson.warm), config.negatives)]
        candidates = np.unique(np.concatenate([lesson.target[batch], drawn]))
        scores = _scores(network, lesson, batch, candidates, draw, config.word_dropout)
        wanted = torch.from_numpy(np.searchsorted(candidates, lesson.target[batch]))
        loss = functional.cross_entropy(scores, wanted)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        total += float(loss.detach()) * len(batch)
    return total / len(order)


def _scores(
    network: TowerNetwork,
    lesson: Lesson,
    batch: Longs,
    candidates: Ints,
    draw: np.random.Generator,
    dropout: float,
) -> Tensor:
    """Scores less the log of the chance to be met; what was had before is no negative."""
    shown = lesson.shown[batch]
    had = np.unique(shown.indices)
    in_history = shown[:, candidates].toarray() > 0
    in_history[candidates == lesson.target[batch][:, None]] = False
    shown = shown[:, had]
    alike = (shown @ lesson.words[had]) @ lesson.words[candidates].T
    scores: Tensor = network(
        torch.from_numpy(alike.toarray()),
        torch.from_numpy(shown.toarray()),
        bags(lesson.learned[had], draw, dropout),
        bags(lesson.learned[candidates], draw, dropout),
    )
    scores = scores - torch.from_numpy(lesson.log_chance[candidates])
    return scores.masked_fill(torch.from_numpy(in_history), float("-inf"))


def _tower(network: TowerNetwork, weight: Floats, row: Ints, config: TwoTowerConfig) -> TextTower:
    words = network.words.detach().numpy().copy()
    word_scale, vector_scale = network.log_scales.detach().exp().tolist()
    return TextTower(
        rarity=weight,
        row=row,
        vectors=np.ascontiguousarray(words[:, :-1]),
        prior=np.ascontiguousarray(words[:, -1]),
        asking=network.asking.detach().numpy().copy(),
        word_scale=word_scale,
        vector_scale=vector_scale,
        history_decay=config.history_decay,
        place_power=config.place_power,
        leading=config.leading,
    )
