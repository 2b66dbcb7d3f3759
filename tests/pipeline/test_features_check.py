"""``features check`` and its stage find every value that is not the same online and offline."""

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from sample_shop import counterfoil

from flows.stage_list import stage_named
from flows.stages import run_stage
from governance.audit import audit_document
from governance.declarations import read_feature_models
from governance.errors import ContractFailed
from governance.records import StageRun, session
from governance.settings import Settings

pytestmark = pytest.mark.pipeline

SERVICE, VIEW, FEATURE = "recommender_v3", "ftr_user__purchases", "user__order_count"
USERS = 12
QUIET = lambda text: None  # noqa: E731
LEFT_OUT = (
    "prefect", "raw", "quarantine", "training_sets", "warehouse.duckdb", "features", "dbt",
    "online.db*", "records.db*",  # a database in use is copied by its backup only
)  # fmt: skip


def _backed_up(source, copy):
    """By a process of its own: in this one a log that others have folded in may still be mapped."""
    code = "import sqlite3, sys; old, new = map(sqlite3.connect, sys.argv[1:]); old.backup(new)"
    subprocess.run([sys.executable, "-c", code, source, copy], check=True)


@pytest.fixture(scope="module")
def settings(shop_home, tmp_path_factory):
    """A copy of the built home whose online store and records may be altered."""
    from feature_repo.store import apply

    home = tmp_path_factory.mktemp("checked") / "h"
    shutil.copytree(shop_home, home, ignore=shutil.ignore_patterns(*LEFT_OUT))
    (home / "features").mkdir()
    for path in (shop_home / "features").glob("*.parquet"):
        (home / "features" / path.name).symlink_to(path)
    for name in ("online.db", "records.db"):
        _backed_up(shop_home / name, home / name)
    with closing(sqlite3.connect(home / "records.db")) as records:
        records.execute("delete from decision")  # other tests may have asked this home
        records.commit()
    apply(Settings(home=home))  # the registry names the copy's own files
    return Settings(home=home)


@pytest.fixture(scope="module")
def predictor(settings):
    from serving.predictor import load_predictor

    return load_predictor(settings)


@pytest.fixture(scope="module")
def answered(settings, predictor):
    """Answers to some users and a stranger, whose reads are in the records."""
    found = live(settings, sample=60)
    users = [r.entity_id for r in found if r.entity == "user_id"][:USERS]
    assert len(users) == USERS
    answer(predictor, *users, "a stranger")
    return settings


def answer(predictor, *users):
    from serving.wish import RecommendRequest

    wishes = [RecommendRequest(user_id=user) for user in users]
    predictor.answer(wishes, requested_at=datetime.now(UTC))


def live(settings, *, sample=200):
    from feature_repo.sampled_reads import live_reads

    return live_reads(settings, sample=sample, now=datetime.now(UTC))


def check(settings):
    from flows.steps.check_online import run

    return run(settings, QUIET).facts["reads"]


def refused(settings):
    """What the check says about each feature that differs, and its report."""
    with pytest.raises(ContractFailed) as caught:
        check(settings)
    report = json.loads((settings.reports_dir / "online_check.json").read_text())
    return {(name, how): (bad, sample) for name, how, bad, sample in caught.value.failures}, report


class Records:
    """One view's records as they lie in the online store."""

    def __init__(self, settings, view=VIEW):
        from feature_repo.online import row_format
        from feature_repo.store import open_store

        store = open_store(settings)
        model = next(m for m in read_feature_models(settings.dbt_dir) if m.name == view)
        self.layout = row_format(model)
        self.backend = store._get_provider().online_store.backend(store.config)

    def __getitem__(self, key):
        [[record]] = self.backend.read([self.layout], self._keys(key))
        return record

    def __setitem__(self, key, record):
        with self.backend.writing(self.layout):
            self.backend.write(self.layout, self._keys(key), [record])

    def _keys(self, key):
        from feature_repo.stores.packed_rows import key_bytes

        return key_bytes(self.layout.keys, [[key]])


@contextmanager
def altered(settings, key, feature=FEATURE, by=1):
    """The store holds another value for one feature of one entity, for a while."""
    records = Records(settings)
    before = records[key]
    row = np.frombuffer(before, dtype=records.layout.dtype).copy()
    row[f"f_{feature}"] += by
    records[key] = row.tobytes()
    yield
    records[key] = before


@pytest.fixture
def user(answered):
    """A user of the live sample whose every value is known."""
    found = (r for r in live(answered) if r.entity == "user_id" and None not in r.values.values())
    return next(found).entity_id


def test_what_predictors_logged_is_what_offline_knew_at_that_instant(answered):
    reads = check(answered)
    assert reads["logged"] == (USERS + 1) * 5
    assert reads["live"] == 200 - reads["logged"]
    assert reads["superseded"] == reads["decisions_set_aside"] == 0


def test_live_reads_hold_an_unknown_id_and_are_the_same_every_time(answered):
    from feature_repo.sampled_reads import NO_SUCH_ID

    found = live(answered, sample=50)
    assert [r.entity for r in found].count("user_id") == 25
    assert NO_SUCH_ID in {r.entity_id for r in found}
    assert all(v is None for r in found if r.entity_id == NO_SUCH_ID for v in r.values.values())
    assert [r.values for r in found] == [r.values for r in live(answered, sample=50)]


def test_one_altered_record_is_a_mismatch_of_that_feature_and_no_other(answered, user):
    with altered(answered, user):
        failures, report = refused(answered)
    ((key, (bad, sample)),) = failures.items()
    assert key == (FEATURE, "online = offline")
    assert bad == 1
    assert f"user_id={user} " in sample
    (row,) = [row for row in report["features"] if row["mismatch"]]
    assert (row["feature"], row["max_difference"], row["missing"], row["extra"]) == (
        FEATURE,
        1,
        0,
        0,
    )
    assert report["samples"][0]["online"] == report["samples"][0]["offline"] + 1
    check(answered)


def test_a_deleted_record_is_missing_in_every_feature_of_its_view(answered, user):
    from feature_repo.online import delete_entities
    from feature_repo.services import service_models
    from feature_repo.store import open_store

    views = [model.name for model in service_models(SERVICE) if model.entities == ("user_id",)]
    before = {view: Records(answered, view)[user] for view in views}
    delete_entities(open_store(answered), entity="user_id", ids=[user])
    failures, _ = refused(answered)
    for view, record in before.items():
        Records(answered, view)[user] = record
    assert {how for _, how in failures} == {"online has it"}
    assert {name for name, _ in failures} == set(
        next(r for r in live(answered) if r.entity_id == user).values
    )
    assert {bad for bad, _ in failures.values()} == {1}
    check(answered)


def test_a_record_that_offline_never_had_is_extra(answered, user):
    from feature_repo.online import delete_entities
    from feature_repo.sampled_reads import NO_SUCH_ID
    from feature_repo.store import open_store

    records = Records(answered)
    records[NO_SUCH_ID] = records[user]
    failures, _ = refused(answered)
    delete_entities(open_store(answered), entity="user_id", ids=[NO_SUCH_ID])
    assert {how for _, how in failures} == {"offline has it"}
    assert (FEATURE, "offline has it") in failures
    check(answered)


def test_the_command_ends_with_one_and_names_feature_entity_and_values(answered, user):
    with altered(answered, user):
        done = counterfoil(answered.home_dir, "features", "check", "--sample", "200")
        assert done.returncode == 1, done.stderr
        (line,) = [text for text in done.stdout.splitlines() if text.startswith(f"{FEATURE} ")]
        assert line.split()[2] == "1"
        assert "1 of " in done.stdout.splitlines()[-1]
        assert done.stderr.startswith("error: online features are not the offline ones: 1 of ")
        assert f"user_id={user} at " in done.stderr
        assert "ftr_user__purchases.yml" in done.stderr
        assert f"counterfoil features show {VIEW} --rows {user}" in done.stderr
    done = counterfoil(answered.home_dir, "features", "check", "--sample", "20", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["reads"]["logged"] == 20


def test_a_difference_fails_the_stage_and_so_the_flow(answered, user):
    with altered(answered, user), pytest.raises(ContractFailed, match="not the offline ones"):
        run_stage(stage_named("check_online"), answered, flow_run="t", progress=QUIET)
    row = audit_document(answered)["stages"][-1]
    assert (row["stage"], row["status"]) == ("check_online", "failed")


def pushed(settings, row):
    """Push one row through the command's own way, at the time of day."""
    from feature_repo.push import model_named, push
    from feature_repo.pushed_rows import from_arrow

    model = model_named(settings, VIEW)
    given = from_arrow(model, pa.Table.from_pylist([row]))
    return push(settings, model, given, created_at=datetime.now(UTC))


def test_reads_before_and_after_pushes_each_replay_as_they_were(answered, predictor, user):
    from feature_repo.sampled_reads import logged_reads

    now = next(r for r in live(answered) if r.entity_id == user)
    built = now.at.views[VIEW].replace(tzinfo=None)
    row = {k: v for k, v in now.values.items() if k in columns_of(VIEW)} | {"user_id": user}
    whole = {k: int(v) for k, v in row.items() if "_count" in k}
    answer(predictor, user)
    for after, count in ((timedelta(hours=6), 7_000), (timedelta(days=-1), 8_000)):
        new = row | whole | {FEATURE: count, "event_timestamp": built + after}
        assert pushed(answered, new).online_written == (count == 7_000)
        answer(predictor, user)
    reads = logged_reads(answered, sample=15).reads
    counts = [r.values[FEATURE] for r in reads if r.entity_id == user]
    assert counts == [7_000, 7_000, row[FEATURE]]
    assert reads[0].at.clock - reads[-1].at.clock == timedelta(hours=6)
    assert check(answered)["live"] > 100


def columns_of(view):
    from feature_repo.definitions import SERVICES

    return SERVICES[SERVICE][view]


def test_a_wrong_value_that_was_served_is_found_after_the_store_was_mended(
    answered, predictor, user
):
    with altered(answered, user, by=40):
        answer(predictor, user)
    failures, report = refused(answered)
    assert failures.keys() == {(FEATURE, "online = offline")}
    assert [sample["origin"] for sample in report["samples"]] == ["logged"]
    with session(answered) as records:  # from here on the build is another one
        for stage in ("transform", "materialise"):
            records.add(
                StageRun(
                    flow_run="t", stage=stage, status="done", fingerprint="of a correction",
                    seconds=1.0, summary="",
                )
            )  # fmt: skip
    reads = check(answered)
    assert reads["superseded"] == reads["logged"] > 0
    assert reads["live"] == 200
    report = json.loads((answered.reports_dir / "online_check.json").read_text())
    assert {r["feature"] for r in report["features"] if r["superseded"]} == {FEATURE}
