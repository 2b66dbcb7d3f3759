"""``counterfoil train search`` builds a shop's search; ``counterfoil search`` asks it.

The answer is the server's own (``serving/search_answer.py``).
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from flows.active import active_settings
from flows.cli_output import AsJson, show
from flows.console import data, say
from governance.errors import InputError
from governance.files import canonical_json

Catalogue = Annotated[
    Path | None, typer.Option("--data", help="Catalogue as Parquet or CSV, not the shop's items")
]
Config = Annotated[Path | None, typer.Option("--config", help="Knobs as YAML")]
Learn = Annotated[
    bool,
    typer.Option("--learn", help="Also teach fusion, encoder and cross-encoder by clicks: minutes"),
]
LearnConfig = Annotated[
    Path | None, typer.Option("--learn-config", help="Knobs of --learn as YAML")
]
Given = Annotated[
    list[str] | None,
    typer.Option(
        "--filter", help="price=10..50, brand=HP, category=, in_stock=true, or attribute="
    ),
]


def add_commands(app: typer.Typer, train_app: typer.Typer) -> None:
    """Hang ``search`` on the main app, and its training under ``train``."""
    app.command()(search)
    train_app.command(name="search")(train_search)


def train_search(
    catalogue: Catalogue = None,
    config: Config = None,
    is_learning: Learn = False,
    learn_config: LearnConfig = None,
    as_json: AsJson = False,
) -> None:
    """Build the shop's search index and query help, or bring them up to date.

    Only new texts are embedded. With --learn the shop's clicks, corrected for position, teach
    fusion, encoder and cross-encoder; each is kept only if later searches gain more by it than a
    standard error, and later runs without --learn keep it. Killed at any moment, the same command
    goes on.
    Example: counterfoil train search --learn
    """
    if learn_config is not None and not is_learning:
        raise InputError(
            "--learn-config is of --learn",
            where="counterfoil train search --learn-config",
            why="without --learn nothing is learned from clicks",
            next_step="give --learn too, or leave --learn-config out",
        )
    from flows.shop_search import build_shop_search
    from training.text_search.learning_config import DEFAULT_FILE, read_learning_knobs

    built = build_shop_search(
        active_settings(),
        data=catalogue,
        config=config,
        learning=read_learning_knobs(learn_config or DEFAULT_FILE) if is_learning else None,
        progress=say,
    )
    report = {
        "version": built.version,
        "folder": str(built.folder),
        "products": built.products,
        "synonyms": built.synonyms,
        "completions": built.completions,
        **built.facts,
    }
    show(report, as_json=as_json, lines=built.lines())


def search(
    query: Annotated[str, typer.Argument(help="What a shopper types")],
    k: Annotated[int, typer.Option("--k", help="How many items, 1 to 100")] = 10,
    given: Given = None,
    user: Annotated[str, typer.Option("--user", help="Order for this user")] = "",
    is_explained: Annotated[
        bool, typer.Option("--explain", help="Also what spoke for and against each item")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Search the shop, exactly as the server would.

    Example: counterfoil search "wireles mouse under $30" --filter brand=HP --explain
    """
    from serving.search_answer import search_once

    wish: dict[str, object] = {"query": query, "k": k, "explain": is_explained}
    if filters := filters_of(given or []):
        wish["filters"] = filters
    if user:
        wish["user_id"] = user
    answer = search_once(active_settings(), wish)
    if as_json:
        data(canonical_json(answer))
        return
    for line in _lines(answer, is_explained=is_explained):
        data(line)


def filters_of(written: list[str]) -> dict[str, Any]:
    """``["price=..50", "brand=HP"]`` as the request's filters."""
    found: dict[str, Any] = {}
    for one in written:
        name, equals, value = one.partition("=")
        if not equals or not name or not value:
            raise InputError(
                f"the filter {one!r} cannot be read",
                where="counterfoil search --filter",
                why="it must be name=value or name=low..high",
                next_step="--filter price=..50 --filter brand=HP",
            )
        if name in ("brand", "category"):
            found.setdefault(name, []).append(value)
        elif name == "price":
            found[name] = _read(value, one, is_range=True)
        elif name == "in_stock":
            found[name] = value.casefold() in ("true", "yes", "1")
        else:
            found.setdefault("attributes", {})[name] = _read(value, one, is_range=".." in value)
    return found


def _read(value: str, written: str, *, is_range: bool) -> object:
    """A number, a range of numbers with one end open if wished, yes or no, or a text."""
    try:
        if is_range:
            low, dots, high = value.partition("..")
            ends = {"low": low, "high": high if dots else low}
            return {name: float(end) for name, end in ends.items() if end}
        return float(value)
    except ValueError:
        if is_range:
            raise InputError(
                f"the filter {written!r} cannot be read",
                where="counterfoil search --filter",
                why="a range is two numbers with .. between, one may be missing",
                next_step="--filter price=10..50",
            ) from None
    return {"true": True, "false": False}.get(value.casefold(), value)


def _lines(answer: dict[str, Any], *, is_explained: bool) -> list[str]:
    lines = []
    if answer["corrected_query"]:
        lines.append(f"read as  {answer['corrected_query']}")
    lines += [f"filter   {_spoken(one)}" for one in answer["read_filters"]]
    lines += [f"changed  {step['told']}" for step in answer["rescue"]]
    for rank, item in enumerate(answer["items"], start=1):
        lines.append(f"{rank:>3}  {item['item_id']:<12} {item['score']:7.4f}  {item['title']}")
        if is_explained:
            parts = item["parts"]
            words, meaning = parts["lexical_rank"], parts["dense_rank"]
            has = ", ".join(parts["words"]) or "no word"
            read = f", read again: {parts['cross_score']:.2f}" if "cross_score" in parts else ""
            lines.append(f"     words: {words or '-'}, meaning: {meaning or '-'}{read}; has {has}")
    return [*lines, f"request  {answer['request_id']}, index {answer['index_version']}"]


def _spoken(one: dict[str, Any]) -> str:
    return f"{one['field']} {one['op']} {one['value']} {one['unit']}".strip()
