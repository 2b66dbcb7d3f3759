"""Counts of stock, from a file to feature rows and to an answer without what there is none of."""

import json
import shutil
from random import Random

import duckdb
import numpy as np
import pandas as pd
import pytest
from sample_shop import counterfoil

from governance.settings import Settings
from serving.settling import STOCK_OFF, STOCK_ON

pytestmark = [pytest.mark.pipeline, pytest.mark.slow]

LATELY = "snapshot_at < stands_at and snapshot_at >= stands_at - interval 28 day"
LAST_OF_DAY = (
    "qualify row_number() over (partition by item_id, snapshot_at::date order by snapshot_at desc)"
    " = 1"
)


def _answer(home, user):
    """Ids of the items shown, and the policy's part of the decision record."""
    asked = counterfoil(home, "predict", "--user", user, "--k", "5", "--json")
    assert asked.returncode == 0, asked.stderr
    answer = json.loads(asked.stdout)
    told = counterfoil(home, "explain", answer["request_id"], "--json")
    assert told.returncode == 0, told.stderr
    return [item["item_id"] for item in answer["items"]], json.loads(told.stdout)["policy"]


@pytest.fixture(scope="module")
def stocked(shop_home, tmp_path_factory):
    """The sample shop, a user, what was answered before, and a home where counts have landed:
    none of the first item, plenty of the second, and of 40 others now and then a few."""
    folder = tmp_path_factory.mktemp("stock")
    skipped = shutil.ignore_patterns("prefect", "training_sets", "reports")
    home = shutil.copytree(shop_home, folder / "home", ignore=skipped)
    settings = Settings(home=home)
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as con:
        items = con.sql("select item_id from dim_items order by hash(item_id) limit 40").fetchall()
        (user,) = con.sql("select max(user_id) from fct_order_lines").fetchall()[0]
        bounds = "select min(ordered_at), max(ordered_at) from fct_order_lines"
        first, last = con.sql(bounds).fetchall()[0]
    before, policy = _answer(home, user)
    assert policy["availability"] == STOCK_OFF
    draw = Random(0)
    others = [item for (item,) in items if item not in before]
    counts = [
        (draw.choice(others), draw.choice([-1, 0, 0, 3, 12.5]), first + (last - first) * share)
        for share in (draw.random() for _ in range(600))
    ]
    counts += [(before[0], 0, last), (before[1], 80, last)]
    names = ["item_id", "on_hand", "snapshot_at"]
    pd.DataFrame(counts, columns=names).to_csv(folder / "stock.csv", index=False)
    file = str(folder / "stock.csv")
    landed = counterfoil(home, "import", "complete_journey", "--stock", file, "--json")
    assert landed.returncode == 0, landed.stderr
    (told,) = json.loads(landed.stdout)
    assert (told["table"], told["rows"]) == ("stock", len(counts))
    built = counterfoil(home, "build")
    assert built.returncode == 0, built.stderr
    return settings, user, before


def test_every_feature_row_is_what_all_counts_give(stocked):
    settings, _, _ = stocked
    path = settings.features_dir / "ftr_item__stock.parquet"
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as con:
        wanted = con.sql(
            f"with closed as (select * from raw.stock {LAST_OF_DAY})"
            f" select item_id, stands_at, arg_max(on_hand, snapshot_at) filter ({LATELY}) as last,"
            f" coalesce(avg((on_hand <= 0)::int) filter ({LATELY}), 0) as out"
            f" from (select item_id, event_timestamp as stands_at from '{path}') as asked"
            " left join closed using (item_id)"
            " group by item_id, stands_at order by item_id, stands_at"
        ).fetchnumpy()
        built = con.sql(f"select * from '{path}' order by item_id, event_timestamp").fetchnumpy()
    for name, other in (("item__on_hand_last_28d", "last"), ("item__out_of_stock_rate_28d", "out")):
        found, expected = (np.ma.filled(side, np.nan) for side in (built[name], wanted[other]))
        assert len(set(found[~np.isnan(found)])) > 2, name
        np.testing.assert_allclose(found, expected, atol=1e-12, err_msg=name)
    assert np.ma.is_masked(built["item__on_hand_last_28d"])


def test_a_file_beside_an_imported_shop_leaves_its_own_tables_as_they_were(shop_home, stocked):
    settings, _, _ = stocked
    landed = "raw/complete_journey/order_lines/current.json"
    assert (settings.home_dir / landed).read_bytes() == (shop_home / landed).read_bytes()


def test_an_answer_leaves_out_what_there_is_none_of_and_says_so(stocked):
    settings, user, before = stocked
    now, policy = _answer(settings.home_dir, user)
    assert (before[0] in now, before[1] in now) == (False, True)
    assert {"item_id": before[0], "reason": "out_of_stock"} in policy["dropped"]
    assert policy["availability"] == STOCK_ON
