"""Text tasks that ``counterfoil train <task>`` can teach: a name, and where its ``teach`` is.

A task's module offers ``teach(data, *, encoder, knobs, checkpoint, progress, watch)``, and may
offer ``KNOBS_FILE`` with knobs and ranges of its own, and ``card_facts(data)`` that go into the
card of its bundle. One whose model is more than a network also offers ``read_settings(path)``,
whose parts beside the fine-tuning go to its ``teach`` by name, and ``save(bundles_dir, taught, *,
facts, pages)``. One that can also learn without fine-tuning names such ways, and offers
``teach_<way>`` of each, called as ``teach`` is. One that can share its encoder offers
``teachable(data, *, knobs, progress)``. Imports nothing heavy: help reads the names.
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

if TYPE_CHECKING:
    from training.encoder.model import Encoder
    from training.fine_tuning.config import FineTuning, FineTuningSettings
    from training.fine_tuning.taught import Progress, Teachable, Watch
    from training.sealed_folder import Sealed


class TextTask(NamedTuple):
    """What a task learns, its module, and what the command that teaches it can be asked for."""

    learns: str
    module: str
    is_searched: bool = True  # not where several networks are judged together: no curve of a trial
    example: str = "--method lora"
    ways: tuple[str, ...] = ()  # without fine-tuning; the first, unless the call says how to tune
    can_share: bool = False  # its encoder, by --with: one network of one lesson


TEXT_TASKS = {
    "category": TextTask(
        "which category a search means",
        "training.query_category.task",
        example="--data .counterfoil/warehouse.duckdb",
        ways=("near",),
        can_share=True,
    ),
    "duplicates": TextTask(
        "which listings are of one product",
        "training.duplicates.task",
        is_searched=False,
        example="--data DIR",
    ),
    "intent": TextTask(
        "what a search is for: buy, learn, compare or none",
        "training.intent.train",
        can_share=True,
    ),
    "personal-data": TextTask(
        "where names, addresses and numbers stand",
        "training.personal_data.teach",
        example="--data sentences.json",
    ),
    "sentiment": TextTask(
        "whether a review recommends its item",
        "training.sentiment.task",
        example="--data DIR",
        can_share=True,
    ),
}
SHARING = tuple(name for name, task in TEXT_TASKS.items() if task.can_share)


class Taught(Protocol):
    """A model that was taught, with what it reached on how many examples."""

    @property
    def metrics(self) -> dict[str, float]: ...

    @property
    def curve(self) -> list[dict[str, float]]: ...

    @property
    def examples(self) -> int: ...


class Save(Protocol):
    """Write a taught model as a sealed folder; ``pages`` are further files by name."""

    def __call__(
        self,
        bundles_dir: Path,
        taught: Taught,
        *,
        facts: Mapping[str, object],
        pages: Mapping[str, str],
    ) -> "Sealed": ...


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
        **beside: object,
    ) -> Taught: ...


class MakeTeachable(Protocol):
    """Read ``data`` as ``teach`` does, for a lesson that may be learned beside others."""

    def __call__(
        self,
        data: Path | None,
        *,
        knobs: "FineTuning",
        progress: "Progress",
        **beside: object,
    ) -> "Teachable[Taught]": ...


def teach_of(task: str, way: str = "") -> Teach:
    """The task's own ``teach``, or that of one of its ways without fine-tuning."""
    module = import_module(TEXT_TASKS[task].module)
    return cast(Teach, getattr(module, f"teach_{way}" if way else "teach"))


def teachable_of(task: str) -> MakeTeachable:
    """The ``teachable`` of a task that can share its encoder."""
    return cast(MakeTeachable, import_module(TEXT_TASKS[task].module).teachable)


def save_of(task: str) -> Save:
    """The task's own ``save``, or that of a network alone."""
    module = import_module(TEXT_TASKS[task].module)
    return cast(Save, module.save) if hasattr(module, "save") else _save_network


def settings_of(task: str, config: Path | None) -> "FineTuningSettings":
    """The settings of a file, or those that ship, read as the task reads its own."""
    from training.fine_tuning.config import read_settings

    read = getattr(import_module(TEXT_TASKS[task].module), "read_settings", read_settings)
    return cast("FineTuningSettings", read(config or knobs_file_of(task)))


def knobs_file_of(task: str) -> Path:
    """The task's own knobs, or those that ship with the engine."""
    from training.fine_tuning.config import DEFAULT_FILE

    found: Path = getattr(import_module(TEXT_TASKS[task].module), "KNOBS_FILE", DEFAULT_FILE)
    return found


def card_facts_of(task: str, data: Path | None) -> Mapping[str, object]:
    """What the task's own bundle carries in its card; most carry nothing more."""
    module = import_module(TEXT_TASKS[task].module)
    if not hasattr(module, "card_facts"):
        return {}
    return cast(Mapping[str, object], module.card_facts(data))


def _save_network(
    bundles_dir: Path, taught: Taught, *, facts: Mapping[str, object], pages: Mapping[str, str]
) -> "Sealed":
    from training.fine_tuning.taught import TaughtText
    from training.text_bundle import save_text_bundle

    assert isinstance(taught, TaughtText)  # a task without a save of its own gives a network
    return save_text_bundle(bundles_dir, taught, facts=facts, pages=pages)
