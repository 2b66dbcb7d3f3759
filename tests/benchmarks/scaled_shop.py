"""A shop with many times the shoppers, orders and events of a landed one, to measure growth.

``python tests/benchmarks/scaled_shop.py --to HOME --times 100`` reads the landings of the home in
COUNTERFOIL_HOME and lands the larger shop in HOME; ``counterfoil build`` with COUNTERFOIL_HOME set
to it goes on from there. Copy number c of a shopper has ``-c`` behind every id that belongs to the
shopper (user, order, session, event, query, request) and acts c seconds later; items, prices and
promotions are shared, as in a shop that grows; orders of guests are left out. Written as a stream,
so 1,000 times needs disk and no memory. ``--households N`` keeps the first N users before copying,
and that share of the items' promotions.
"""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from flows.importers.landing import Landing, current_landing, land
from governance.declarations import read_raw_tables
from governance.files import digest_of
from governance.settings import Settings

OF_ONE_SHOPPER = frozenset(
    {
        "user_id", "order_id", "event_id", "session_id", "request_id", "query_id",
        "derived_from_order_id",
    }
)  # fmt: skip


def main() -> None:
    """Scale the shop of COUNTERFOIL_HOME; one line a table on stderr."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, required=True, help="home folder of the larger shop")
    parser.add_argument("--times", type=int, default=10, help="copies of every shopper")
    parser.add_argument("--households", type=int, help="keep the first N users")
    given = parser.parse_args()
    source = Settings()
    target = source.model_copy(update={"home": given.to})
    for table, rows in scale(source, target, times=given.times, households=given.households):
        sys.stderr.write(f"{table}: {rows:,} rows\n")


def scale(source: Settings, target: Settings, *, times: int, households: int | None = None):
    """Land every table of the larger shop; yields its name and rows when it is there."""
    landings = {
        table.name: landing
        for table in read_raw_tables(source.dbt_dir)
        if (landing := current_landing(source.raw_dir, source.shop, table.name)) is not None
    }
    kept = _kept_users(landings["users"], households)
    share = 1.0 if households is None else min(1.0, households / landings["users"].rows)
    config = {"threads": source.threads, "memory_limit": source.duckdb_memory_limit}
    with duckdb.connect(config=config) as con:
        con.execute("set preserve_insertion_order = false").fetchall()
        for name, landing in landings.items():
            made = land(
                name, _copies(landing, times=times, kept=kept, share=share), con,
                shop=target.shop, raw_dir=target.raw_dir,
                source=f"{times} times {landing.source}",
                source_sha256=digest_of([landing.source_sha256, times, households]),
                landed_at=datetime.now(UTC),
            )  # fmt: skip
            yield name, made.rows


def _kept_users(users: Landing, households: int | None) -> str:
    """A SELECT of the user ids that are copied."""
    limit = "" if households is None else f" limit {households}"
    order = "try_cast(user_id as bigint), user_id"
    return f"select user_id from '{users.path}' order by {order}{limit}"


def _copies(landing: Landing, *, times: int, kept: str, share: float) -> str:
    if landing.table == "promotions":
        return f"select * from '{landing.path}' where hash(item_id) % 1000 < {share * 1000}"
    if "user_id" not in landing.columns:
        return f"select * from '{landing.path}'"
    columns = ", ".join(_copied(name, kind) for name, kind in landing.columns.items())
    return (
        f"select {columns} from '{landing.path}' cross join range({times}) as copies(c)"
        f" where user_id in ({kept})"
    )


def _copied(name: str, kind: str) -> str:
    if name in OF_ONE_SHOPPER:
        return f"case when c = 0 then {name} else {name} || '-' || c end as {name}"
    if kind == "TIMESTAMP" and name.endswith("_at"):
        return f"{name} + to_seconds(c) as {name}"
    return name


if __name__ == "__main__":
    main()
