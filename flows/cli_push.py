"""``counterfoil push``: rows that arrive between two builds, from a file or from a pipe."""

import sys
from contextlib import nullcontext
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from flows.active import active_settings
from flows.cli_output import AsJson, show
from governance.errors import InputError
from governance.settings import Settings

ReadTexts = Annotated[bool, typer.Option(help="Lines are items; their texts become ftr_item__text")]


def add_commands(app: typer.Typer) -> None:
    """Hang the pushing command on the main app."""
    app.command()(push)


def push(
    table: Annotated[str, typer.Argument(help="Feature table, e.g. ftr_user__purchases")],
    file: Annotated[str, typer.Argument(help="JSON lines or Parquet; - reads JSON lines")],
    read_texts: ReadTexts = False,
    as_json: AsJson = False,
) -> None:
    """Check rows against their declaration, then write them offline and online, all or none.

    Pushing the same file again changes nothing. Exits with 1 when a row is bad.
    Example: counterfoil push ftr_user__purchases rows.jsonl
    """
    from feature_repo.push import model_named
    from feature_repo.push import push as push_rows
    from feature_repo.pushed_rows import read_rows

    settings = active_settings()
    model = model_named(settings, table)
    source = sys.stdin.buffer if file == "-" else Path(file)
    given = read_rows(model, _features_of(settings, table, source) if read_texts else source)
    done = push_rows(settings, model, given, created_at=datetime.now(UTC))
    online = f"{done.online_written:,} newer online, {done.online_kept:,} kept"
    if not model.is_online:
        online = "not an online table"
    again = " (there already)" if done.is_repeat else ""
    line = f"{done.rows:,} rows of {table}: {online} -> {done.offline_file}{again}"
    value = asdict(done) | {"offline_file": str(done.offline_file)}
    show(value, as_json=as_json, lines=[line])


def _features_of(settings: Settings, table: str, source: Path | BinaryIO) -> BinaryIO:
    """The items' feature rows as a file of JSON lines."""
    from io import BytesIO

    from flows.item_texts import TABLE, feature_lines

    if table != TABLE:
        raise InputError(
            f"{table} is not made of the texts of one item",
            where="counterfoil push TABLE FILE --read-texts",
            why="a row of a user, or of reviews, is a window over many texts: a build makes it",
            next_step=f"push {TABLE}, or rows without --read-texts",
        )
    if isinstance(source, Path) and not source.is_file():
        raise InputError(f"{source} is no file", where=str(source), next_step="name a JSON file")
    with source.open("rb") if isinstance(source, Path) else nullcontext(source) as lines:
        return BytesIO(b"".join(feature_lines(settings, lines)))
