"""What the command proposes for a landed shop: attributes that its own package sizes vouch for."""

from datetime import UTC, datetime

import duckdb
import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.importers.landing import land
from flows.listings import accept, propose_repairs, revert
from governance.settings import Settings

ROWS = """
select
    lpad(n::varchar, 4, '0') as item_id,
    case n % 3
        when 0 then 'Acme wine 750 ml' when 1 then 'Acme cable 3 m' else 'Acme desk lamp blk'
    end as title,
    null::varchar as description, 'Acme' as brand, 'Shop > Things' as category_path,
    null::varchar as manufacturer_id,
    case
        when n < 3 then null when n % 3 = 0 then '750 ML' when n % 3 = 1 and n < 28 then '5 M'
    end as package_size,
    1.0::double as price_listed, null::timestamp as listed_at, false as is_synthetic
from range(300) as r(n)
"""


@pytest.fixture
def settings(tmp_path):
    settings = Settings(home=tmp_path)
    with duckdb.connect() as con:
        land(
            "items", ROWS, con, shop=settings.shop, raw_dir=settings.raw_dir, source="items",
            source_sha256="1", landed_at=datetime(2026, 1, 1, tzinfo=UTC),
        )  # fmt: skip
    return settings


def test_attributes_are_proposed_where_the_shops_sizes_confirm_titles_and_do_not_tell(settings):
    found = propose_repairs(settings, limit=9, actor="test")
    rows = {(one.item_id, one.field): one for one in found if one.kind == "attribute"}
    assert sorted(rows) == [
        ("0000", "attributes.volume"),  # 0003 and 0006 have a package size that says it
        ("0002", "attributes.colour"),
        ("0005", "attributes.colour"),
        ("0008", "attributes.colour"),
    ]  # and no length, not even of 0001: the sizes of eight cables contradict their titles
    volume = rows["0000", "attributes.volume"]
    assert (volume.before_json, volume.after_json) == ("null", '"0.75 l"')
    assert 0.98 <= volume.confidence < 1


def test_an_accepted_attribute_holds_until_it_is_taken_back(settings):
    def waiting():
        found = propose_repairs(settings, limit=1, actor="test")
        return {one.field: one.repair_id for one in found}

    repair = waiting()["attributes.volume"]
    assert accept(settings, repair, actor="ann").event == "applied"
    assert "attributes.volume" not in waiting()
    assert revert(settings, repair, actor="bob").event == "reverted"
    assert waiting()["attributes.volume"] == repair


def test_the_command_shows_them(settings, monkeypatch):
    monkeypatch.setattr("flows.cli_listings.active_settings", lambda: settings)
    result = CliRunner().invoke(app, ["listings", "propose", "--limit", "1", "--json"])
    assert result.exit_code == 0
    assert '"0.75 l"' in result.stdout
