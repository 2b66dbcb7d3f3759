"""What one run of ``counterfoil train <text task>`` learns from: the task, and those named --with.

    teach_lessons(lessons, encoder=encoder, knobs=knobs, checkpoint=path, progress=say, watch=see)

Several learn in turns of a batch on one encoder, by the knobs of the first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from governance.errors import InputError
from governance.files import digest_of, sha256_file
from training.encoder.model import Encoder
from training.fine_tuning.config import FineTuning, FineTuningSettings
from training.fine_tuning.taught import Progress, Watch, teach_together
from training.search_space import Knob
from training.text_tasks import SHARING, Taught, teach_of, teachable_of


@dataclass(frozen=True)
class TextLesson:
    """A task, its data, and settings of its own beside the fine-tuning."""

    task: str
    data: Path | None  # None: what the task ships or finds itself
    beside: Mapping[str, Any] = field(default_factory=dict)  # dataclasses of knobs
    way: str = ""  # without fine-tuning; empty: by it
    digest: str = ""  # of the data

    def told(self, knobs: FineTuningSettings) -> dict[str, Knob]:
        """The knobs that count for this task."""
        if self.way:
            return {"method": self.way, "seed": knobs.training.seed}
        return replace(knobs, beside=self.beside).knobs()


def named_with(given: Sequence[str]) -> dict[str, Path | None]:
    """``TASK`` or ``TASK=DATA``, each: the data by task; InputError where one is named twice."""
    found: dict[str, Path | None] = {}
    for one in given:
        name, _, path = one.partition("=")
        if name in found:
            raise InputError(
                f"{name} is named twice",
                where=f"--with {one}",
                next_step="put all of its examples into one file or folder",
            )
        found[name] = Path(path) if path else None
    return found


def refuse_vain_sharing(first: str, others: Sequence[str], *, way: str, trials: int) -> None:
    """InputError where these tasks, or this way of learning, cannot share an encoder."""
    where = f"counterfoil train {first} --with {' --with '.join(others)}"
    if first in others:
        raise InputError(
            f"{first} cannot be learned together with itself",
            where=where,
            next_step=f"name another task: {', '.join(n for n in SHARING if n != first)}",
        )
    if unable := [name for name in (first, *others) if name not in SHARING]:
        raise InputError(
            f"{unable[0]!r} cannot be learned together with others",
            where=where,
            why=f"tasks that can share an encoder are {', '.join(SHARING)}",
            next_step="name two of them, or train each task alone",
        )
    if trials:
        raise InputError(
            "--search is for one task",
            where=f"{where} --search {trials}",
            why="a search raises the macro-F1 of one task, and here several share the weights",
            next_step="search the first task alone, then give its knobs by --config",
        )
    if way:
        raise InputError(
            f"the way {way} has no network to share",
            where=f"{where} --method {way}",
            next_step="leave --method out, or name a method of fine-tuning",
        )


def teach_lessons(
    lessons: Sequence[TextLesson],
    *,
    encoder: Encoder,
    knobs: FineTuning,
    checkpoint: Path | None,
    progress: Progress,
    watch: Watch,
) -> list[Taught]:
    """Each lesson's model: one by its task's own ``teach``, several on one encoder."""
    first = lessons[0]
    if len(lessons) == 1:
        taught = teach_of(first.task, first.way)(
            first.data, encoder=encoder, knobs=knobs,
            checkpoint=checkpoint, progress=progress, watch=watch, **first.beside,
        )  # fmt: skip
        return [taught]
    read = [
        teachable_of(one.task)(one.data, knobs=knobs, progress=progress, **one.beside)
        for one in lessons
    ]
    return teach_together(
        read, encoder, knobs, checkpoint=checkpoint, progress=progress, watch=watch
    )


def subject_of(encoder: Encoder, lessons: Sequence[TextLesson], knobs: FineTuningSettings) -> str:
    """A digest of all that decides the result."""
    decisive: dict[str, object] = {
        "encoder": encoder.digest,
        "data": lessons[0].digest,
        "knobs": knobs.knobs(),
        "ranges": {name: found.written for name, found in knobs.space().items()},
    }
    if len(lessons) > 1:
        decisive["others"] = [[one.task, one.digest, one.told(knobs)] for one in lessons[1:]]
    return digest_of(decisive)


def digest_of_data(data: Path | None) -> str:
    """Of a file, or of every file of a folder."""
    if data is None:
        return "default"
    if not data.exists():
        raise InputError(
            "there is no such data", where=str(data), next_step="name a file or folder that exists"
        )
    files = sorted(p for p in data.rglob("*") if p.is_file()) if data.is_dir() else [data]
    return digest_of([[str(p.relative_to(data.parent)), sha256_file(p)] for p in files])
