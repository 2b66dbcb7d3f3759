"""What the simulator knows can be recovered from its log: examination, attraction, rates."""

import os
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from flows.importers import complete_journey, online_retail
from governance.settings import PROJECT_ROOT
from training.simulator.config import SimulatorConfig
from training.simulator.history import NOBODY, BeforeIndex, read_history, sorted_items
from training.simulator.simulate import simulate

COLUMNS = "order_id, user_id, item_id, quantity, unit_price, ordered_at"
FIRST_DAY = datetime.fromisoformat("2024-01-01T08:00:00")


def _shop(*, orders: int, items: int, seed: int = 3) -> tuple[pa.Table, pa.Table]:
    rng = np.random.default_rng(seed)
    item = rng.integers(items, size=orders * 3)
    order = np.repeat(np.arange(orders), 3)
    lines = pa.table(
        {
            "order_id": [f"o{o:05d}" for o in order],
            "user_id": [f"u{o % 50}" for o in order],
            "item_id": [f"i{i:03d}" for i in item],
            "quantity": [1] * len(order),
            "unit_price": [1.0] * len(order),
            "ordered_at": [FIRST_DAY + timedelta(minutes=20 * int(o)) for o in order],
        }
    )
    catalogue = pa.table(
        {
            "item_id": [f"i{i:03d}" for i in range(items)],
            "title": [f"thing {i}" for i in range(items)],
            "brand": pa.nulls(items, pa.string()),
            "category_path": [f"D{i % 3} > T{i % 12}" for i in range(items)],
        }
    )
    return lines, catalogue


@pytest.mark.parametrize("eta", [0.4, 1.0])
def test_examination_is_recovered_from_shuffled_lists(eta: float) -> None:
    config = SimulatorConfig(
        event_count=60_000,
        shuffled_rate=1.0,
        examination_eta=eta,
        attraction_bias=0.0,
        extra_search_mean=3.0,
    )
    made = simulate(*_shop(orders=3_000, items=120), config=config)
    with duckdb.connect() as con:
        con.register("events", made.events)
        rows = con.execute(
            """
            select position, count(*) filter (event_type = 'view')
                / count(*) filter (event_type = 'impression')
            from events where position between 1 and 8 and request_id like '%-shuffled'
            group by position order by position
            """
        ).fetchall()
    rank, clicks = np.array(rows).T
    slope = np.polyfit(np.log(rank), np.log(clicks), 1, w=np.sqrt(clicks))[0]
    assert -slope == pytest.approx(eta, abs=0.1)


def test_the_item_sought_is_clicked_more_than_its_neighbours() -> None:
    made = simulate(
        *_shop(orders=1_000, items=120), config=SimulatorConfig(event_count=30_000, shuffled_rate=1)
    )
    with duckdb.connect() as con:
        con.register("events", made.events)
        con.register("intents", made.intents)
        rows = con.execute(
            """
            select i.item_id = e.item_id, count(*) filter (event_type = 'view')
                / count(*) filter (event_type = 'impression')
            from events e join intents i using (query_id)
            where position is not null group by all order by all
            """
        ).fetchall()
    assert rows[1][1] > 3 * rows[0][1]


def test_session_rates_are_recovered() -> None:
    config = SimulatorConfig(event_count=40_000)
    made = simulate(*_shop(orders=1_500, items=60), config=config)
    baskets = len(set(made.events["derived_from_order_id"].to_pylist()))
    sessions = len(set(made.events["session_id"].to_pylist()))
    expected = 1 + config.research_rate + config.abandon_rate
    assert sessions / baskets == pytest.approx(expected, abs=0.1)


def test_an_index_counts_and_draws_only_what_came_before() -> None:
    groups = np.array([0, 1, 0, 0, 1])
    index = BeforeIndex(groups)
    asked, known = np.array([0, 0, 1, 1, 2]), np.array([0, 3, 1, 5, 5])
    assert index.count(asked, known=known).tolist() == [0, 2, 0, 2, 0]
    last = index.draw(asked, known=known, uniform=np.full(5, 0.999))
    assert last.tolist() == [-1, 2, -1, 4, -1]


def test_own_orders_are_counted_by_brute_force() -> None:
    lines, items = _shop(orders=200, items=8)
    history = read_history(lines, sorted_items(items))
    rng = np.random.default_rng(0)
    user = rng.integers(NOBODY, 50, size=300)
    item = rng.integers(8, size=300)
    known = rng.integers(len(history.line_item) + 1, size=300)
    slow = [
        int(np.sum((history.line_user[:k] == u) & (history.line_item[:k] == i))) if u >= 0 else 0
        for u, i, k in zip(user, item, known, strict=True)
    ]
    assert history.own_orders(user, item, known=known).tolist() == slow
    assert np.all(np.diff(history.line_at) >= 0)


@pytest.mark.pipeline
def test_complete_journey_gives_a_million_events() -> None:
    with duckdb.connect() as con:
        tables = _raw(con, complete_journey.selects(con, complete_journey.package_folder()))
        made = simulate(*tables, config=SimulatorConfig())
    assert 1_080_000 <= made.events.num_rows <= 1_320_000


def _retail_file() -> Path:
    default = PROJECT_ROOT / "../shared/data/online_retail/online_retail.parquet"
    return Path(os.environ.get("COUNTERFOIL_TEST_ONLINE_RETAIL", default))


@pytest.mark.pipeline
@pytest.mark.skipif(
    not _retail_file().is_file(),
    reason="COUNTERFOIL_TEST_ONLINE_RETAIL names no Online Retail file",
)
def test_online_retail_gives_guests_and_members() -> None:
    with duckdb.connect() as con:
        tables = _raw(con, online_retail.selects(con, _retail_file(), name=""))
        made = simulate(*tables, config=SimulatorConfig(event_count=100_000))
    assert made.events.num_rows == pytest.approx(100_000, rel=0.1)
    assert 0 < made.events["user_id"].null_count < made.events.num_rows


def _raw(con: duckdb.DuckDBPyConnection, selects: tuple) -> tuple[pa.Table, pa.Table]:
    sql = {select.table: select.sql for select in selects}
    lines = con.sql(f"select {COLUMNS} from ({sql['order_lines']})").to_arrow_table()
    return lines, con.sql(sql["items"]).to_arrow_table()
