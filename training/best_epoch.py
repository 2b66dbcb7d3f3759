"""Epoch after epoch until validation no longer rises: the curve, the checkpoint, the best weights.

What the training loops of the networks share. Each loop stays in its model's folder, with its
step and its judge:

    course = Course(network, optimiser, subject=subject, checkpoint=checkpoint)
    for epoch in course.epochs(training.epochs, training.patience):
        loss = one_epoch(epoch)
        if course.has_diverged(loss, where="training/sasrec", next_step="lower learning_rate"):
            break
        course.note({"loss": loss}, validate())
        progress(course.line("sasrec"))
    return course.end()
"""

import copy
import math
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import nn

from governance.errors import InputError
from training.checkpoint import Progress, resume, save_checkpoint

_METRIC = "ndcg_at_10"  # the figure that chooses the epoch of a recommender


class DivergedError(InputError):
    """The loss stopped being a number before any epoch was whole."""


def mixed_seed(*numbers: int) -> int:
    """One seed from several numbers: of a run, an epoch, a process."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


class Course:
    """A training under way; it begins where ``checkpoint`` left it, if there is one.

    ``metric`` chooses the epoch: the highest, or with ``is_lower_better`` the lowest. Where
    several processes learn together, only the one with ``is_writer`` keeps checkpoints.
    """

    def __init__(
        self,
        network: nn.Module,
        optimiser: torch.optim.Optimizer,
        *,
        subject: str,
        checkpoint: Path | None,
        is_writer: bool = True,
        metric: str = _METRIC,
        is_lower_better: bool = False,
    ) -> None:
        self._network, self.optimiser, self._subject = network, optimiser, subject
        self._metric, self._sign = metric, -1 if is_lower_better else 1
        self._written = checkpoint if is_writer else None
        self._began = time.perf_counter()
        self._rates = [group["lr"] for group in optimiser.param_groups]  # before any drop
        self.state = Progress()
        if checkpoint is not None:
            self.state = resume(checkpoint, network=network, optimiser=optimiser, subject=subject)

    def epochs(
        self, limit: int, patience: int, *, drops: int = 0, drop: float = 1.0
    ) -> Iterator[int]:
        """The epochs still to learn; ``patience`` of them in a row may be no better.

        Then the rate is multiplied by ``drop`` and learning goes on from the best weights, at most
        ``drops`` times. A resumed course has the rate that the killed one had.
        """
        state = self.state
        while state.epoch < limit:
            if state.waited > patience:
                if state.drops >= drops:
                    break
                state.drops, state.waited = state.drops + 1, 0
                self._network.load_state_dict(state.weights)
            if state.drops:
                for group, rate in zip(self.optimiser.param_groups, self._rates, strict=True):
                    group["lr"] = rate * drop**state.drops
            self._began = time.perf_counter()
            state.epoch += 1
            yield state.epoch

    def has_diverged(self, loss: float, *, where: str, next_step: str) -> bool:
        """Whether the training must end here, an earlier epoch being the best.

        DivergedError where there is no earlier one.
        """
        if math.isfinite(loss):
            return False
        if not self.state.curve:
            raise DivergedError(
                "the training diverged in its first epoch",
                where=where,
                why="the loss is no longer a number",
                next_step=next_step,
            )
        return True

    def note(self, taught: Mapping[str, float], found: Mapping[str, float]) -> None:
        """Add an epoch to the curve, keep its weights if it is the best, write the checkpoint.

        With nothing ``found`` nobody judges, and the latest epoch is the best.
        """
        state, number = self.state, float(self.state.epoch)
        state.curve.append({"epoch": number, **taught, **found})
        state.waited += 1
        if not found or self._worth(found) > self._worth(state.best):
            state.best, state.waited = {**found, "epoch": number}, 0
            state.weights = copy.deepcopy(self._network.state_dict())
        if self._written is not None:
            save_checkpoint(
                self._written,
                network=self._network,
                optimiser=self.optimiser,
                progress=state,
                subject=self._subject,
            )

    def line(self, name: str) -> str:
        """The latest epoch in words."""
        latest, seconds = self.state.curve[-1], time.perf_counter() - self._began
        said = f"{name} epoch {self.state.epoch}: loss {latest['loss']:.3f}"
        if self._metric in latest:
            best = self.state.best.get(self._metric, math.nan)
            figure = self._metric.replace("_at_", "@").replace("_", " ")
            said += f", {figure} {latest[self._metric]:.4f} (best {best:.4f})"
        return f"{said}, {seconds:.1f} s"

    def end(self) -> Progress:
        """Put the best epoch's weights back, ready to answer."""
        if self.state.weights:
            self._network.load_state_dict(self.state.weights)
        self._network.eval()
        return self.state

    def _worth(self, found: Mapping[str, float]) -> float:
        return self._sign * found.get(self._metric, -self._sign * math.inf)
