"""Teach an encoder that a query lies near what was clicked after it: in-batch negatives.

    tuned = fine_tune_dense(load_encoder(), pairs, later_pairs, knobs, progress=print)

Of a batch of N pairs each query must find its own product among the N; other pairs of the same
item are hidden, not taught against. A pair counts by its weight (``clicks.py``). The epoch that is
best on pairs not taught, whose weights count too, is kept. Knobs are those of the engine; only its
``full`` method. The same seed, device and threads give the same bytes.

Dimensions: N pairs, L tokens, D numbers of a vector.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from governance.errors import InputError
from governance.files import digest_of
from training.best_epoch import Course, mixed_seed
from training.encoder.model import Encoder, fast_arithmetic, mean_over_tokens, tokenise
from training.encoder.readable import readable
from training.fine_tuning.config import FineTuning
from training.fine_tuning.step_size import set_step_size
from training.text_search.clicks import Pairs

DENSE_KNOBS = FineTuning(epochs=2, batch=64, length=64, learning_rate=5e-5)
_TEMPERATURE = 0.05  # of cosines; as sentence encoders are taught since SimCSE
_LONGEST_GRADIENT = 1.0  # a batch that pulls harder is cut to this
_REMEDY = "lower learning_rate, or use precision: float32"
_JUDGED_BATCH = 64  # more negatives would judge more strictly; the same for every epoch


@dataclass(frozen=True)
class TunedEncoder:
    """The encoder of the best epoch, and the curve that led there."""

    encoder: Encoder
    curve: list[dict[str, float]]


def fine_tune_dense(
    encoder: Encoder,
    taught: Pairs,
    judged: Pairs | None,
    knobs: FineTuning = DENSE_KNOBS,
    *,
    progress: Callable[[str], None] = lambda _: None,
    checkpoint: Path | None = None,
) -> TunedEncoder:
    """The given encoder stays as it is; the digest of the new one names what it was taught.

    With ``checkpoint`` the state after each epoch is kept there, and a call that finds one goes on.
    """
    if len(taught) < 2 or knobs.method != "full":
        raise InputError(
            "the encoder cannot be taught", where="the query-click pairs",
            why=f"{len(taught)} pairs, method {knobs.method}: two pairs and method full are needed",
        )  # fmt: skip
    network = copy.deepcopy(encoder.network).to(knobs.device)
    subject = subject_of(encoder, taught, judged, knobs)
    learner = replace(encoder, network=network, digest=subject, name=f"{encoder.name}, tuned")
    group = {"params": list(network.parameters()), "highest": knobs.learning_rate}
    optimiser = torch.optim.AdamW([group], weight_decay=knobs.weight_decay)
    course = Course(
        network, optimiser, subject=subject, checkpoint=checkpoint,
        metric="validation_loss", is_lower_better=True,
    )  # fmt: skip
    for epoch in course.epochs(knobs.epochs, knobs.patience):
        loss = _one_epoch(learner, taught, optimiser, knobs, epoch)
        if course.has_diverged(loss, where="training/text_search", next_step=_REMEDY):
            break
        network.eval()
        found = {"validation_loss": judged_loss(learner, judged, knobs)} if judged else {}
        course.note({"loss": loss}, found)
        progress(course.line("dense"))
    course.end()
    network.to("cpu")  # where encoders read
    return TunedEncoder(learner, course.state.curve)


def _one_epoch(
    learner: Encoder, taught: Pairs, optimiser: torch.optim.Optimizer, knobs: FineTuning, epoch: int
) -> float:
    """Every pair once; the mean loss of a batch. Weights are beside their mean over all pairs."""
    torch.manual_seed(mixed_seed(knobs.seed, epoch))  # dropout
    learner.network.train()
    steps, losses = -(-len(taught) // knobs.batch), []
    mean_weight = max(float(taught.weights.mean()), 1e-12)
    for number, batch in enumerate(_shuffled(taught, knobs, epoch)):
        set_step_size(optimiser, knobs, (epoch - 1) * steps + number, steps * knobs.epochs)
        loss = _loss(learner, batch, knobs) / (len(batch) * mean_weight)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(learner.network.parameters(), _LONGEST_GRADIENT)
        if norm.isfinite():
            optimiser.step()
        optimiser.zero_grad()
        losses.append(float(loss.detach()))
    return float(np.mean(losses))


def judged_loss(encoder: Encoder, pairs: Pairs, knobs: FineTuning) -> float:
    """The weighed mean loss over pairs, in batches in their order."""
    total = 0.0
    with torch.inference_mode():
        for begin in range(0, len(pairs), _JUDGED_BATCH):
            rows = list(range(begin, min(begin + _JUDGED_BATCH, len(pairs))))
            total += float(_loss(encoder, pairs.take(rows), knobs))
    return total / max(float(pairs.weights.sum()), 1e-12)


def _loss(encoder: Encoder, batch: Pairs, knobs: FineTuning) -> Tensor:
    """The weighed sum over queries of the cross entropy of their own product."""
    queries = _unit(encoder, batch.queries, knobs)
    products = _unit(encoder, batch.products, knobs)
    logits = queries @ products.T / _TEMPERATURE  # (N, N)
    _, items = np.unique(np.array(batch.items), return_inverse=True)
    is_same = torch.from_numpy(items[:, None] == items[None, :])
    is_same.fill_diagonal_(False)
    logits = logits.masked_fill(is_same.to(logits.device), -torch.inf)
    each = nn.functional.cross_entropy(
        logits, torch.arange(len(batch), device=logits.device), reduction="none"
    )
    return (each * torch.from_numpy(batch.weights).to(each.device)).sum()


def _unit(encoder: Encoder, texts: tuple[str, ...], knobs: FineTuning) -> Float[Tensor, "n d"]:
    given = tokenise(encoder.tokenizer, [readable(text) for text in texts], length=knobs.length)
    given = {name: value.to(knobs.device) for name, value in given.items()}
    with fast_arithmetic(knobs.device, knobs.precision):
        hidden = encoder.network(**given).last_hidden_state
    pooled = mean_over_tokens(hidden.float(), given["attention_mask"])
    return nn.functional.normalize(pooled, dim=-1)


def _shuffled(pairs: Pairs, knobs: FineTuning, epoch: int) -> Iterator[Pairs]:
    order = np.random.default_rng((knobs.seed, epoch)).permutation(len(pairs))
    for begin in range(0, len(order), knobs.batch):
        yield pairs.take(order[begin : begin + knobs.batch])


def subject_of(encoder: Encoder, taught: Pairs, judged: Pairs | None, knobs: FineTuning) -> str:
    """A digest of all that decides the result: encoder, pairs, knobs."""
    lessons = [
        pairs and [pairs.queries, pairs.products, pairs.items, pairs.weights.tolist()]
        for pairs in (taught, judged)
    ]
    return digest_of({"encoder": encoder.digest, "lessons": lessons, "knobs": asdict(knobs)})
