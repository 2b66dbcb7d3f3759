"""Online Retail (UCI 352, a UK gift shop) as raw tables, from the file the user gives.

Command: ``counterfoil import online_retail --source FILE_OR_URL`` (Parquet, or the UCI .csv).
Its dirt is kept for the raw contract to judge:

- Invoices 'C...' are cancellations: their quantities are negative, so their lines are returns.
  Negative quantities on other invoices (stock corrections) stay as they are.
- Lines without CustomerID stay as guest orders: user_id is null.
- Exact duplicates and prices of zero or less stay; line_number is the place within the invoice
  in file order, so two equal lines differ in line_number only.
- InvoiceDate is local text: it is read as Europe/London and becomes UTC.
- An item is a StockCode as spelt. Its title is its most frequent description, ties by alphabet;
  its other descriptions become the description. price_listed is its last positive price.
"""

from collections.abc import Mapping
from pathlib import Path

import duckdb

from flows.importers.raw_select import RawSelect
from flows.importers.source_files import Source, open_source
from governance.errors import InputError
from governance.files import sha256_file

TIME_ZONE = "Europe/London"
TIME_FORMATS = ("%Y-%m-%d %H:%M:%S", "%m/%d/%Y %H:%M")  # the Parquet's, and the UCI .csv's

COLUMNS: Mapping[str, str] = {
    "InvoiceNo": "VARCHAR",
    "StockCode": "VARCHAR",
    "Description": "VARCHAR",
    "Quantity": "BIGINT",
    "InvoiceDate": "VARCHAR",
    "UnitPrice": "DOUBLE",
    "CustomerID": "VARCHAR",
    "Country": "VARCHAR",
}


def selects(con: duckdb.DuckDBPyConnection, path: Path, *, name: str) -> tuple[RawSelect, ...]:
    """One SELECT per raw table over ``path``; ``name`` is what the user called it."""
    source = open_source(con, path, COLUMNS)
    _check_times(con, source)
    digest = sha256_file(path)
    lines = _LINES.format(scan=source.scan, formats=list(TIME_FORMATS), zone=TIME_ZONE)
    return tuple(
        RawSelect(table=table, sql=lines + sql, source=name or path.name, source_sha256=digest)
        for table, sql in _SQL.items()
    )


def _check_times(con: duckdb.DuckDBPyConnection, source: Source) -> None:
    bad = con.execute(
        f"""
        with numbered as (
            select InvoiceDate::varchar as value, row_number() over () as source_row
            from {source.scan}
        )
        select source_row, value from numbered
        where value is not null
            and try_strptime(value, {list(TIME_FORMATS)}) is null
        order by source_row limit 1
        """
    ).fetchall()
    if not bad:
        return
    raise InputError(
        f"column InvoiceDate of {source.path.name} is not a time",
        where=f"{source.path}, row {bad[0][0]}",
        why=f"the value is {bad[0][1]!r}; known forms are {', '.join(TIME_FORMATS)}",
        next_step="write the times as 2010-12-01 08:26:00, local time of the shop",
    )


_LINES = """
with source_lines as (
    select
        InvoiceNo::varchar as order_id,
        StockCode::varchar as item_id,
        nullif(trim(Description::varchar), '') as described_as,
        Quantity::bigint as quantity,
        UnitPrice::double as unit_price,
        coalesce(
            try_cast(try_cast(CustomerID as double) as bigint)::varchar,
            CustomerID::varchar
        ) as user_id,
        Country::varchar as country,
        timezone('UTC', timezone(
            '{zone}',
            strptime(InvoiceDate::varchar, {formats})
        )) as ordered_at,
        row_number() over () as source_row
    from {scan}
),
"""

_USERS = """
users as (
    select
        user_id,
        arg_max(country, (ordered_at, source_row)) as country
    from source_lines
    where user_id is not null
    group by user_id
)

select
    user_id,
    country,
    null::varchar as age_band,
    null::varchar as income_band,
    null::varchar as household_size,
    null::varchar as household_composition,
    null::varchar as home_ownership,
    null::varchar as marital_status,
    null::varchar as kid_count,
    false as is_synthetic
from users
order by user_id
"""

_ITEMS = """
descriptions as (
    select item_id, described_as, count(*) as line_count
    from source_lines
    where described_as is not null
    group by item_id, described_as
),

texts as (
    select
        item_id,
        list(described_as order by line_count desc, described_as) as spellings
    from descriptions
    group by item_id
),

prices as (
    select
        item_id,
        arg_max(unit_price, (ordered_at, source_row))
            filter (unit_price > 0) as price
    from source_lines
    where item_id is not null
    group by item_id
)

select
    prices.item_id,
    coalesce(spellings[1], 'Unlisted product ' || prices.item_id) as title,
    nullif(array_to_string(spellings[2:], ' | '), '') as description,
    null::varchar as brand,
    null::varchar as category_path,
    null::varchar as manufacturer_id,
    null::varchar as package_size,
    prices.price as price_listed,
    null::timestamp as listed_at,
    false as is_synthetic
from prices
left join texts using (item_id)
order by prices.item_id
"""

_ORDER_LINES = """
numbered as (
    select
        *,
        row_number() over (
            partition by order_id
            order by source_row
        ) as line_number
    from source_lines
)

select
    order_id,
    line_number,
    user_id,
    item_id,
    quantity,
    unit_price,
    0::double as discount,
    'GBP' as currency,
    ordered_at,
    'online' as channel,
    null::varchar as store_id,
    false as is_synthetic
from numbered
order by ordered_at, order_id, line_number
"""

_SQL = {"users": _USERS, "items": _ITEMS, "order_lines": _ORDER_LINES}
