"""Where a training is followed: TensorBoard by setting, or nowhere.

``COUNTERFOIL_TRACKING=tensorboard`` writes loss, learning rate and validation metrics of every
epoch, and at the end the knobs beside what they reached, under ``tracking/`` in the home folder.
The bundle's ``history.json`` is kept either way.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from governance.errors import InputError

Tracking = Literal["none", "tensorboard"]
Knobs = Mapping[str, int | float | str | bool]


class Tracker(Protocol):
    """Sees a growing curve, then the end."""

    def epochs(self, curve: Sequence[Mapping[str, float]]) -> None: ...

    def end(self, knobs: Knobs, metrics: Mapping[str, float]) -> None: ...


class Untracked:
    """Keeps nothing."""

    def epochs(self, curve: Sequence[Mapping[str, float]]) -> None:
        """Look away."""

    def end(self, knobs: Knobs, metrics: Mapping[str, float]) -> None:
        """Look away."""


class TensorBoard:
    """Event files in a folder of the run; a resumed run takes the place of what it wrote before."""

    def __init__(self, folder: Path) -> None:
        writer = _summary_writer()
        self._folder = folder
        self._writer = writer(log_dir=str(folder), purge_step=0)
        self._seen = 0

    def epochs(self, curve: Sequence[Mapping[str, float]]) -> None:
        """Write the epochs that are new."""
        for epoch in curve[self._seen :]:
            for name, value in epoch.items():
                if name != "epoch":
                    self._writer.add_scalar(name, value, int(epoch["epoch"]))
        self._seen = len(curve)
        self._writer.flush()

    def end(self, knobs: Knobs, metrics: Mapping[str, float]) -> None:
        """Knobs and what they reached, for the page that compares runs."""
        reached = {f"reached/{name}": value for name, value in metrics.items()}
        self._writer.add_hparams(dict(knobs), reached, run_name=".")
        self._writer.close()


def open_tracker(kind: Tracking, tracking_dir: Path, run: str) -> Tracker:
    """The tracker of a run, by setting."""
    return Untracked() if kind == "none" else TensorBoard(tracking_dir / run)


def check_tracking(kind: Tracking) -> None:
    """Say what is missing before a training, not after it."""
    if kind == "tensorboard":
        _summary_writer()


def _summary_writer() -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise InputError(
            "the package tensorboard is not installed",
            where="environment variable COUNTERFOIL_TRACKING=tensorboard",
            why="tracking is an extra, so that those who do without need not install it",
            next_step="uv pip install -c requirements.lock tensorboard",
        ) from None
    return SummaryWriter
