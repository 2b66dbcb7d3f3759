"""The listing commands on the sample shop's own items: judge, propose, accept, take back."""

import json

import duckdb
import pytest
from sample_shop import counterfoil

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def home(sample_folder, tmp_path_factory):
    """A home whose items have landed, the first one with markup in its title."""
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("marked")
    for path in sample_folder.iterdir():
        (folder / path.name).symlink_to(path)
    (folder / "products.parquet").unlink()
    duckdb.execute(
        f"""
        copy (
            from '{sample_folder}/products.parquet'
            select * replace (if(
                cast(product_id as varchar) = min(cast(product_id as varchar)) over (),
                '<b>' || product_type || '</b>', product_type
            ) as product_type)
        ) to '{folder}/products.parquet'
        """
    )
    landed = counterfoil(home, "import", "complete_journey", "--source", str(folder))
    assert landed.returncode == 0, landed.stderr
    return home


def asked(home, *arguments):
    done = counterfoil(home, "listings", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_repair_is_proposed_applied_and_taken_back(home):
    proposed = asked(home, "propose", "--limit", "30")
    (repair,) = [row for row in proposed if row["field"] == "title"]  # capitals are the shop's way
    assert "<b>" in repair["before"]
    assert repair["after"].isupper()
    accepted = asked(home, "accept", repair["id"], "--by", "ann")
    assert (accepted["event"], accepted["by"]) == ("applied", "ann")
    assert repair["id"] not in {row["id"] for row in asked(home, "propose", "--limit", "30")}
    reverted = asked(home, "revert", repair["id"], "--by", "bob")
    assert (reverted["event"], reverted["before"]) == ("reverted", repair["before"])
    wrong = counterfoil(home, "listings", "revert", repair["id"])
    assert wrong.returncode == 2
    assert "cannot be reverted" in wrong.stderr


@pytest.mark.slow
def test_listings_are_judged_by_a_model_that_is_learned_once(home):
    first = counterfoil(home, "listings", "check", "--limit", "40", "--json")
    assert first.returncode == 0, first.stderr
    assert "learning" in first.stderr
    again = counterfoil(home, "listings", "check", "--limit", "40", "--json")
    assert "learning" not in again.stderr
    assert again.stdout == first.stdout
    rows = json.loads(again.stdout)
    assert len(rows) == 40
    assert all(0 <= row["good"] <= 1 for row in rows)
