"""``counterfoil mask``: personal data in a text or a file, masked in its own format."""

from pathlib import Path
from typing import Annotated

import typer

from flows.active import active_settings
from flows.cli_output import AsJson, show
from flows.console import data, say
from governance.errors import InputError

Text = Annotated[str | None, typer.Argument(help="A text; else give --file")]
File = Annotated[Path | None, typer.Option("--file", help="UTF-8, a text in each line")]
Bundle = Annotated[Path | None, typer.Option("--bundle", help="A tagger's, not the home's newest")]


def add_commands(app: typer.Typer) -> None:
    """Hang the command on the main app."""
    app.command()(mask)


def mask(
    text: Text = None, file: File = None, bundle: Bundle = None, as_json: AsJson = False
) -> None:
    """Mask names, addresses and numbers of people: letters by letters, digits by digits.

    Equal values get equal masks in one home. Example: counterfoil mask "Ask Ana, ana@example.com"
    """
    if (text is None) == (file is None):
        raise InputError(
            "one text or one file is masked at a time",
            where="counterfoil mask",
            next_step='counterfoil mask "Ask Ana, ana@example.com", or --file texts.txt',
        )
    from flows import masking

    settings = active_settings()
    finder = masking.finder_of_home(settings, bundle)
    if finder.tagger is None:
        say("no tagger was taught: numbers and addresses with a form are found, names are not")
    texts = masking.lines_of(file) if file else [text or ""]
    masks = masking.masks_of(texts, finder, masking.key_of_home(settings))
    if as_json:
        told = [{"text": one.text, "masked": [vars(s) for s in one.replaced]} for one in masks]
        show(told, as_json=True)
    else:
        for one in masks:
            data(one.text)
