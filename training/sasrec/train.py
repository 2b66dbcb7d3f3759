"""Train SASRec on baskets, stop early on a later window, give one vector per user.

What the main job uses: negatives drawn by item frequency and corrected by its logarithm (logQ),
so that scores are those of the full softmax in expectation. ``learn.py`` is the loop,
``scorer.py`` does the same for plain sequences of items. One seed; threads are the caller's.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from training.metrics import mean_metrics, top_k
from training.recommender.history import History
from training.sasrec.checkpoint import digest_of_arrays
from training.sasrec.config import SasrecTraining
from training.sasrec.learn import Lesson, Watch, learn, unwatched
from training.sasrec.model import PADDING, Sasrec, SasrecConfig
from training.shop_data import Floats, Ints
from training.windows import Targets


@dataclass(frozen=True)
class FittedSasrec:
    """The network of the best epoch, its vocabulary (catalogue codes), and its metrics."""

    network: Sasrec
    config: SasrecConfig
    vocabulary: Ints
    metrics: dict[str, float]
    curve: tuple[dict[str, float], ...] = ()  # loss and metrics of every epoch


@dataclass(frozen=True)
class Rows:
    """Windows of at most T items per row, right-aligned; ``user`` owns the row."""

    user: Ints
    items: Int[Tensor, "N T"]
    baskets: Int[Tensor, "N T"]


def fit_sasrec(
    history: History,
    targets: Targets,
    *,
    item_count: int,
    config: SasrecConfig,
    training: SasrecTraining,
    progress: Callable[[str], None],
    checkpoint: Path | None = None,
    watch: Watch = unwatched,
    start: FittedSasrec | None = None,
) -> FittedSasrec:
    """Learn from ``history``; keep the epoch that best foretells ``targets``, which are later.

    ``start`` is an earlier network over the same codes, whose weights are where this one begins.
    """
    torch.manual_seed(training.seed)
    vocabulary = _frequent_items(history, item_count, training.min_baskets)
    fitted = FittedSasrec(Sasrec(config, len(vocabulary)), config, vocabulary, {})
    if start is not None:
        begin_from(fitted, start)
    rows = sequences(history, vocabulary, item_count=item_count, length=config.length)
    state = learn(
        fitted.network,
        Lesson(
            rows.items,
            rows.baskets,
            lambda draw: draw_targets(rows, draw),
            digest_of_arrays(targets.users, targets.starts, targets.items),
        ),
        training=training,
        validate=lambda: _validate(fitted, history, targets, item_count),
        progress=progress,
        checkpoint=checkpoint,
        watch=watch,
    )
    return replace(fitted, metrics=state.best, curve=tuple(state.curve))


def begin_from(fitted: FittedSasrec, start: FittedSasrec) -> None:
    """Take over ``start``'s weights: kept items keep their vectors, new ones begin at the mean."""
    theirs = start.network.state_dict()
    items = theirs["items.weight"]
    codes = np.concatenate([fitted.vocabulary, start.vocabulary])
    place = np.zeros(int(codes.max(initial=0)) + 1, dtype=np.int64)
    place[start.vocabulary] = np.arange(1, len(start.vocabulary) + 1)
    found = torch.from_numpy(place[fitted.vocabulary])
    rows = torch.where((found > 0)[:, None], items[found], items[1:].mean(0))
    begun = {**theirs, "items.weight": torch.cat([items[:1], rows])}
    fitted.network.load_state_dict(begun)


def user_vectors(fitted: FittedSasrec, history: History, item_count: int) -> Floats:
    """(users, D): what each user's latest items make of the network; zeros without any."""
    config = fitted.config
    rows = sequences(
        history, fitted.vocabulary, item_count=item_count, length=config.length, only_last=True
    )
    vectors = np.zeros((history.user_count, config.width), dtype=np.float32)
    device = fitted.network.items.weight.device
    with torch.inference_mode():
        for part in torch.split(torch.arange(len(rows.user)), 256):
            encoded = fitted.network(rows.items[part].to(device), rows.baskets[part].to(device))
            vectors[rows.user[part.numpy()]] = encoded[:, -1].cpu().numpy()
    return vectors


def item_vectors(fitted: FittedSasrec) -> Floats:
    """(vocabulary, D): the tied item matrix without its padding row."""
    with torch.inference_mode():
        matrix: Floats = fitted.network.item_matrix()[1:].cpu().numpy().copy()
    return matrix


def sequences(
    history: History, vocabulary: Ints, *, item_count: int, length: int, only_last: bool = False
) -> Rows:
    """Cut each user's known items into windows of ``length``, counted from the latest item."""
    code = np.zeros(item_count, dtype=np.int64)
    code[vocabulary] = np.arange(1, len(vocabulary) + 1)
    users, items, baskets = [], [], []
    for user in range(history.user_count):
        bought = history.of(user)
        known = np.flatnonzero(code[bought.item])
        stops = range(len(known), 0, -length)
        for stop in list(stops)[: 1 if only_last else None]:
            places = known[max(stop - length, 0) : stop]
            padding = (length - len(places), 0)
            ago = bought.baskets_ago[places]
            users.append(user)
            items.append(np.pad(code[bought.item[places]], padding))
            baskets.append(np.pad(np.minimum(ago - ago[-1], length - 1), padding))
    shape = (-1, length)
    return Rows(
        user=np.array(users, dtype=np.int32),
        items=torch.from_numpy(np.array(items, dtype=np.int64).reshape(shape)),
        baskets=torch.from_numpy(np.array(baskets, dtype=np.int64).reshape(shape)),
    )


def draw_targets(rows: Rows, draw: np.random.Generator) -> Int[Tensor, "N T"]:
    """Per place one random item of the row's next basket; padding where there is none."""
    items, baskets = rows.items.numpy(), rows.baskets.numpy()
    count, length = items.shape
    ends = np.full((count, length), length)  # one past the last place of the place's basket
    for place in range(length - 2, -1, -1):
        same = baskets[:, place] == baskets[:, place + 1]
        ends[:, place] = np.where(same, ends[:, place + 1], place + 1)
    has_next = (ends < length) & (items != PADDING)
    begins = np.minimum(ends, length - 1)
    stops = np.take_along_axis(ends, begins, axis=1)
    chosen = begins + (draw.random(items.shape) * (stops - begins)).astype(np.int64)
    targets = np.where(has_next, np.take_along_axis(items, chosen, axis=1), PADDING)
    return torch.from_numpy(targets)


def _frequent_items(history: History, item_count: int, min_baskets: int) -> Ints:
    """Items in enough baskets; all that were bought where none is frequent."""
    count = np.bincount(history.item, minlength=item_count)
    return np.flatnonzero(count >= min(min_baskets, count.max(initial=1))).astype(np.int32)


def _validate(
    fitted: FittedSasrec, history: History, targets: Targets, item_count: int
) -> dict[str, float]:
    """NDCG@10 and recall@10 of the whole vocabulary ranked for each target basket."""
    fitted.network.eval()
    scores = user_vectors(fitted, history, item_count)[targets.users] @ item_vectors(fitted).T
    return mean_metrics([fitted.vocabulary[top_k(row, 10)] for row in scores], targets)
