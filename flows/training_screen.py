"""How far a training is: bars on a terminal, else one line an epoch, or a trial in a search."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from flows.console import say, talk
from training.sasrec.learn import Curve
from training.search_space import Trial, as_yaml


class TrainingScreen:
    """Told by the training, shows a person; ``trials`` is 0 without a search.

    ``metric`` is the curve's figure that is shown, and ``called`` what a person calls it.
    """

    def __init__(self, trials: int, metric: str = "ndcg_at_10", called: str = "NDCG@10") -> None:
        self._trials, self._metric, self._called = trials, metric, called
        self._bars = Progress(
            TextColumn("{task.description:<34}"), BarColumn(), MofNCompleteColumn(),
            TimeElapsedColumn(), console=talk, disable=not talk.is_terminal, transient=True,
        )  # fmt: skip
        self._search = self._bars.add_task("search", total=trials, visible=trials > 0)
        self._epochs = self._bars.add_task("epochs", total=None)

    @contextmanager
    def shown(self) -> Iterator["TrainingScreen"]:
        """Bars while the training is at work."""
        with self._bars:
            yield self

    def say(self, text: str) -> None:
        """A line of the training; in a search, and under bars, there are too many of them."""
        if not self._trials and not talk.is_terminal:
            say(text)

    def begin(self, epochs: int) -> None:
        """A training of at most so many epochs begins."""
        self._bars.reset(self._epochs, total=epochs, description="epochs")

    def epoch(self, curve: Curve) -> None:
        """An epoch has ended."""
        text = f"loss {curve[-1]['loss']:.3f}"
        if found := [epoch[self._metric] for epoch in curve if self._metric in epoch]:
            text += f", best {self._called} {max(found):.4f}"
        self._bars.update(self._epochs, completed=len(curve), description=text)

    def trial(self, trial: Trial, of: int) -> None:
        """A trial has ended."""
        self._bars.update(self._search, completed=trial.number, total=of)
        knobs = ", ".join(
            f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {as_yaml(value)}"
            for name, value in trial.knobs.items()
        )
        say(
            f"trial {trial.number}/{of}  {trial.state:<8}  {self._called} {trial.value:.4f}  "
            f"{trial.epochs} epochs  {trial.seconds:.1f} s  {knobs}"
        )
