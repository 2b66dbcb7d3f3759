"""``counterfoil mask`` and ``scan-personal-data``: personal data masked, or only counted."""

from pathlib import Path
from typing import Annotated, Any

import typer

from flows.active import active_settings
from flows.cli_output import AsJson, show
from flows.console import StageLine, data, say
from governance.errors import GateRefused, InputError

Text = Annotated[str | None, typer.Argument(help="A text; else give --file")]
File = Annotated[Path | None, typer.Option("--file", help="UTF-8, a text in each line")]
Bundle = Annotated[Path | None, typer.Option("--bundle", help="A tagger's, not the home's newest")]
Files = Annotated[
    list[Path] | None, typer.Argument(help="Texts or logs, a text in each line, not the shop's")
]
FailOnFound = Annotated[
    bool, typer.Option("--fail-on-found", help="Exit with 1 where personal data was found")
]
_WITHOUT_TAGGER = (
    "no tagger was taught: numbers and addresses with a form are found, names are not "
    "(counterfoil train personal-data)"
)
_NAMES = ("texts in", "texts", "flagged", "kind", "found", "masked samples")


def add_commands(app: typer.Typer) -> None:
    """Hang the commands on the main app."""
    app.command()(mask)
    app.command(name="scan-personal-data")(scan_personal_data)


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
        say(_WITHOUT_TAGGER)
    texts = masking.lines_of(file) if file else [text or ""]
    masks = masking.masks_of(texts, finder, masking.key_of_home(settings))
    if as_json:
        told = [{"text": one.text, "masked": [vars(s) for s in one.replaced]} for one in masks]
        show(told, as_json=True)
    else:
        for one in masks:
            data(one.text)


def scan_personal_data(
    files: Files = None,
    fail_on_found: FailOnFound = False,
    bundle: Bundle = None,
    as_json: AsJson = False,
) -> None:
    """Count personal data in the shop's titles, descriptions, queries and reviews, or in files.

    Samples are masked; a raw value is never told. Files may be of any size.
    Example: counterfoil scan-personal-data server.log --fail-on-found
    """
    from flows import masking, scanning

    settings = active_settings()
    finder = masking.finder_of_home(settings, bundle)
    if finder.tagger is None:
        say(_WITHOUT_TAGGER)
    key = masking.key_of_home(settings)
    with StageLine("scanning").shown() as line:
        if files:
            scans = scanning.scan_files(files, finder, key, line.progress)
        else:
            scans = scanning.scan_shop(settings, finder, key, line.progress)
    told = {name: scan.as_dict() for name, scan in scans.items()}
    simulated = [] if files else scanning.simulated_tables(settings)
    if simulated:
        say(f"rows of the simulator are among {' and '.join(simulated)}")
    report = {
        "texts_in": told,
        "names_are_found": finder.tagger is not None,
        "simulated_tables": simulated,
    }
    show(report, as_json=as_json, table=(_NAMES, _rows_of(told)))
    flagged = sum(scan.count_flagged for scan in scans.values())
    if fail_on_found and flagged:
        raise GateRefused(
            f"{flagged:,} texts hold personal data",
            where=", ".join(name for name, scan in scans.items() if scan.count_flagged),
            next_step="counterfoil mask --file FILE",
        )


def _rows_of(told: dict[str, Any]) -> list[dict[str, Any]]:
    """A row for each kind found, and one for texts in which nothing was."""
    rows = []
    for name, scan in told.items():
        counts = f"{scan['count_texts']:,}", f"{scan['count_flagged']:,}"
        head = dict(zip(_NAMES, (name, *counts), strict=False))
        rows += [
            head | {"kind": kind, "found": f"{n:,}", "masked samples": "; ".join(samples)}
            for kind, n in scan["count_by_kind"].items()
            for samples in [scan["samples"][kind]]
        ] or [head]
    return rows
