"""The simulated log follows from its baskets and from nothing later, and says so in every row."""

from dataclasses import replace
from datetime import datetime, timedelta

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from training.simulator.config import SimulatorConfig
from training.simulator.simulate import Simulation, simulate

ITEM_COUNT = 40
ORDER_COUNT = 300
CONFIG = SimulatorConfig(seed=7, event_count=6_000)
TYPES = ("apple juice", "rye bread", "goat cheese", "green tea")
FIRST_DAY = datetime.fromisoformat("2024-01-01T08:00:00")


def _items() -> pa.Table:
    kinds = [TYPES[i % len(TYPES)] for i in range(ITEM_COUNT)]
    return pa.table(
        {
            "item_id": [f"i{i:02d}" for i in range(ITEM_COUNT)],
            "title": [f"{kind} number{i}" for i, kind in enumerate(kinds)],
            "brand": ["Hill" if i % 2 else None for i in range(ITEM_COUNT)],
            "category_path": [f"FOOD > {kind.upper()}" for kind in kinds],
        }
    )


def _order_lines(orders: int = ORDER_COUNT) -> pa.Table:
    rng = np.random.default_rng(1)
    rows = []
    for order in range(orders):
        for item in sorted(set(rng.integers(ITEM_COUNT, size=6).tolist())):
            user = None if order % 10 == 0 else f"u{order % 25}"
            rows.append(
                {
                    "order_id": f"o{order:04d}",
                    "user_id": user,
                    "item_id": f"i{item:02d}",
                    "quantity": 1,
                    "unit_price": 2.5,
                    "ordered_at": FIRST_DAY + timedelta(hours=5 * order),
                }
            )
    return pa.Table.from_pylist(rows)


@pytest.fixture(scope="module")
def made() -> Simulation:
    return simulate(_order_lines(), _items(), config=CONFIG)


def _ask(made: Simulation, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect() as con:
        con.register("events", made.events)
        con.register("searches", made.searches)
        con.register("intents", made.intents)
        con.register("order_lines", _order_lines())
        con.register("items", _items())
        return con.execute(sql).fetchall()


def test_the_count_is_what_was_asked_for(made: Simulation) -> None:
    assert abs(made.events.num_rows / CONFIG.event_count - 1) < 0.1


def test_two_runs_are_equal_and_another_seed_is_not(made: Simulation) -> None:
    again = simulate(_order_lines(), _items(), config=CONFIG)
    assert again.events.equals(made.events)
    assert again.searches.equals(made.searches)
    other = simulate(_order_lines(), _items(), config=SimulatorConfig(seed=8, event_count=6_000))
    assert not other.events.equals(made.events)


def test_the_order_of_the_input_does_not_matter(made: Simulation) -> None:
    lines, items = _order_lines(), _items()
    backwards = pa.array(range(lines.num_rows - 1, -1, -1))
    turned = simulate(
        lines.take(backwards), items.take(pa.array(range(ITEM_COUNT - 1, -1, -1))), config=CONFIG
    )
    assert turned.events.equals(made.events)
    assert turned.searches.equals(made.searches)


def test_every_row_is_synthetic_and_names_a_real_basket(made: Simulation) -> None:
    for table in ("events", "searches"):
        sql = f"""select count(*) from {table} where not is_synthetic
            or derived_from_order_id not in (select order_id from order_lines)"""
        assert _ask(made, sql) == [(0,)]


def test_nothing_happens_after_its_basket(made: Simulation) -> None:
    late = """with baskets as (select distinct order_id, ordered_at from order_lines)
        select count(*) from {table} join baskets on order_id = derived_from_order_id
        where {at} > ordered_at or {at} < ordered_at - interval 73 hours"""
    assert _ask(made, late.format(table="events", at="event_at")) == [(0,)]
    assert _ask(made, late.format(table="searches", at="searched_at")) == [(0,)]
    assert _ask(made, "select count(*) from events where ingested_at < event_at") == [(0,)]


def test_purchases_are_the_lines_of_the_basket_at_its_time(made: Simulation) -> None:
    sql = """
        select count(*), count(distinct event_id), count(l.order_id)
        from order_lines l full join (select * from events where event_type = 'purchase') e
            on l.order_id = e.derived_from_order_id and l.item_id = e.item_id
            and l.ordered_at = e.event_at and l.user_id is not distinct from e.user_id
        where coalesce(e.derived_from_order_id, l.order_id)
            in (select derived_from_order_id from events)"""
    rows, purchases, lines = _ask(made, sql)[0]
    assert rows == purchases == lines


def test_ids_are_unique_and_lead_to_their_session(made: Simulation) -> None:
    assert _ask(made, "select count(*) - count(distinct event_id) from events") == [(0,)]
    assert _ask(made, "select count(*) - count(distinct query_id) from searches") == [(0,)]
    orphans = """select count(*) from events e left join searches s using (query_id)
        where e.query_id is not null and (
            s.query_id is null or s.session_id <> e.session_id or e.event_at < s.searched_at)"""
    assert _ask(made, orphans) == [(0,)]


def test_a_result_count_is_the_list_that_was_shown(made: Simulation) -> None:
    sql = """select count(*) from searches s left join (
            select query_id, count(*) as shown, max(position) as last, count(distinct item_id) as d
            from events where event_type = 'impression' group by query_id) i using (query_id)
        where s.result_count <> coalesce(i.shown, 0)
            or i.shown <> i.last or i.shown <> i.d or i.shown > 12"""
    assert _ask(made, sql) == [(0,)]


def test_what_follows_a_list_was_in_it(made: Simulation) -> None:
    sql = """select count(*) from events e anti join (
            select * from events where event_type = 'impression') i
        on i.request_id = e.request_id and i.item_id = e.item_id
            and (e.position is null or e.position = i.position) and i.event_at <= e.event_at
        where e.request_id is not null"""
    assert _ask(made, sql) == [(0,)]
    placed = "select distinct event_type from events where position is not null order by 1"
    assert _ask(made, placed) == [("dismiss",), ("impression",), ("view",)]


def test_a_cart_follows_a_view_and_an_uncart_a_cart(made: Simulation) -> None:
    for later, earlier in (("cart", "view"), ("uncart", "cart")):
        sql = f"""select count(*) from events b anti join (
                select * from events where event_type = '{earlier}') a
            on a.session_id = b.session_id and a.item_id = b.item_id and a.event_at < b.event_at
            where b.event_type = '{later}'"""
        assert _ask(made, sql) == [(0,)]


def test_some_carts_are_abandoned(made: Simulation) -> None:
    sql = """select count(*) from events c anti join (
            select * from events where event_type in ('uncart', 'purchase')) e
        on e.session_id = c.session_id and e.item_id = c.item_id
        where c.event_type = 'cart'"""
    assert int(str(_ask(made, sql)[0][0])) > 0


def test_a_query_is_made_of_the_words_of_the_item_sought(made: Simulation) -> None:
    sql = """select s.query, lower(concat_ws(' ', i.title, i.brand, i.category_path)), t.is_typo
        from searches s join intents t using (query_id) join items i on i.item_id = t.item_id"""
    rows = _ask(made, sql)
    assert len(rows) > 100
    for query, text, is_typo in rows:
        unknown = set(str(query).split()) - set(str(text).split())
        assert len(unknown) == int(bool(is_typo))


def test_a_query_that_found_nothing_is_typed_again(made: Simulation) -> None:
    sql = """select count(*), count(s.query_id) from searches t left join searches s
        on s.query_id || '-typo' = t.query_id and t.searched_at < s.searched_at
        where t.query_id like '%-typo' and t.result_count = 0"""
    failed, corrected = _ask(made, sql)[0]
    assert failed == corrected
    assert int(str(failed)) > 0


def test_guests_have_sessions_without_a_user(made: Simulation) -> None:
    sql = """select count(*) from events e join order_lines l
        on l.order_id = e.derived_from_order_id where l.user_id is distinct from e.user_id"""
    assert _ask(made, sql) == [(0,)]
    guests = _ask(made, "select count(*) from events where user_id is null")
    assert int(str(guests[0][0])) > 0


def test_later_orders_change_nothing_in_earlier_lists() -> None:
    """Other items in the last hundred baskets leave every earlier list as it was."""
    rows = _order_lines().to_pylist()
    for row in rows:
        if row["order_id"] >= "o0200":
            row["item_id"] = f"i{(int(row['item_id'][1:]) + 7) % ITEM_COUNT:02d}"
    config = SimulatorConfig(seed=7, event_count=1_000_000)
    shown, other = (
        _ask(
            simulate(lines, _items(), config=config),
            """select query_id, item_id, position from events
            where event_type = 'impression' and derived_from_order_id < 'o0200' order by all""",
        )
        for lines in (_order_lines(), pa.Table.from_pylist(rows))
    )
    assert len(shown) > 5_000
    assert shown == other


def test_lines_that_are_no_purchases_leave_no_trace() -> None:
    lines = _order_lines(3).to_pylist()
    dirt = [
        {"order_id": "back", "quantity": -1},
        {"order_id": "gift", "unit_price": 0.0},
        {"order_id": "void", "quantity": 0, "unit_price": None},
        {"order_id": "lost", "item_id": "not in the catalogue"},
        {"order_id": None},
    ]
    table = pa.Table.from_pylist(lines + [{**lines[0], **change} for change in dirt])
    made = simulate(table, _items(), config=SimulatorConfig(event_count=10_000))
    assert set(made.events["derived_from_order_id"].to_pylist()) == {"o0000", "o0001", "o0002"}


@pytest.mark.parametrize("orders", [0, 3])
def test_nothing_asked_or_nothing_bought_gives_empty_tables(orders: int) -> None:
    lines = _order_lines(3).slice(0, orders * 100)
    count = 0 if orders else 1_000
    made = simulate(lines, _items(), config=SimulatorConfig(event_count=count))
    assert (made.events.num_rows, made.searches.num_rows) == (0, 0)
    assert made.events.schema.names[0] == "event_id"


def test_a_shop_with_few_baskets_gives_what_it_has() -> None:
    made = simulate(_order_lines(5), _items(), config=SimulatorConfig(event_count=100_000))
    assert len(set(made.events["derived_from_order_id"].to_pylist())) == 5


def test_a_log_of_few_baskets_draws_them_from_early_and_late_alike() -> None:
    few = simulate(_order_lines(), _items(), config=replace(CONFIG, event_count=900))
    baskets = sorted(set(few.events["derived_from_order_id"].to_pylist()))
    late = sum(order >= f"o{ORDER_COUNT // 2:04d}" for order in baskets)
    assert len(baskets) < ORDER_COUNT // 2
    assert 0.25 < late / len(baskets) < 0.75
