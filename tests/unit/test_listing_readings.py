"""Listings are judged by the home's quality model, each once, on write as in a build."""

import json
from datetime import UTC, datetime

import duckdb
import pyarrow as pa
import pytest
from hostile_texts import ODD_TEXTS
from small_catalogue import catalogue
from tiny_encoder import tiny_checkpoint

from flows.importers.landing import declared_columns, land
from flows.item_texts import feature_lines
from flows.listing_readings import embed_by, model_path, open_judge, read_listings
from flows.text_readings import numbers_of, open_reader
from governance.declarations import read_feature_models
from governance.settings import Settings
from training.encoder.checkpoint import load_encoder
from training.listing_quality.catalogue_file import read_shop
from training.listing_quality.listing import Listing
from training.listing_quality.model_file import save_quality, source_digest
from training.listing_quality.train import QualityKnobs, read_quality_knobs, train
from training.text_features.model import COLUMNS, SCALE, UNJUDGED, item_row

SMALL = QualityKnobs(
    folds=2, calibration_share=0.2, trees=10, least_in_leaf=5, planted_per_listing=1, bad_share=0.5
)
QUIET = lambda text: None  # noqa: E731


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return str(tiny_checkpoint(tmp_path_factory.mktemp("tiny"), ["toner", "cable", "printer"]))


@pytest.fixture
def settings(tmp_path, checkpoint):
    return Settings(home=tmp_path, encoder=checkpoint, threads=1)


def landed(settings, listings, name):
    """Listings as the shop's newest raw items."""
    nothing = dict.fromkeys(declared_columns("items"))
    rows = [
        nothing | {"item_id": one.item_id, "title": one.title, "description": one.description,
                   "brand": one.brand, "category_path": f"Goods > {one.title.split()[2]}"}
        for one in listings
    ]  # fmt: skip
    with duckdb.connect() as con:
        con.register("given", pa.Table.from_pylist(rows))
        typed = ", ".join(f"{c}::{kind} as {c}" for c, kind in declared_columns("items").items())
        select = f"select * replace (false as is_synthetic) from (select {typed} from given)"
        return land(
            "items", select, con, shop=settings.shop, raw_dir=settings.raw_dir, source=name,
            source_sha256=name, landed_at=datetime.now(UTC),
        )  # fmt: skip


@pytest.fixture(scope="module")
def learned(tmp_path_factory, checkpoint):
    """A home with items and a quality model of them, and the items."""
    home = Settings(home=tmp_path_factory.mktemp("shop"), encoder=checkpoint, threads=1)
    landing = landed(home, catalogue(200), "first")
    items, encoder = read_shop(landing.path), load_encoder(checkpoint)
    model = train(items, SMALL, embed=embed_by(encoder))
    # As if the knobs that ship had taught it, which takes minutes; both split the items alike.
    source = source_digest(items, read_quality_knobs(), encoder.digest)
    save_quality(model_path(home), model, source, landing_id=landing.landing_id)
    return home, items, encoder


def test_without_a_model_no_listing_is_judged(settings, checkpoint):
    found = read_listings(settings, catalogue(3), load_encoder(checkpoint), QUIET)
    assert found.numbers == [(None,)] * 3
    assert found.said == "listings unjudged: counterfoil listings check"
    assert not found.model


def test_a_listing_has_the_number_alone_that_it_has_among_all_and_is_read_once(learned):
    home, items, encoder = learned
    told = []
    found = read_listings(home, items, encoder, told.append)
    judge = open_judge(home, encoder)
    assert found.model == judge.name
    assert len({number for (number,) in found.numbers}) > 5
    for row in range(0, len(items), 20):
        assert judge.numbers_of([items[row]]) == [found.numbers[row]]
    assert len(told) == 1
    assert read_listings(home, items[::-1], encoder, told.append).numbers == found.numbers[::-1]
    assert len(told) == 1


def test_items_that_come_later_are_judged_by_the_same_model(learned):
    home, items, encoder = learned
    before = open_judge(home, encoder).numbers_of(items[:5])
    landed(home, [*catalogue(200), *catalogue(3, seed=7)], "second")
    judge = open_judge(home, encoder)
    assert judge.numbers_of(items[:5]) == before
    landed(home, catalogue(200), "first")


def test_a_model_by_another_encoder_is_not_used_and_it_is_said(learned, tmp_path):
    home, items, _ = learned
    other = load_encoder(str(tiny_checkpoint(tmp_path, ["tea"], layers=1)))
    found = read_listings(home, items[:2], other, QUIET)
    assert found.numbers == [(None,)] * 2
    assert "other means" in found.said


def test_odd_listings_have_a_chance(learned):
    home, _, encoder = learned
    odd = [Listing(name, text, text, text, text) for name, text in ODD_TEXTS.items()]
    for (number,) in open_judge(home, encoder).numbers_of(odd):
        assert 0 <= number <= SCALE


def line(one, **more):
    given = {"item_id": one.item_id, "title": one.title, "listed_at": "2017-12-30T18:00:00"}
    return json.dumps(given | more).encode()


def test_a_pushed_listing_has_the_values_that_the_next_build_gives_it(learned):
    home, items, _ = learned
    reader = open_reader(home, [one.title for one in items], QUIET)
    built = read_listings(home, items[:4], reader.encoder, QUIET).numbers
    texts = [
        {"description": one.description, "brand": one.brand, "category_path": one.category}
        for one in items[:4]
    ]
    given = [line(one, **more) for one, more in zip(items[:4], texts, strict=True)]
    for one, (good,), pushed in zip(items, built, feature_lines(home, given), strict=False):
        numbers = dict(zip(COLUMNS, numbers_of(reader, [one.title])[0], strict=True))
        row = item_row(one.item_id, datetime(2017, 12, 30, 18), numbers | {"listing_good": good})  # noqa: DTZ001
        assert json.loads(pushed) == json.loads(json.dumps(row, default=datetime.isoformat))


def test_a_listing_pushed_without_a_model_has_the_declared_default(settings):
    items = catalogue(5)
    open_reader(settings, [one.title for one in items], QUIET)
    (pushed,) = feature_lines(settings, [line(items[0])])
    model = next(m for m in read_feature_models(settings.dbt_dir) if m.name == "ftr_item__text")
    declared = {column.name: column.default for column in model.features}
    name = "item__listing_good_chance_last"
    assert json.loads(pushed)[name] == declared[name] == UNJUDGED
