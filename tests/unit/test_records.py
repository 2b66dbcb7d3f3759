"""Records are appended under migrations, and the release gate is strict."""

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import HeadMaintainer, MigrationContext
from sqlmodel import SQLModel, select

from governance.errors import StateError
from governance.records import Release, StageRun, migrate, open_records, session
from governance.releases import OTHER_WEEKS, bar_of, champion_version, decide, latest_release
from governance.settings import Settings


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path)


def test_the_migrations_build_exactly_the_declared_tables(settings):
    engine = open_records(settings.records_database_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        differences = compare_metadata(context, SQLModel.metadata)
    assert differences == []


def test_migrating_twice_does_nothing(settings):
    engine = open_records(settings.records_database_url)
    migrate(engine)
    assert "alembic_version" in sa.inspect(engine).get_table_names()


def test_an_error_rolls_the_transaction_back(settings):
    run = StageRun(flow_run="r", stage="s", status="done", fingerprint="f", seconds=1.0, summary="")
    with pytest.raises(RuntimeError):
        add_and_fail(settings, run)
    with session(settings) as records:
        assert records.exec(select(StageRun)).all() == []


def add_and_fail(settings, run):
    with session(settings) as records:
        records.add(run)
        raise RuntimeError


@pytest.mark.parametrize("url", ["sqlite:////proc/none/records.db", "nonsense://x/y"])
def test_a_store_that_cannot_be_opened_is_one_clear_error(tmp_path, url):
    with (
        pytest.raises(StateError, match="record store cannot be opened") as caught,
        session(Settings(home=tmp_path, records_url=url)),
    ):
        pass
    assert "COUNTERFOIL_RECORDS_URL" in caught.value.next_step


@pytest.mark.parametrize(
    ("challenger", "champion", "floors", "is_released"),
    [
        (0.30, None, {"p": 0.1, "f": 0.2}, True),
        (0.30, 0.29, {"p": 0.1, "f": 0.2}, True),
        (0.30, 0.30, {"p": 0.1, "f": 0.2}, False),
        (0.30, 0.10, {"p": 0.1, "f": 0.30}, False),
        (0.30, None, {"p": 0.4, "f": 0.2}, False),
        (float("nan"), None, {"p": 0.1, "f": 0.2}, False),
    ],
)
def test_a_challenger_must_beat_champion_and_every_floor(challenger, champion, floors, is_released):
    verdict = decide(challenger=challenger, champion=champion, floors=floors)
    assert verdict.is_released is is_released
    assert verdict.comparison["challenger"] is challenger


def test_a_migration_that_was_killed_is_done_again(tmp_path, monkeypatch):
    """SQLite would keep tables whose version was never written, and refuse them ever after."""
    settings = Settings(home=tmp_path / "killed")
    written = HeadMaintainer.update_to_step

    def killed(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr(HeadMaintainer, "update_to_step", killed)
    with pytest.raises(KeyboardInterrupt), session(settings):
        pass
    monkeypatch.setattr(HeadMaintainer, "update_to_step", written)
    assert champion_version(settings, "recommender") is None


def _judged(test: str, reached: float, floor: float) -> dict[str, object]:
    return {
        "cutoffs": {"test": test},
        "metrics": {"ndcg_at_10": reached},
        "floors": {"p": {"ndcg_at_10": floor / 2}, "f": {"ndcg_at_10": floor}},
    }


def test_an_easy_month_of_the_champion_sets_no_bar_for_harder_weeks():
    champion, harder = _judged("week 49", 0.24, 0.20), _judged("week 50", 0.18, 0.15)
    assert bar_of(champion, _judged("week 49", 0.23, 0.20)) == 0.24
    assert bar_of(champion, harder) == pytest.approx(0.15 * 1.2 * (1 - OTHER_WEEKS))
    assert decide(challenger=0.18, champion=bar_of(champion, harder), floors={}).is_released
    assert not decide(challenger=0.17, champion=bar_of(champion, harder), floors={}).is_released


def test_the_champion_itself_is_never_released_again():
    assert not decide(challenger=1.0, champion=0.1, floors={}, is_same_version=True).is_released


def test_the_champion_is_the_newest_granted_release(settings):
    assert champion_version(settings, "recommender") is None
    for version, granted in (("v1", True), ("v2", True), ("v3", False)):
        with session(settings) as records:
            records.add(
                Release(
                    model_name="recommender", challenger_version=version, champion_version=None,
                    is_released=granted, reason="", comparison={},
                )
            )  # fmt: skip
    assert champion_version(settings, "recommender") == "v2"
    assert latest_release(settings, "other") is None
