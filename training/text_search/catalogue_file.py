"""Read a catalogue: a Parquet of Icecat's form, plain rows, or the form that an index keeps.

    catalogue = read_catalogue(Path("products.parquet"))
    catalogue = catalogue_of(rows)      # dim_items, or any mapping with item_id and title

Icecat's attributes are one JSON object whose keys begin with their type: ``n_`` a number, ``t_`` a
text, ``b_`` yes or no. Plain rows may have ``attributes`` as a mapping or as such JSON with bare
keys; ``department``, ``category`` and ``product_type`` become the levels of one category.
"""

import json
import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from governance.errors import InputError
from training.text_search.catalogue import LEVELS, Catalogue, Product, Value

_ICECAT = ("id", "title", "short_description", "supplier", "attributes")
_NEEDED = ("item_id", "title")
_LEVELS = ("department", "category", "product_type")
_PRICES = ("price", "price_listed_usd")
_SCHEMA = pa.schema(
    [
        ("item_id", pa.string()),
        ("title", pa.string()),
        ("description", pa.string()),
        ("category", pa.string()),
        ("brand", pa.string()),
        ("price", pa.float64()),
        ("is_in_stock", pa.bool_()),
        ("attributes", pa.string()),
    ]
)


def read_catalogue(path: Path) -> Catalogue:
    """The products of a Parquet file, or of ``products.parquet`` in a folder."""
    file = path / "products.parquet" if path.is_dir() else path
    if not file.is_file():
        raise InputError("there is no catalogue", where=str(file), next_step="give a Parquet file")
    try:
        table = pq.read_table(file)
    except pa.ArrowInvalid as error:
        why = str(error).splitlines()[0]
        raise InputError("the catalogue is no Parquet", where=str(file), why=why) from None
    return catalogue_of(table.to_pylist(), columns=table.column_names, where=str(file))


def catalogue_of(
    rows: Iterable[Mapping[str, Any]],
    *,
    columns: Iterable[str] | None = None,
    where: str = "the rows of the catalogue",
) -> Catalogue:
    """Rows of either form; ``columns`` where there may be no row to tell them from."""
    found = list(rows)
    names = set(found[0] if columns is None and found else columns or _NEEDED)
    is_icecat = {"id", "supplier"} <= names
    if missing := [name for name in (_ICECAT if is_icecat else _NEEDED) if name not in names]:
        raise InputError(
            f"the catalogue has no column {missing[0]}",
            where=where,
            why=f"Icecat's form has {', '.join(_ICECAT)}; plain rows need {', '.join(_NEEDED)}",
        )
    read = _icecat_product if is_icecat else _plain_product
    return Catalogue.of(read(row) for row in found)


def write_catalogue(catalogue: Catalogue, path: Path) -> None:
    """The form that an index keeps; the same catalogue gives the same bytes."""
    rows = [_written(product) for product in catalogue.products]
    pq.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA), path)


def _icecat_product(row: Mapping[str, Any]) -> Product:
    return Product(
        _text(row["id"]), _text(row["title"]), _text(row["short_description"]),
        brand=_text(row["supplier"]), attributes=_icecat_attributes(row["attributes"]),
    )  # fmt: skip


def _plain_product(row: Mapping[str, Any]) -> Product:
    stock, price = row.get("is_in_stock"), next((row[n] for n in _PRICES if n in row), None)
    is_known = isinstance(price, int | float | Decimal) and math.isfinite(price)
    return Product(
        _text(row["item_id"]),
        _text(row["title"]),
        _text(row.get("description")),
        LEVELS.join(level for name in _LEVELS if (level := _text(row.get(name)))),
        _text(row.get("brand")),
        float(price) if is_known and price is not None else None,
        stock if isinstance(stock, bool) else None,
        _attributes(row.get("attributes")),
    )


def _icecat_attributes(written: object) -> dict[str, Value]:
    """``n_cable_length: 0.9`` as ``cable length: 0.9``."""
    found = _attributes(written)
    return {name[2:].replace("_", " "): value for name, value in found.items() if name[1:2] == "_"}


def _attributes(written: object) -> dict[str, Value]:
    """Typed values by name; what is no text, number or truth is left out."""
    try:
        found = json.loads(written) if isinstance(written, str) and written else written
    except ValueError:
        return {}
    if not isinstance(found, Mapping):
        return {}
    return {str(name): value for name, value in sorted(found.items()) if _is_value(value)}


def _is_value(value: object) -> bool:
    if isinstance(value, int | float):  # bool is an int
        return math.isfinite(value)
    return isinstance(value, str) and bool(value.strip())


def _text(value: object) -> str:
    """None and NaN are empty."""
    is_missing = value is None or (isinstance(value, float) and math.isnan(value))
    return "" if is_missing else str(value)


def _written(product: Product) -> dict[str, object]:
    attributes = json.dumps(dict(product.attributes), sort_keys=True)
    row = {name: _storable(getattr(product, name)) for name in _SCHEMA.names}
    return {**row, "attributes": attributes}


def _storable(value: object) -> object:
    """A text as UTF-8 can hold it: half of a surrogate pair becomes a question mark."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else value
