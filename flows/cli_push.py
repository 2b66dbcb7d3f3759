"""``counterfoil push``: rows that arrive between two builds, from a file or from a pipe."""

import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from flows.active import active_settings
from flows.cli_output import AsJson, show


def add_commands(app: typer.Typer) -> None:
    """Hang the pushing command on the main app."""
    app.command()(push)


def push(
    table: Annotated[str, typer.Argument(help="Feature table, e.g. ftr_user__purchases")],
    file: Annotated[str, typer.Argument(help="JSON lines or Parquet; - reads JSON lines")],
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
    given = read_rows(model, sys.stdin.buffer if file == "-" else Path(file))
    done = push_rows(settings, model, given, created_at=datetime.now(UTC))
    online = f"{done.online_written:,} newer online, {done.online_kept:,} kept"
    if not model.is_online:
        online = "not an online table"
    again = " (there already)" if done.is_repeat else ""
    line = f"{done.rows:,} rows of {table}: {online} -> {done.offline_file}{again}"
    value = asdict(done) | {"offline_file": str(done.offline_file)}
    show(value, as_json=as_json, lines=[line])
