"""Text tasks that ``counterfoil train <task>`` can teach: a name, and where its ``teach`` is.

A task's module offers ``teach(data, *, encoder, knobs, checkpoint, progress, watch)``, and may
offer ``KNOBS_FILE`` with knobs and ranges of its own, and ``card_facts()`` that go into the card of
its bundle. Imports nothing heavy: help reads the names.
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from training.encoder.model import Encoder
    from training.fine_tuning.config import FineTuning
    from training.fine_tuning.taught import Progress, TaughtText, Watch

TEXT_TASKS = {  # name: what it learns, and its module
    "category": ("which category a search means", "training.query_category.train"),
    "intent": ("what a search is for: buy, learn, compare or none", "training.intent.train"),
    "personal-data": ("where names, addresses and numbers stand", "training.personal_data.teach"),
    "sentiment": ("whether a review recommends its item", "training.sentiment.train"),
}


class Teach(Protocol):
    """Learn from ``data``, or where there is none from what the task ships or finds itself."""

    def __call__(
        self,
        data: Path | None,
        *,
        encoder: "Encoder",
        knobs: "FineTuning",
        checkpoint: Path | None,
        progress: "Progress",
        watch: "Watch",
    ) -> "TaughtText": ...


def teach_of(task: str) -> Teach:
    """The task's own ``teach``."""
    return cast(Teach, import_module(TEXT_TASKS[task][1]).teach)


def knobs_file_of(task: str) -> Path:
    """The task's own knobs, or those that ship with the engine."""
    from training.fine_tuning.config import DEFAULT_FILE

    found: Path = getattr(import_module(TEXT_TASKS[task][1]), "KNOBS_FILE", DEFAULT_FILE)
    return found


def card_facts_of(task: str) -> Mapping[str, object]:
    """What the task's own bundle carries in its card; most carry nothing more."""
    module = import_module(TEXT_TASKS[task][1])
    return cast(Mapping[str, object], module.card_facts()) if hasattr(module, "card_facts") else {}
