"""A toy shop whose words mislead: shoppers say sneaker, and what they want is titled trainer.

Of each kind and style there is the thing itself and a polish that has both of the shopper's words.
Lists show the polish first and the thing at position 8, where one in eight looks: of every query
the polish has 3 clicks and the thing 2, so that only clicks corrected for position tell.
"""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import torch
from tiny_encoder import tiny_checkpoint

from governance.settings import Settings
from training.fine_tuning.config import FineTuning
from training.text_search.learning_config import ClickKnobs, LearningKnobs

KINDS = {
    "sneaker": "trainer", "couch": "sofa", "cooker": "stove", "torch": "lantern",
    "jumper": "sweater", "icebox": "fridge",
}  # fmt: skip
STYLES = (
    "alpine", "urban", "classic", "coastal", "nordic",
    "retro", "royal", "rustic", "tropic", "vintage",
)  # fmt: skip
DEPTH, SHUFFLED_LISTS, LATER = 8, 480, 24
LEARNING = LearningKnobs(
    clicks=ClickKnobs(later_share=0.4, most_queries=12, known_items=0),
    dense=FineTuning(epochs=12, batch=32, length=8, learning_rate=3e-3, patience=12),
    cross=FineTuning(epochs=3, length=16, learning_rate=1e-3),
)
Wanted = Callable[[int, str, str], str]  # of the query's number, kind and style: the item wanted


def thing(kind: str, style: str) -> str:
    """The item that a query is after."""
    return f"{style}-{KINDS[kind]}"


def polish(kind: str, style: str) -> str:
    """The item that has the query's words."""
    return f"{style}-{kind}-polish"


def queries() -> list[tuple[str, str]]:
    """Kind and style of each of the 60 queries in the order of time; the last 24 are later ones."""
    pairs = [(kind, style) for kind in KINDS for style in STYLES]
    return [pairs[at * 7 % len(pairs)] for at in range(len(pairs))]


def clicked_shop(
    home: Path, wanted: Wanted = lambda _, kind, style: thing(kind, style)
) -> Settings:
    """Settings of a home with a warehouse and a tiny encoder that knows the words."""
    torch.set_num_threads(1)
    home.mkdir(exist_ok=True)
    words = sorted({*KINDS, *KINDS.values(), *STYLES, "polish"})
    encoder = tiny_checkpoint(home / "plain_encoder", words)
    _write(home / "warehouse.duckdb", wanted)
    return Settings(home=home, encoder=str(encoder), seed=1, threads=1)


def _write(path: Path, wanted: Wanted) -> None:
    items, searches, events = [], [], []
    for kind, style in queries():
        items += [(thing(kind, style), f"{style} {KINDS[kind]}"),
                  (polish(kind, style), f"{style} {kind} polish")]  # fmt: skip
    for at, (kind, style) in enumerate(queries()):
        searches.append((f"q{at}", f"{kind} {style}", at))
        clicks = [(polish(kind, style), 1)] * 3 + [(wanted(at, kind, style), DEPTH)] * 2
        events += [(f"q{at}", item, "view", position, f"r{at}", at) for item, position in clicks]
    for position in range(1, DEPTH + 1):
        shown = [("shown", items[0][0], "impression", position, "r-shuffled", 0)] * SHUFFLED_LISTS
        events += shown + [(*shown[0][:2], "view", *shown[0][3:])] * (240 // position)
    columns = {
        "items": (items, ("item_id", "title")),
        "searches": (searches, ("query_id", "query", "number")),
        "events": (events, _EVENT),
    }
    with duckdb.connect(str(path)) as warehouse:
        for table, (rows, names) in columns.items():
            lists = zip(*rows, strict=True)
            warehouse.register("rows", pa.table(dict(zip(names, map(list, lists), strict=True))))
            warehouse.execute(f"create table {table} as select * from rows").fetchall()
        warehouse.execute(_VIEWS).fetchall()


_EVENT = ("query_id", "item_id", "event_type", "position", "request_id", "number")
_VIEWS = """
create view dim_items as select
    item_id, title, null::varchar as description, null::varchar as brand,
    null::varchar as department, null::varchar as category, null::varchar as product_type,
    null::varchar as package_size, 1.0 as price_listed_usd
from items;
create view fct_searches as select
    query_id, query, query_id as session_id, 'u' as user_id, true as is_synthetic,
    timestamp '2017-01-01' + to_hours(number) as searched_at
from searches;
create view fct_events as select
    query_id, item_id, event_type, position, request_id, true as is_synthetic,
    rowid::varchar as event_id, timestamp '2017-01-01' + to_hours(number) as event_at
from events;
create view fct_order_lines as select 'o' as order_id, item_id, false as is_return from items
"""
