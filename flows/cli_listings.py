"""Commands about listings: check, propose, accept, reject, revert, duplicates."""

import getpass
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.active import active_settings
from flows.cli_output import AsJson, show
from flows.console import say

if TYPE_CHECKING:
    from governance.records import ListingRepair
    from training.listing_quality.listing import Listing
    from training.listing_quality.model import Verdict

listings_app = typer.Typer(
    no_args_is_help=True, help="Listings: check, propose, accept, reject, revert, duplicates."
)

RepairId = Annotated[str, typer.Argument(help="Id of a repair, from listings propose")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="So many listings, by id")]
Actor = Annotated[str | None, typer.Option("--by", help="Who decides; else the user's name")]
Listed = Annotated[Path | None, typer.Argument(help="Parquet of listings, not the shop's")]
Trained = Annotated[Path | None, typer.Option("--matcher", help="A bundle, not the newest")]
Some = Annotated[int | None, typer.Option("--limit", min=1, help="So many listings, by id")]
Least = Annotated[
    float, typer.Option("--least", min=0, max=1, help="Pairs at least so probable are told")
]
MostRead = Annotated[
    int, typer.Option("--most-read", min=0, help="Pairs that networks read; others by words alone")
]
Out = Annotated[Path | None, typer.Option("--out", help="CSV to write, not one under reports/")]
_SHOWN = 20  # rows of a table on a terminal; --json has all of them


def add_commands(app: typer.Typer) -> None:
    """Hang the listing commands on the main app."""
    app.add_typer(listings_app, name="listings")


@listings_app.command("check")
def listings_check(limit: Limit = 1_000, as_json: AsJson = False) -> None:
    """Judge listings: the chance that each is good, its defects and the words that show them.

    The first run learns the shop's model. Example: counterfoil listings check --limit 500
    """
    from flows.listings import judge

    found = judge(active_settings(), limit=limit, talk=say)
    rows: list[dict[str, Any]] = [
        {
            "item": one.item_id,
            "good": verdict.chance_good,
            "defects": [
                {"name": d.name, "chance": d.chance, "shown_by": list(d.shown_by)}
                for d in verdict.defects
            ],
            "title": one.title,
        }
        for one, verdict in sorted(found, key=_worst_first)
    ]
    shown = [row | {"defects": _defects(row["defects"])} for row in rows[:_SHOWN]]
    bad, named = sum(row["good"] < 0.5 for row in rows), sum(bool(row["defects"]) for row in rows)
    lines = [
        f"{bad:,} of {len(rows):,} listings are likelier bad than good, {named:,} have a named "
        "defect; those first, and the worst of them"
    ]
    table = ("item", "good", "defects", "title"), shown
    show(rows, as_json=as_json, lines=lines, table=table)


@listings_app.command("propose")
def listings_propose(limit: Limit = 1_000, as_json: AsJson = False) -> None:
    """Propose repairs with reason and confidence; nothing changes until one is accepted.

    Example: counterfoil listings propose --limit 200
    """
    from flows.listings import propose_repairs

    waiting = propose_repairs(active_settings(), limit=limit, actor="counterfoil")
    rows = [_row(one) for one in sorted(waiting, key=lambda r: (-r.confidence, r.repair_id))]
    lines = [f"{len(rows):,} repairs wait for a decision; the surest first"]
    names = ("id", "item", "kind", "confidence", "before", "after", "reason")
    show(rows, as_json=as_json, lines=lines, table=(names, rows[:_SHOWN]))


@listings_app.command("accept")
def listings_accept(repair: RepairId, by: Actor = None, as_json: AsJson = False) -> None:
    """Apply a proposed repair: the new text stands beside the raw one from now on.

    Example: counterfoil listings accept 0f3a9c2b7d41
    """
    from flows.listings import accept

    done = accept(active_settings(), repair, actor=by or getpass.getuser())
    show(_row(done), as_json=as_json, lines=[_line(done)])


@listings_app.command("reject")
def listings_reject(repair: RepairId, by: Actor = None, as_json: AsJson = False) -> None:
    """Decide against a proposed repair; the same change is not proposed again.

    Example: counterfoil listings reject 0f3a9c2b7d41
    """
    from flows.listings import reject

    done = reject(active_settings(), repair, actor=by or getpass.getuser())
    show(_row(done), as_json=as_json, lines=[_line(done)])


@listings_app.command("revert")
def listings_revert(repair: RepairId, by: Actor = None, as_json: AsJson = False) -> None:
    """Take an applied repair back: the text before it holds again, byte for byte.

    Example: counterfoil listings revert 0f3a9c2b7d41
    """
    from flows.listings import revert

    done = revert(active_settings(), repair, actor=by or getpass.getuser())
    show(_row(done), as_json=as_json, lines=[_line(done)])


def _worst_first(pair: "tuple[Listing, Verdict]") -> tuple[bool, float, str]:
    """Those with a named defect before the others."""
    one, verdict = pair
    return not verdict.defects, verdict.chance_good, one.item_id


@listings_app.command("duplicates")
def listings_duplicates(
    file: Listed = None,
    matcher: Trained = None,
    limit: Some = None,
    least: Least = 0.2,
    most_read: MostRead = 5_000,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Pairs of listings that may be one product: probability, what speaks for it, what against.

    Wants a matcher from train duplicates. Example: counterfoil listings duplicates products.parquet
    """
    from flows.duplicates import COLUMNS, DuplicateWish, find_duplicates, write_table

    settings = active_settings()
    wish = DuplicateWish(file, matcher, limit, least, most_read)
    found = find_duplicates(settings, wish, say)
    path = out or settings.reports_dir / f"duplicates-{file.stem if file else settings.shop}.csv"
    write_table(path, found.rows)
    said = sum(bool(row["duplicate"]) for row in found.rows)
    lines = [
        f"{said:,} pairs of {found.listings:,} listings are duplicates, the likeliest first "
        f"(matcher {found.version}, {found.candidates:,} pairs judged)",
        f"table    {path}",
    ]
    shown = [row | {"for": "; ".join(row["for"])} for row in found.rows[:_SHOWN]]
    table = COLUMNS[:-1], shown
    show(found.rows, as_json=as_json, lines=lines, table=table)


def _row(one: "ListingRepair") -> dict[str, Any]:
    return {
        "id": one.repair_id, "event": one.event, "by": one.actor, "item": one.item_id,
        "field": one.field, "kind": one.kind, "confidence": one.confidence,
        "before": json.loads(one.before_json), "after": json.loads(one.after_json),
        "reason": one.reason,
    }  # fmt: skip


def _line(one: "ListingRepair") -> str:
    return f"{one.repair_id} {one.event} by {one.actor}: {one.before_json} -> {one.after_json}"


def _defects(found: list[dict[str, Any]]) -> str:
    return ", ".join(f"{d['name']} {d['chance']:.2f} ({'; '.join(d['shown_by'])})" for d in found)
