"""No simulated row derived from a target basket reaches that basket's prediction.

The whole way is walked: raw events without (and with altered) rows of the target baskets are
landed, built into features, trained on, and the predictions at the test cutoff compared by bytes.
"""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import pytest
from sample_shop import counterfoil

from flows.importers.landing import current_landing, land
from governance.settings import Settings

pytestmark = pytest.mark.pipeline


def predictions(home):
    """Every user's ranked items and scores at the test cutoff, as bytes; and the targets."""
    from flows.steps.train import features_at, fit, shop_data
    from training.evaluate import predict_at
    from training.recommender.model import DEFAULT_LIMIT
    from training.windows import first_baskets

    settings = Settings(home=home, recommender_knobs=Path("tests/data/forest_alone.yaml"))
    data = shop_data(settings)
    fitted = fit(settings, data, lambda _: None)
    window = fitted.calendar.test
    targets = first_baskets(data.judge, window)
    found = predict_at(
        data, fitted.at(data, window.cutoff), targets.users, window=window,
        historical_features=features_at(settings), limit=DEFAULT_LIMIT,
    )  # fmt: skip
    text = b"".join(p.user_id.encode() + p.items.tobytes() + p.scores.tobytes() for p in found)
    return text, data, targets


def land_without(home, tables):
    """Land events and searches anew, as ``tables`` says, in the place of what is there."""
    settings = Settings(home=home)
    for table, select in tables.items():
        old = current_landing(settings.raw_dir, settings.shop, table)
        with duckdb.connect() as con:
            land(
                table, select.format(path=old.path), con, shop=settings.shop,
                raw_dir=settings.raw_dir, source="a test", source_sha256="0" * 64,
                landed_at=datetime.now(UTC),
            )  # fmt: skip


def target_orders(data, targets):
    return sorted(str(data.order_ids[order]) for order in targets.orders)


@pytest.fixture(scope="module")
def before(shop_home):
    return predictions(shop_home)


@pytest.mark.parametrize("change", [pytest.param("removed", marks=pytest.mark.slow), "altered"])
def test_rows_derived_from_target_baskets_change_no_prediction(shop_home, before, tmp_path, change):
    home = tmp_path / "h"
    shutil.copytree(shop_home, home, ignore=shutil.ignore_patterns("prefect", "bundles", "reports"))
    text, data, targets = before
    listed = ", ".join(f"'{order}'" for order in target_orders(data, targets))
    keep = f"derived_from_order_id not in ({listed})"
    if change == "removed":
        tables = dict.fromkeys(("events", "searches"), f"select * from '{{path}}' where {keep}")
    else:
        other = "(select min(item_id) from '{path}')"
        tables = {
            "events": "select * replace ("
            f"case when {keep} then item_id else {other} end as item_id, "
            f"case when {keep} then event_type else 'cart' end as event_type, "
            f"case when {keep} then event_at else event_at - interval 40 day end as event_at) "
            "from '{path}'"
        }
    land_without(home, tables)
    checked = counterfoil(home, "check")
    assert checked.returncode in (0, 1), checked.stderr
    built = counterfoil(home, "build")
    assert built.returncode == 0, built.stderr
    rows = [
        duckdb.sql(f"select * from '{h}/features/ftr_item__engagement.parquet'").to_arrow_table()
        for h in (shop_home, home)
    ]
    assert not rows[0].equals(rows[1]), "the change did not reach the features: nothing is proved"
    after, _, _ = predictions(home)
    assert after == text


def test_the_same_comparison_sees_a_row_that_does_leak(before):
    text, _, targets = before
    assert len(text) > 1000
    assert len(np.unique(targets.users)) == len(targets.users) > 50
