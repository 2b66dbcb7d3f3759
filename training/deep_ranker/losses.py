"""What the deep ranker is taught by: a cross-entropy per task, and one over the list's purchases.

Dimensions: B rows of a part of a batch, T tasks, G lists of that part. Every sum is divided by the
weight of the whole batch, so a batch computed in parts gives the same gradient as in one piece.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from training.deep_ranker.model import TASKS

PURCHASE = TASKS.index("purchase")


@dataclass(frozen=True)
class Rows:
    """Rows of whole lists on the device; ``list_of`` numbers their lists from 0."""

    values: Float[Tensor, "B D"]
    labels: Float[Tensor, "B T"]  # NaN: the row has no such label
    weight: Float[Tensor, " B"]
    list_of: Int[Tensor, " B"]


@dataclass(frozen=True)
class Shares:
    """The weight of a batch: of each task's labelled rows, and of the lists with a purchase."""

    tasks: Float[Tensor, " T"]
    lists: Float[Tensor, ""]


def shares_of(rows: Rows) -> Shares:
    """What the losses of the parts of a batch are divided by."""
    known = ~rows.labels.isnan()
    tasks = (known * rows.weight[:, None]).sum(0)
    return Shares(tasks, _list_weights(rows).sum())


def task_losses(logits: Float[Tensor, "B T"], rows: Rows, shares: Shares) -> Float[Tensor, " T"]:
    """Mean weighted cross-entropy of each task over the rows that have its label; 0 without any."""
    known = ~rows.labels.isnan()
    wanted = torch.where(known, rows.labels, torch.zeros_like(rows.labels))
    each = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    counted = torch.where(known, each * rows.weight[:, None], torch.zeros_like(each))
    return counted.sum(0) / shares.tasks.clamp(min=1e-9)


def list_loss(logits: Float[Tensor, "B T"], rows: Rows, shares: Shares) -> Float[Tensor, ""]:
    """Cross-entropy of each list's purchases against a softmax over the list.

    A list with p purchases asks for 1/p of the softmax at each; one without teaches nothing here.
    """
    own = logits[:, PURCHASE]
    table = _padded(own, rows.list_of)
    log_sum = torch.logsumexp(table, dim=1)  # (G,)
    bought = rows.labels[:, PURCHASE]
    count = torch.bincount(rows.list_of, weights=bought, minlength=len(table))
    share = bought / count.clamp(min=1.0)[rows.list_of]
    short = share * (log_sum[rows.list_of] - own) * rows.weight
    return short.sum() / shares.lists.clamp(min=1e-9)


def _list_weights(rows: Rows) -> Float[Tensor, " G"]:
    """The weight of each list's rows; 0 where nothing of it was bought."""
    bought = rows.labels[:, PURCHASE]
    count = torch.bincount(rows.list_of, weights=bought)
    return torch.bincount(rows.list_of, weights=bought * rows.weight) / count.clamp(min=1.0)


def _padded(values: Float[Tensor, " B"], list_of: Int[Tensor, " B"]) -> Float[Tensor, "G M"]:
    """One row per list, filled up with minus infinity."""
    sizes = torch.bincount(list_of)
    begins = torch.cumsum(sizes, 0) - sizes
    place = torch.arange(len(values), device=values.device) - begins[list_of]
    table = values.new_full((len(sizes), int(sizes.max())), -torch.inf)
    return table.index_put((list_of, place), values)
