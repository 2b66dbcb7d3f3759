"""Train SASRec with sampled softmax, stop early on a later window, give one vector per user.

Negatives are drawn by item frequency and corrected by its logarithm (logQ), so that scores are
those of the full softmax in expectation. One seed decides everything; threads are the caller's.
"""

import copy
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from training.metrics import mean_metrics, top_k
from training.recommender.history import History
from training.sasrec.model import PADDING, Sasrec, SasrecConfig
from training.shop_data import Floats, Ints
from training.windows import Targets

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SasrecTraining:
    """How long and how fast to learn."""

    epochs: int = 6  # upper bound; early stopping ends sooner
    patience: int = 1  # epochs without a better validation NDCG@10 before stopping
    batch: int = 64
    negatives: int = 512  # shared by a batch; 256 to 3,000 are usual
    learning_rate: float = 2e-3
    min_baskets: int = 20  # rarer items are left to the other retrievers
    seed: int = 0


@dataclass(frozen=True)
class FittedSasrec:
    """The network of the best epoch, its vocabulary (catalogue codes), and its metrics."""

    network: Sasrec
    config: SasrecConfig
    vocabulary: Ints
    metrics: dict[str, float]


@dataclass(frozen=True)
class Sequences:
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
) -> FittedSasrec:
    """Learn from ``history``; keep the epoch that best foretells ``targets``, which are later."""
    torch.manual_seed(training.seed)
    torch.use_deterministic_algorithms(True)  # else gradients of items are summed in any order
    vocabulary = _frequent_items(history, item_count, training.min_baskets)
    network = Sasrec(config, len(vocabulary))
    rows = sequences(history, vocabulary, item_count=item_count, length=config.length)
    log_q = _log_frequency(rows, len(vocabulary))
    optimiser = torch.optim.AdamW(network.parameters(), lr=training.learning_rate)
    best: dict[str, float] = {"ndcg_at_10": -1.0}
    weights, waited = network.state_dict(), 0
    draw = np.random.default_rng(training.seed)
    for epoch in range(1, training.epochs + 1):
        loss = _one_epoch(network, optimiser, rows, log_q, training, draw)
        found = _validate(network, config, vocabulary, history, targets, item_count)
        progress(f"sasrec epoch {epoch}: loss {loss:.3f}, ndcg@10 {found['ndcg_at_10']:.4f}")
        if found["ndcg_at_10"] > best["ndcg_at_10"]:
            weights, waited = copy.deepcopy(network.state_dict()), 0
            best = found | {"epoch": float(epoch)}
        elif (waited := waited + 1) > training.patience:
            break
    network.load_state_dict(weights)
    return FittedSasrec(network.eval(), config, vocabulary, best)


def user_vectors(fitted: FittedSasrec, history: History, item_count: int) -> Floats:
    """(users, D): what each user's latest items make of the network; zeros without any."""
    config = fitted.config
    rows = sequences(
        history, fitted.vocabulary, item_count=item_count, length=config.length, only_last=True
    )
    vectors = np.zeros((history.user_count, config.width), dtype=np.float32)
    with torch.inference_mode():
        for part in torch.split(torch.arange(len(rows.user)), 256):
            encoded = fitted.network(rows.items[part], rows.baskets[part])
            vectors[rows.user[part.numpy()]] = encoded[:, -1].numpy()
    return vectors


def item_vectors(fitted: FittedSasrec) -> Floats:
    """(vocabulary, D): the tied item matrix without its padding row."""
    matrix: Floats = fitted.network.items.weight.detach().numpy()[1:].copy()
    return matrix


def sequences(
    history: History, vocabulary: Ints, *, item_count: int, length: int, only_last: bool = False
) -> Sequences:
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
    return Sequences(
        user=np.array(users, dtype=np.int32),
        items=torch.from_numpy(np.array(items, dtype=np.int64).reshape(shape)),
        baskets=torch.from_numpy(np.array(baskets, dtype=np.int64).reshape(shape)),
    )


def draw_targets(rows: Sequences, draw: np.random.Generator) -> Int[Tensor, "N T"]:
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


def sampled_softmax_loss(
    encoded: Float[Tensor, "P D"],
    targets: Int[Tensor, " P"],
    negatives: Int[Tensor, " N"],
    *,
    item_matrix: Float[Tensor, "V D"],
    log_q: Float[Tensor, " V"],
) -> Tensor:
    """Cross-entropy of each target against shared negatives, logits less log sampling rate."""
    positive = (encoded * item_matrix[targets]).sum(-1) - log_q[targets]  # (P,)
    negative = encoded @ item_matrix[negatives].T - log_q[negatives]  # (P, N)
    is_target = negatives[None, :] == targets[:, None]
    negative = negative.masked_fill(is_target, float("-inf"))
    logits = torch.cat([positive[:, None], negative], dim=1)
    return functional.cross_entropy(logits, torch.zeros_like(targets))


def _one_epoch(
    network: Sasrec,
    optimiser: torch.optim.Optimizer,
    rows: Sequences,
    log_q: Float[Tensor, " V"],
    training: SasrecTraining,
    draw: np.random.Generator,
) -> float:
    targets = draw_targets(rows, draw)
    network.train()
    losses = []
    for part in _batches(len(rows.user), training.batch, draw):
        encoded = network(rows.items[part], rows.baskets[part])
        wanted = targets[part] != PADDING
        if not wanted.any():
            continue
        negatives = torch.multinomial(log_q.exp(), training.negatives, replacement=True)
        loss = sampled_softmax_loss(
            encoded[wanted],
            targets[part][wanted],
            negatives,
            item_matrix=network.items.weight,
            log_q=log_q,
        )
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(loss.item())
    return float(np.mean(losses)) if losses else 0.0


def _batches(count: int, size: int, draw: np.random.Generator) -> Iterator[Tensor]:
    order = torch.from_numpy(draw.permutation(count))
    yield from torch.split(order, size)


def _frequent_items(history: History, item_count: int, min_baskets: int) -> Ints:
    """Items in enough baskets; all that were bought where none is frequent."""
    count = np.bincount(history.item, minlength=item_count)
    return np.flatnonzero(count >= min(min_baskets, count.max(initial=1))).astype(np.int32)


def _log_frequency(rows: Sequences, vocabulary: int) -> Float[Tensor, " V"]:
    """Log of each item's share of all places, smoothed by one; padding is never drawn."""
    count = torch.bincount(rows.items.flatten(), minlength=vocabulary + 1).float() + 1
    count[PADDING] = 0
    return torch.log(count / count.sum())


def _validate(
    network: Sasrec,
    config: SasrecConfig,
    vocabulary: Ints,
    history: History,
    targets: Targets,
    item_count: int,
) -> dict[str, float]:
    """NDCG@10 and recall@10 of the whole vocabulary ranked for each target basket."""
    network.eval()
    fitted = FittedSasrec(network, config, vocabulary, {})
    scores = user_vectors(fitted, history, item_count)[targets.users] @ item_vectors(fitted).T
    return mean_metrics([vocabulary[top_k(row, 10)] for row in scores], targets)
