"""A small shop for tests of query help: listings, and sessions that say what shoppers mean."""

from datetime import UTC, datetime, timedelta

from training.query_help.synonyms import SearchRow
from training.query_help.train import CatalogueItem

NOW = datetime(2026, 6, 1, tzinfo=UTC)
_KINDS = ("wireless keyboard", "laser printer", "notebook sleeve", "patch cable", "laptop charger")
_BRANDS = ("Canon", "Lenovo", "Belkin")
_COLOURS = ("Black", "White", "Grey")


def small_shop() -> list[CatalogueItem]:
    """135 listings: every kind of every brand in every colour and three lengths."""
    made = (
        (kind, brand, colour, metres)
        for kind in _KINDS
        for brand in _BRANDS
        for colour in _COLOURS
        for metres in (1, 2, 3)
    )
    return [
        CatalogueItem(
            item_id=f"i{number}",
            title=f"{brand} {kind} {colour} {metres} m",
            brand=brand,
            category=kind.split()[-1].capitalize() + "s",
            attributes={"colour": colour},
        )
        for number, (kind, brand, colour, metres) in enumerate(made)
    ]


def asked(query: str, *, users: int, days_ago: int = 1) -> list[SearchRow]:
    """A query that so many users asked once each, clicking nothing."""
    at = NOW - timedelta(days=days_ago)
    return [SearchRow(f"{query}-{n}", at, query, (), f"user-{n}") for n in range(users)]


def typed_again(before: str, after: str, items: list[str], *, times: int = 8) -> list[SearchRow]:
    """Sessions in which ``before`` led to no click and ``after`` to one, a minute later."""
    rows: list[SearchRow] = []
    for n in range(times):
        session, at = f"{before}-{after}-{n}", NOW - timedelta(days=1, minutes=n)
        rows.append(SearchRow(session, at, before))
        clicked = (items[n % len(items)],)
        rows.append(SearchRow(session, at + timedelta(minutes=1), after, clicked))
    return rows


def other_sessions(count: int = 400) -> list[SearchRow]:
    """Sessions about other things, against which chance is told."""
    at = NOW - timedelta(days=2)
    return [
        SearchRow(f"other-{n}", at, f"thing{'abcdefghij'[n % 10]} belt", (f"o{n % 40}",))
        for n in range(count)
    ]
