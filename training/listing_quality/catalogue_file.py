"""Read listings: a catalogue in Icecat's form, or a shop's items table; Parquet or DuckDB.

listings = read_listings(Path("products.parquet"))
"""

import json
from collections.abc import Iterable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from governance.errors import InputError
from training.listing_quality.listing import Listing

_CATALOGUE = ("id", "title", "short_description", "supplier", "attributes")
_SHOP = ("item_id", "title", "description", "brand", "category_path")
_MOST_ATTRIBUTES = 60  # of a data sheet: later ones are packaging


def read_listings(path: Path) -> list[Listing]:
    """The listings of a Parquet file in either form; InputError says what it lacks."""
    if path.is_dir():
        path = path / "products.parquet"
    if not path.is_file():
        raise InputError("there is no file of listings", where=str(path))
    try:
        schema = pq.read_schema(path)
        wanted = _CATALOGUE if "supplier" in schema.names else _SHOP
        if missing := [name for name in wanted if name not in schema.names]:
            raise _lacking(path, missing)
        return listings_of(pq.read_table(path, columns=list(wanted)))
    except pa.ArrowInvalid as error:
        raise InputError(
            "the listings are no Parquet", where=str(path), why=str(error).splitlines()[0]
        ) from None


def read_shop(items_path: Path, *, limit: int | None = None) -> list[Listing]:
    """A shop's raw items: every one, or those with the first ``limit`` ids."""
    columns = ", ".join(_SHOP)
    sql = f"select {columns} from read_parquet(?) where not is_synthetic order by item_id limit ?"
    try:
        with duckdb.connect() as memory:
            found = memory.sql(sql, params=[str(items_path), limit]).to_arrow_table()
            return listings_of(found)
    except duckdb.Error as error:
        raise InputError(
            "the shop's items cannot be read",
            where=str(items_path),
            why=str(error).splitlines()[0],
            next_step="counterfoil check",
        ) from None


def listings_of(table: pa.Table) -> list[Listing]:
    """One listing a row of either form; null is the empty text."""
    names = _CATALOGUE if "supplier" in table.column_names else _SHOP
    columns = [table[name].to_pylist() for name in names]
    if names is _CATALOGUE:
        return [
            Listing(_text(i), _text(t), _text(d), _text(b), attributes=_attributes(a))
            for i, t, d, b, a in zip(*columns, strict=True)
        ]
    return [
        Listing(_text(i), _text(t), _text(d), _text(b), _text(c))
        for i, t, d, b, c in zip(*columns, strict=True)
    ]


def _attributes(written: object) -> tuple[tuple[str, str], ...]:
    try:
        found = json.loads(written) if isinstance(written, str) else None
    except ValueError:
        return ()
    if not isinstance(found, dict):
        return ()
    return tuple(_readable_pairs(found.items()))[:_MOST_ATTRIBUTES]


def _readable_pairs(pairs: Iterable[tuple[str, object]]) -> Iterable[tuple[str, str]]:
    """``n_cable_length: 0.9`` as ``cable length: 0.9``; the first letter is the value's type."""
    for name, value in pairs:
        plain = name[2:] if name[1:2] == "_" else name
        yield " ".join(plain.replace("_", " ").split()), _text(value)


def _text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value)


def _lacking(path: Path, missing: list[str]) -> InputError:
    return InputError(
        f"the listings have no column {', '.join(missing)}",
        where=str(path),
        why=f"a catalogue has {', '.join(_CATALOGUE)}; a shop has {', '.join(_SHOP)}",
    )
