"""``counterfoil train sequence`` and ``counterfoil train <text task>``: one model on its own.

Each with its knobs searched if wished. The text tasks are those of ``training/text_tasks.py``.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.active import active_settings
from flows.cli_output import AsJson, show
from governance.errors import InputError
from training.text_tasks import SHARING, TEXT_TASKS

if TYPE_CHECKING:
    from flows.sequence import Outcome
    from flows.text_training import TextOutcome
    from training.sealed_folder import Sealed
    from training.search_space import Trial

train_app = typer.Typer(invoke_without_command=True)  # alone it is the train stage (cli.py)

Data = Annotated[
    Path | None, typer.Option("--data", help="Folder of `user item item ...` lines, not the shop")
]
Texts = Annotated[Path | None, typer.Option("--data", help="File or folder of the task's format")]
Way = Annotated[
    str, typer.Option("--method", help="full, lora, prefix or frozen; of category also near")
]
Config = Annotated[Path | None, typer.Option("--config", help="Knobs as YAML")]
With = Annotated[
    list[str] | None,
    typer.Option(
        "--with",
        metavar="TASK[=DATA]",
        help=f"Also learn this on the same encoder, by the first's knobs: {', '.join(SHARING)}",
    ),
]
Trials = Annotated[int, typer.Option("--search", min=0, help="Finished trials in all, over runs")]
Name = Annotated[str, typer.Option("--name", help="Name of the search, to go on with it")]
Timeout = Annotated[
    float | None, typer.Option("--timeout", min=0.1, help="Seconds after which a search stops")
]


@train_app.command()
def sequence(
    data: Data = None,
    config: Config = None,
    search: Trials = 0,
    name: Name = "",
    timeout: Timeout = None,
    as_json: AsJson = False,
) -> None:
    """Train SASRec on the home's shop, or on a folder; --search N looks for better knobs first.

    Killed at any moment, the same command goes on. Example: counterfoil train sequence --search 20
    """
    if timeout is not None and not search:
        raise InputError(
            "--timeout is of a search",
            where="counterfoil train sequence --timeout",
            why="a single training has an end of its own: training.epochs and training.patience",
            next_step="give --search N too, or leave --timeout out",
        )
    from flows.sequence import Wish, train_sequence
    from flows.training_screen import TrainingScreen

    wish = Wish(data=data, config=config, trials=search, name=name, timeout_seconds=timeout)
    with TrainingScreen(search).shown() as screen:
        outcome = train_sequence(active_settings(), wish, screen)
    show(_report(outcome), as_json=as_json, lines=_lines(outcome), table=_table(outcome.trials))


def _text_command(task: str) -> Callable[..., None]:
    """The command that teaches one text task."""

    def train_text_task(
        data: Texts = None,
        method: Way = "",
        config: Config = None,
        search: Trials = 0,
        others: With = None,
        as_json: AsJson = False,
    ) -> None:
        from flows.text_lessons import named_with
        from flows.text_training import METRIC, TextWish, train_text
        from flows.training_screen import TrainingScreen

        wish = TextWish(task, data, config, method, search, named_with(others or []))
        with TrainingScreen(search, METRIC, "macro-F1").shown() as screen:
            outcome = train_text(active_settings(), wish, screen)
        bundles = [outcome.bundle, *outcome.others]
        lines = [
            line for bundle in bundles for line in _text_lines(bundle, is_one=len(bundles) == 1)
        ]
        show(_text_report(outcome), as_json=as_json, lines=lines, table=_table(outcome.trials))

    return train_text_task


for _name, _task in TEXT_TASKS.items():
    _may = "looks for better knobs first" if _task.is_searched else "is not for this task"
    _first = (
        f"Without --method, --config, --search or --with: {_task.ways[0]}. " if _task.ways else ""
    )
    train_app.command(
        _name,
        help=f"Fine-tune the encoder on {_task.learns}; --search N {_may}.\n\n"
        f"{_first}Killed at any moment, the same command goes on. "
        f"Example: counterfoil train {_name} {_task.example}",
    )(_text_command(_name))


def _text_report(outcome: "TextOutcome") -> dict[str, Any]:
    report = {
        **_text_bundle(outcome.bundle),
        "trials": [vars(trial) for trial in outcome.trials],
    }
    if outcome.others:
        report["with"] = {one.card["task"]: _text_bundle(one) for one in outcome.others}
    return report


def _text_bundle(bundle: "Sealed") -> dict[str, Any]:
    return {
        "version": bundle.version,
        "folder": str(bundle.folder),
        "metrics": bundle.card["metrics"],
        "int8": bundle.card.get("int8"),
        "validation_examples": bundle.card["validation_examples"],
    }


def _text_lines(bundle: "Sealed", *, is_one: bool) -> list[str]:
    card = bundle.card
    of = "" if is_one else f"{card['task']} "
    examples = f"{card['validation_examples']:,} validation examples"
    lines = [f"{of + name:<28} {value:.4f}, {examples}" for name, value in card["metrics"].items()]
    if card.get("int8"):
        lines.append(f"{of + 'lost by int8: macro_f1':<28} {card['int8']['macro_f1_lost']:.4f}")
    folder = bundle.folder
    return [*lines, f"card     {folder / 'card.html'}", f"bundle   {folder}"]


def _report(outcome: "Outcome") -> dict[str, Any]:
    judged = outcome.judged
    return {
        "version": outcome.shelved.version,
        "folder": str(outcome.shelved.folder),
        "metrics": {name: vars(found) for name, found in judged.figures.items()},
        "floors": judged.floors,
        "users": judged.users,
        "validation": outcome.trained.metrics,
        "trials": [vars(trial) for trial in outcome.trials],
    }


def _lines(outcome: "Outcome") -> list[str]:
    judged, best = outcome.judged, outcome.trained.metrics
    lines = [
        f"{name:<28} {found.mean:.4f} ({found.low:.4f} to {found.high:.4f}), {judged.users:,} users"
        for name, found in judged.figures.items()
    ]
    for name, floor in judged.floors.items():
        lines.append(f"{name:<28} {floor['ndcg_at_10']:.4f} NDCG@10 (floor)")
    lines.append(
        f"{'validation ndcg_at_10':<28} {best['ndcg_at_10']:.4f}, epoch {best['epoch']:.0f} of "
        f"{len(outcome.trained.curve)}"
    )
    folder = outcome.shelved.folder
    return [*lines, f"card     {folder / 'card.html'}", f"knobs    {folder / 'knobs.yaml'}"]


def _table(trials: "list[Trial]") -> tuple[tuple[str, ...], list[dict[str, Any]]] | None:
    if not trials:
        return None
    knobs = tuple(trials[0].knobs)
    rows = [
        {**vars(t), "value": f"{t.value:.4f}", **{k: _short(v) for k, v in t.knobs.items()}}
        for t in trials
    ]
    for row in rows:
        row["trial"] = row["number"]
    return ("trial", "state", "value", "epochs", "seconds", *knobs), rows


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
