"""What the model card of ``counterfoil train <text task>`` tells: figures, curve, knobs, trials."""

from collections.abc import Mapping, Sequence
from typing import Any

from training.fine_tuning.config import DEFAULT_FILE, FineTuningSettings
from training.model_card import ModelCard
from training.sasrec.knobs_file import effects_of
from training.search_space import Trial
from training.text_tasks import TEXT_TASKS, Taught, knobs_file_of


def page_of_text(
    task: str,
    taught: Taught,
    knobs: FineTuningSettings,
    *,
    facts: Mapping[str, Any],
    trials: Sequence[Trial],
) -> ModelCard:
    """The page of one taught text model."""
    held = facts["knobs"]
    others = ", ".join(facts.get("learned_together_with", ()))
    return ModelCard(
        title=f"Text model: {task}",
        facts={
            "learns": TEXT_TASKS[task].learns,
            "digest of the data": str(facts["data"]),
            "encoder": f"{facts['encoder']['name']}, {facts['encoder']['digest'][:12]}",
            "judged examples": f"{taught.examples:,}",
            **({"learned together with": others} if others else {}),
        },
        figures=taught.metrics,
        floors={},
        curve=taught.curve,
        knobs=held,
        effects=_effects(task, held),
        trials=trials,
        metric=knobs.training.chosen_by,
        judged_on="examples that were not learned",
        judged_how="They also chose the epoch, the threshold or the line, where the task has one.",
        chosen_on="the validation examples" + (" of all its tasks" if others else ""),
        searched_by="macro-F1",
        file="the bundle's card",
    )


def _effects(task: str, knobs: Mapping[str, object]) -> dict[str, str]:
    """The words beside a knob in the task's file, else in the engine's, by the knob's last name."""
    told = effects_of(DEFAULT_FILE) | effects_of(knobs_file_of(task))
    return {name: told.get(name.rpartition(".")[2], "") for name in knobs}
