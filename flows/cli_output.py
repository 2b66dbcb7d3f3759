"""How the looking commands print: JSON with ``--json``, else a table or plain lines, on stdout."""

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from flows.console import data
from governance.files import canonical_json

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout")]


def show(
    value: object,
    *,
    as_json: bool,
    table: tuple[tuple[str, ...], list[dict[str, Any]]] | None = None,
    lines: list[str] | None = None,
) -> None:
    """``value`` as JSON if asked for, else its ``lines``, then its ``table`` of (names, rows)."""
    if as_json:
        data(canonical_json(value))
        return
    for line in lines or []:
        data(line)
    if table is not None:
        names, rows = table
        shown = Table(*names, box=None, header_style="bold", pad_edge=False)
        for row in rows:
            shown.add_row(*(str(row.get(name, "")) for name in names))
        width = None if Console().is_terminal else 200
        Console(width=width, markup=False).print(shown)
