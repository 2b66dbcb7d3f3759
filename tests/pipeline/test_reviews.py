"""Reviews of the sample shop, from a file to feature rows: each equals a count over all reviews."""

import shutil
from random import Random

import duckdb
import numpy as np
import pandas as pd
import pytest
from sample_shop import counterfoil
from small_reviews import BAD, GOOD, small_sentiment

from flows.importers.registry import import_beside
from governance.settings import Settings
from training.sentiment.model_file import save_sentiment

pytestmark = [pytest.mark.pipeline, pytest.mark.slow]

NOW = "known_at < stands_at"
LATELY = "known_at < stands_at and known_at >= stands_at - interval 90 day"
COUNTED = {
    "ftr_item__reviews": {
        "item__review_count": f"count(review_id) filter ({NOW})",
        "item__review_count_90d": f"count(review_id) filter ({LATELY})",
        "item__review_positive_rate_90d": (
            f"coalesce(avg((sentiment > 500)::int) filter ({LATELY}), 0.5)"
        ),
        "item__review_sentiment_mean_90d": (
            f"coalesce(avg(sentiment) filter ({LATELY}) / 1000, 0.5)"
        ),
        "item__review_fit_mean": f"coalesce(avg(aspect_fit) filter ({NOW}) / 1000, 0)",
        "item__review_price_mean": f"coalesce(avg(aspect_price) filter ({NOW}) / 1000, 0)",
    },
    "ftr_user__text": {
        "user__review_count_90d": f"count(review_id) filter ({LATELY})",
        "user__review_sentiment_mean_90d": (
            f"coalesce(avg(sentiment) filter ({LATELY}) / 1000, 0.5)"
        ),
    },
}


@pytest.fixture(scope="module")
def home(shop_home, tmp_path_factory):
    """The sample shop with 400 reviews and a model that reads them."""
    folder = tmp_path_factory.mktemp("reviews")
    skipped = shutil.ignore_patterns("prefect", "bundles", "training_sets", "reports")
    home = shutil.copytree(shop_home, folder / "home", ignore=skipped)
    settings = Settings(home=home)
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as con:
        items = con.sql("select item_id from dim_items order by hash(item_id) limit 50").fetchall()
        users = con.sql("select user_id from dim_users order by hash(user_id) limit 20").fetchall()
        bounds = "select min(ordered_at), max(ordered_at) from fct_order_lines"
        first, last = con.sql(bounds).fetchall()[0]
    draw = Random(0)
    rows = [
        (
            f"r{number}",
            draw.choice(items)[0],
            draw.choice(users)[0] if draw.random() < 0.8 else None,
            draw.choice([*GOOD, *BAD, None]),
            first + (last - first) * draw.random(),
        )
        for number in range(400)
    ]
    names = ["review_id", "item_id", "user_id", "body", "reviewed_at"]
    pd.DataFrame(rows, columns=names).to_parquet(folder / "reviews.parquet")
    import_beside("reviews", str(folder / "reviews.parquet"), settings=settings)
    save_sentiment(settings.bundles_dir, small_sentiment(), None, facts={})
    done = counterfoil(home, "build")
    assert done.returncode == 0, done.stderr
    assert "400 reviews by sentiment" in done.stderr
    return settings


@pytest.mark.parametrize("table", COUNTED)
def test_every_feature_row_is_what_a_count_over_all_reviews_gives(home, table):
    key = "item_id" if table == "ftr_item__reviews" else "user_id"
    path = home.features_dir / f"{table}.parquet"
    counted = ", ".join(f"{sql} as {name}" for name, sql in COUNTED[table].items())
    with duckdb.connect(str(home.warehouse_path), read_only=True) as con:
        wanted = con.sql(
            f"select {key}, stands_at, {counted}"
            f" from (select {key}, event_timestamp as stands_at from '{path}') as asked"
            f" left join int_reviews__judged as reviews using ({key})"
            f" group by {key}, stands_at order by {key}, stands_at"
        ).fetchnumpy()
        built = con.sql(f"select * from '{path}' order by {key}, event_timestamp").fetchnumpy()
    for name in COUNTED[table]:
        assert len(set(built[name])) > 2, name
        np.testing.assert_allclose(built[name], wanted[name], atol=1e-12, err_msg=name)
