"""``counterfoil read``: a text, or each line of a file, by the newest model of a text task."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.active import active_settings
from flows.cli_output import AsJson, show
from flows.console import data, say
from governance.errors import InputError

Task = Annotated[str, typer.Argument(help="attributes, category, intent or sentiment")]
Text = Annotated[str | None, typer.Argument(help="A text; else give --file")]
File = Annotated[Path | None, typer.Option("--file", help="UTF-8, a text in each line")]

Answer = Mapping[str, Any]
_REASONS = 5  # of an intent, the strongest


def add_commands(app: typer.Typer) -> None:
    """Hang the command on the main app."""
    app.command()(read)


def read(task: Task, text: Text = None, file: File = None, as_json: AsJson = False) -> None:
    """Read a text: its category, intent, attributes, or what a review says of which aspect.

    By the newest bundle of train category, intent or sentiment; attributes are read by rules.
    Example: counterfoil read category "oat milk 1 l"
    """
    if (text is None) == (file is None):
        raise InputError(
            "one text or one file is read at a time",
            where=f"counterfoil read {task}",
            next_step=f'counterfoil read {task} "oat milk 1 l", or --file texts.txt',
        )
    from flows.masking import lines_of
    from flows.text_answers import open_reader

    reader = open_reader(active_settings(), task)
    say(f"{task} {reader.version}: {reader.told}" if reader.version else f"{task}: {reader.told}")
    answers = reader.answers(lines_of(file) if file else [text or ""])
    if as_json:
        report = {"task": task, "version": reader.version or None, "told": reader.told}
        show(report | {"answers": list(answers)}, as_json=True)
        return
    for answer in answers:
        if file:
            data(f"# {answer['text']}")
        for line in _LINES[task](answer):
            data(line)


def _category(answer: Answer) -> list[str]:
    ranked = [f"{one['category']} {one['probability']:.2f}" for one in answer["ranked"]]
    if answer["category"] is None:
        return [f"unknown; likeliest {', '.join(ranked)}"]
    return ["; then ".join([ranked[0], ", ".join(ranked[1:])]) if ranked[1:] else ranked[0]]


def _sentiment(answer: Answer) -> list[str]:
    if answer["recommended"] is None:
        return ["there is no text"]
    aspects = [
        f"  {one['aspect']:<8} {one['polarity']:+.2f}  {', '.join(one['words'])}: "
        f"{' | '.join(one['clauses'])}"
        for one in answer["aspects"]
    ]
    return [f"recommended {answer['recommended']:.2f}", *aspects]


def _attributes(answer: Answer) -> list[str]:
    return [
        f"{one['name']:<14} {one['value']} {one['unit']}".rstrip()
        + f"  ({one['text']}, confidence {one['confidence']:.2f})"
        for one in answer["attributes"]
    ] or ["no attribute is stated"]


def _intent(answer: Answer) -> list[str]:
    chances = sorted(answer["probabilities"].items(), key=lambda pair: -pair[1])
    found = ", ".join(f"{name} {chance:.2f}" for name, chance in chances)
    moved = ", ".join(f"{one['what']} {one['raised']:+.2f}" for one in answer["reasons"][:_REASONS])
    lines = [found, *([f"  moved by {moved}"] if moved else [])]
    return [*lines, *([f"  {answer['unsure_because']}"] if answer["unsure_because"] else [])]


_LINES: Mapping[str, Callable[[Answer], list[str]]] = {
    "attributes": _attributes,
    "category": _category,
    "intent": _intent,
    "sentiment": _sentiment,
}
