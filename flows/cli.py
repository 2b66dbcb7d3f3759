"""The command line: ``counterfoil --help``. Data on stdout, talk on stderr.

Exit codes: 0 done, 1 a gate said no, 2 usage or crash. Heavy packages (feast, torch, prefect,
kserve, dbt) are imported inside the command that needs them, so that help comes at once.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from flows import (
    cli_features,
    cli_keywords,
    cli_listings,
    cli_look,
    cli_mask,
    cli_push,
    cli_read,
    cli_search,
    cli_serve,
    cli_train,
)
from flows.active import active_settings, remember_shop, source_of
from flows.console import data, say
from governance.errors import CounterfoilError
from governance.files import canonical_json
from governance.settings import Settings

app = typer.Typer(
    help="Governed features, trained recommenders, answers with receipts.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
cli_look.add_commands(app)
cli_features.add_commands(app)
cli_push.add_commands(app)
cli_listings.add_commands(app)
cli_keywords.add_commands()
cli_mask.add_commands(app)
cli_read.add_commands(app)
cli_serve.add_commands(app)
cli_search.add_commands(app, cli_train.train_app)
app.add_typer(cli_train.train_app, name="train")

Shop = Annotated[str, typer.Argument(help="complete_journey or online_retail")]
Source = Annotated[str | None, typer.Option("--source", help="File, folder or http(s) address")]
Reviews = Annotated[
    str | None,
    typer.Option("--reviews", help="CSV or Parquet of the shop's reviews, or its address"),
]
Stock = Annotated[
    str | None,
    typer.Option("--stock", help="CSV or Parquet of counts of the shop's stock, or its address"),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout")]
Force = Annotated[bool, typer.Option("--force", help="Run even when nothing has changed")]

_INTERRUPTED = 130  # 128 + SIGINT, as shells have it
BUILD_STAGES = ("simulate", "check_raw", "read_texts", "transform", "check_features", "materialise")
_EXPECTED = (
    "First run: 6 to 10 minutes on 2 cores. When nothing has changed: under 90 seconds. "
    "Ctrl-C is safe at any time: the next run goes on from the last good stage."
)


@app.command()
def demo(shop: Annotated[str | None, typer.Option(help="Shop to run on")] = None) -> None:
    """Run the main job: import, build, train, release, report.

    Example: counterfoil demo
    """
    settings = active_settings(shop=shop)
    say(f"Counterfoil on shop {settings.shop}, home {settings.home_dir}")
    say(_EXPECTED)
    _run_daily(settings)
    cli_look.say_what_next(settings)


@app.command(name="import")
def import_shop(
    shop: Shop,
    source: Source = None,
    reviews: Reviews = None,
    stock: Stock = None,
    as_json: AsJson = False,
) -> None:
    """Land a shop's raw tables with manifests; later commands go on with this shop.

    Reviews need the columns review_id, item_id, body and reviewed_at, and may have user_id, title
    and rating. Stock needs item_id, on_hand and snapshot_at (UTC): one row per item and count.
    Either goes beside a shop that was imported before, unless there is a new --source.
    Example: counterfoil import online_retail --source online_retail.parquet
    """
    settings = active_settings(shop=shop)
    beside = {table: file for table, file in (("reviews", reviews), ("stock", stock)) if file}
    if source and "://" not in source:  # stages run elsewhere, and later commands may too
        source = str(Path(source).expanduser().resolve())
    if beside and not source and (settings.raw_dir / shop / "order_lines").is_dir():
        source = source_of(settings)  # the shop stays as it is
    else:
        _stages(settings, ("import_raw",), source=source, as_json=as_json)
    remember_shop(settings, source)
    landed = [_land_beside(settings, table, file) for table, file in beside.items()]
    if as_json and landed:
        data(canonical_json(landed))


@app.command()
def build(as_json: AsJson = False, force: Force = False) -> None:
    """Simulate, check, read texts, transform by dbt, check again, materialise online.

    Example: counterfoil build
    """
    _stages(active_settings(), BUILD_STAGES, as_json=as_json, is_forced=force)


@app.command()
def check(as_json: AsJson = False) -> None:
    """Hold raw and feature tables against their contracts, whether or not they changed.

    Example: counterfoil check --json
    """
    _stages(active_settings(), ("check_raw", "check_features"), as_json=as_json, is_forced=True)


@cli_train.train_app.callback()
def train(context: typer.Context, as_json: AsJson = False, force: Force = False) -> None:
    """Train a challenger on what is built, and store it as a bundle.

    Example: counterfoil train
    """
    if context.invoked_subcommand is None:
        _stages(active_settings(), ("train",), as_json=as_json, is_forced=force)


@app.command()
def release(as_json: AsJson = False) -> None:
    """Let the newest challenger become champion if it beats the champion and every floor.

    Exits with 1 when the gate says no to a new version. Example: counterfoil release
    """
    _stages(active_settings(), ("release",), as_json=as_json, is_forced=True)
    cli_look.refuse_if_kept_back(active_settings())


@app.command()
def up() -> None:
    """Start a local Prefect server, a worker and the scheduled deployments; Ctrl-C stops all.

    Example: counterfoil up
    """
    from flows.local_prefect import up as start

    start(active_settings())


def _stages(
    settings: Settings,
    names: tuple[str, ...],
    *,
    source: str | None = None,
    as_json: bool,
    is_forced: bool = False,
) -> None:
    """Run stages in this process, without Prefect: for a person at a terminal."""
    from flows.ledger import exclusive
    from flows.one_stage import one_stage

    with exclusive(settings.home_dir):
        reports = [
            one_stage(name, settings, source=source, run_name="command line", is_forced=is_forced)
            for name in names
        ]
    if as_json:
        data(canonical_json(reports))


def _land_beside(settings: Settings, table: str, source: str) -> dict[str, object]:
    """Land the file and record it; what ``--json`` tells of it."""
    from flows.importers.recorded import record_landings
    from flows.importers.registry import import_beside
    from flows.ledger import exclusive

    with exclusive(settings.home_dir):
        landing = import_beside(table, source, settings=settings)
        record_landings(settings, [landing])
    say(f"{landing.rows:,} rows of {table} -> {landing.path.parent}")
    return {"table": table, "rows": landing.rows, "path": str(landing.path)}


def _run_daily(settings: Settings) -> None:
    from flows.prefect_home import use_prefect_home

    use_prefect_home(settings)
    from flows.daily import daily

    daily(shop=settings.shop, source=source_of(settings))


def main() -> None:
    """Entry point: errors become their four answers on stderr and the exit code of their kind."""
    code: object = 0
    try:
        code = app(standalone_mode=False)  # typer hands back the code of an Exit
    except CounterfoilError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        code = _INTERRUPTED
    except Exception as error:
        if not hasattr(error, "format_message"):  # not one of click's usage errors
            raise
        if message := error.format_message():  # a group without a command has printed its help
            sys.stderr.write(f"error: {message}\n  next      counterfoil --help\n")
        sys.exit(2)
    if code == _INTERRUPTED:
        sys.stderr.write("stopped; the next run goes on from the last good stage\n")
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
