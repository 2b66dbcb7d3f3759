"""``counterfoil listings keywords``: what shoppers ask for and a title does not say."""

from typing import Annotated, Any

import typer

from flows.active import active_settings
from flows.cli_listings import listings_app
from flows.cli_output import AsJson, show
from flows.console import say

Item = Annotated[str | None, typer.Option("--item", help="One item, by id")]
Limit = Annotated[
    int, typer.Option("--limit", min=1, help="So many items, those bought most after a search")
]
_SHOWN = 20  # rows of a table on a terminal; --json has all of them
_NAMES = ("id", "item", "title", "query", "bought", "before", "after", "words", "because")


def add_commands() -> None:
    """Hang the command on the listing commands."""
    listings_app.command("keywords")(listings_keywords)


def listings_keywords(item: Item = None, limit: Limit = 10, as_json: AsJson = False) -> None:
    """Queries that should find an item and do not, words that mend that, the search run again.

    Each word is backed by a fact or by purchases, and goes into the ledger as a proposed title.
    Wants an index from train search. Example: counterfoil listings keywords --limit 5
    """
    from flows.keywords import DEPTH, KeywordWish, optimise_keywords
    from governance.repair_ledger import WAITING

    found = optimise_keywords(active_settings(), KeywordWish(item, limit), say)
    queries = [query for one in found.items for query in one["queries"]]
    mended = sum((query["rank_after"] or DEPTH + 1) <= DEPTH for query in queries)
    given = [one for one in found.items if one["words"]]
    waiting = [one for one in given if one["repair"] and one["repair"]["event"] in WAITING]
    lines = [
        f"looked at     {found.looked_at:,} items, search index {found.index_version}",
        f"missed        {len(queries):,} queries that should show an item do not among {DEPTH}",
        f"brought back  {mended:,} of them, by words for {len(given):,} items",
        f"in the ledger {len(waiting):,} titles: counterfoil listings accept ID (the index and the "
        "features keep the shop's own)",
        f"read from     {found.told}",
    ]
    rows = sorted((row for one in found.items for row in _rows(one)), key=_mended_first)
    report = {
        "index_version": found.index_version,
        "searches": found.searches,
        "simulated_searches": found.simulated,
        "told": found.told,
        "items": found.items,
    }
    show(report, as_json=as_json, lines=lines, table=(_NAMES, rows[:_SHOWN]))


def _rows(one: dict[str, Any]) -> list[dict[str, Any]]:
    because = {word["word"]: word["because"] for word in one["words"]}
    return [
        {
            "id": one["repair"]["id"] if one["repair"] else "",
            "item": one["item"],
            "title": one["title"],
            "query": query["query"],
            "bought": query["bought"],
            "before": query["rank_before"] or "-",
            "after": query["rank_after"] or "-",
            "words": " ".join(query["words"]),
            "because": "; ".join(dict.fromkeys(because[word] for word in query["words"])),
        }
        for query in one["queries"]
    ]


def _mended_first(row: dict[str, Any]) -> tuple[bool, int, str, str]:
    return not row["words"], -row["bought"], row["item"], row["query"]
