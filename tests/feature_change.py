"""A copy of the project, a small shop cut from a real one, and one change: a feature is added."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb

from governance.settings import PROJECT_ROOT

ROOMS = ("dbt", "governance", "feature_repo", "training", "serving", "flows")
_NOT_SOURCE = shutil.ignore_patterns("__pycache__", "target", "logs")
USERS, ITEMS = 60, 200  # of the sample: enough to count wrongly, few enough for a minute

PURCHASES = "dbt/models/features/ftr_user__purchases"
SQL_EDITS = [
    ("    'return_count': [90],\n", "    'brand_distinct': [28],\n"),
    (
        "where user_id is not null\n\n),\n",
        """
items as (

    select * from {{ ref('dim_items') }}

),

brand_days as (

    select
        order_lines.user_id,
        cast(order_lines.ordered_at as date) as order_date,
        items.brand as brand_distinct

    from order_lines
    inner join items on order_lines.item_id = items.item_id
    where not order_lines.is_return

),
""",
    ),
    (
        "        sum(case when is_return then 1 else 0 end) as return_count",
        ",\n        0 as brand_distinct",
    ),
    (
        "    {{ window_deltas('daily', 'user_id', 'order_date', measures) }}\n",
        """    union all
    {{ distinct_deltas(
        'brand_days', 'user_id', 'order_date', measures, 'brand_distinct'
    ) }}
""",
    ),
    (
        "        return_count_90d as user__return_count_90d,\n",
        "        brand_distinct_28d as user__brand_distinct_28d,\n",
    ),
]  # fmt: skip
ENTRY = """\
      - name: user__brand_distinct_28d
        data_type: bigint
        description: Different brands bought in the last 28 days.
        constraints: [{type: not_null}]
        config: {meta: {default: 0, range: [0, null], nullable: false, pii: indirect}}
        data_tests: [as_declared]
"""
BRANDS = """\
      - input: ref('dim_items')
        format: csv
        rows: |
          item_id,brand
          milk,dairy
          cream,dairy
          tea,leaf
"""
UNIT_TEST = f"""
  - name: user_purchases_count_a_brand_once_in_a_window
    description: Two items of one brand count once; a return is no purchase.
    model: ftr_user__purchases
    given:
      - input: ref('fct_order_lines')
        format: csv
        rows: |
          order_id,user_id,item_id,quantity,discount_usd,paid_usd,is_return,ordered_at
          o1,ann,milk,1,0.0,4.0,false,2017-03-01 10:00:00
          o2,ann,cream,1,0.0,4.0,false,2017-03-11 10:00:00
          o3,ann,tea,1,0.0,4.0,false,2017-03-11 10:00:00
          o4,ann,tea,-1,0.0,-4.0,true,2017-03-20 10:00:00
{BRANDS}\
      - input: ref('int_order_lines__bounded')
        format: csv
        rows: |
          as_of
          2017-04-15 00:00:00
    expect:
      format: csv
      rows: |
        user_id,event_timestamp,user__brand_distinct_28d
        ann,2017-03-02 00:00:00,1
        ann,2017-03-09 00:00:00,1
        ann,2017-03-12 00:00:00,2
        ann,2017-03-19 00:00:00,2
        ann,2017-03-21 00:00:00,2
        ann,2017-03-30 00:00:00,2
        ann,2017-04-09 00:00:00,0
"""
SERVICE = """\
    "brands_v1": {
        "ftr_user__purchases": ("user__order_count_28d", "user__brand_distinct_28d"),
    },
"""


def copy_project(folder: Path) -> Path:
    """The rooms and pyproject.toml, as they are in this tree."""
    for room in ROOMS:
        shutil.copytree(PROJECT_ROOT / room, folder / room, ignore=_NOT_SOURCE)
    shutil.copy(PROJECT_ROOT / "pyproject.toml", folder)
    return folder


def add_the_feature(project: Path) -> None:
    """user__brand_distinct_28d into ftr_user__purchases and into a service of its own."""
    for anchor, added in SQL_EDITS:
        _insert(project / f"{PURCHASES}.sql", anchor, added)
    declaration = project / f"{PURCHASES}.yml"
    text = declaration.read_text()
    bounded = "      - input: ref('int_order_lines__bounded')\n"
    assert text.count(bounded) == 2
    text = text.replace(bounded, BRANDS + bounded).replace("\nunit_tests:", f"{ENTRY}\nunit_tests:")
    declaration.write_text(text + UNIT_TEST)
    first = "SERVICES: dict[str, dict[str, tuple[str, ...]]] = {\n"
    _insert(project / "feature_repo/definitions.py", first, SERVICE)


def changed_files(project: Path) -> set[str]:
    """Files of the copy that are not, byte for byte, those of this tree."""
    ours, theirs = dict(_sources(PROJECT_ROOT)), dict(_sources(project))
    return {
        name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name)
    }  # fmt: skip


def cut_home(source: Path, home: Path) -> None:
    """A home with a part of the source's warehouse and feature tables.

    The sample shop knows two brands, national and private; its categories stand in for brands, so
    that counts go to a hundred.
    """
    (home / "features").mkdir(parents=True)
    with duckdb.connect(str(home / "warehouse.duckdb")) as con:
        con.execute(f"attach '{source / 'warehouse.duckdb'}' as whole (read_only)").fetchall()
        first_users = f"(select user_id from whole.dim_users order by 1 limit {USERS})"
        for table, where in {
            "dim_users": f"user_id in {first_users}",
            "fct_order_lines": "user_id in (select user_id from dim_users)",
            "dim_items": "item_id in (select item_id from fct_order_lines)",
        }.items():
            columns = "* replace (category as brand)" if table == "dim_items" else "*"
            query = f"create table {table} as select {columns} from whole.{table} where {where}"
            con.execute(query).fetchall()
        kept = {
            "user": "user_id in (select user_id from dim_users)",
            "item": f"item_id in (select item_id from dim_items order by 1 limit {ITEMS})",
        }
        for path in sorted((source / "features").glob("ftr_*.parquet")):
            where = kept[path.name.split("_")[1]]
            rows = f"(select * from '{path}' where {where})"
            con.execute(f"copy {rows} to '{home / 'features' / path.name}'").fetchall()


def _insert(path: Path, anchor: str, added: str) -> None:
    text = path.read_text()
    assert text.count(anchor) == 1, (path, anchor)
    path.write_text(text.replace(anchor, anchor + added))


def _sources(root: Path) -> Iterator[tuple[str, bytes]]:
    for room in ROOMS:
        for path in sorted((root / room).rglob("*")):
            skipped = {"__pycache__", "target", "logs"} & set(path.relative_to(root).parts)
            if path.is_file() and not skipped:
                yield str(path.relative_to(root)), path.read_bytes()
