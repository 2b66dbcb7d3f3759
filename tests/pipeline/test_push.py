"""Push, by our command and by Feast's API: online and offline together, late rows land right."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sample_features import AS_OF, US, write_features
from sample_shop import counterfoil

from feature_repo.push import model_named, push
from feature_repo.pushed_rows import from_arrow, read_rows
from governance.errors import ContractFailed, InputError, StateError
from governance.settings import Settings

pytestmark = pytest.mark.pipeline

SERVICE = "recommender_v1"
TABLE = "ftr_user__purchases"
NOW = AS_OF + timedelta(days=30)


@pytest.fixture(params=["sqlite", "redis"])
def shop(request, tmp_path, store_api):
    """(settings, Feast's store) of a materialised shop of generated tables."""
    chosen = {"online_store": "sqlite"}
    if request.param == "redis":
        from feature_repo.stores.packed_redis import RedisBackend

        url = request.getfixturevalue("redis_url")
        RedisBackend(url, "any")._redis.flushall()
        chosen = {"online_store": "redis", "redis_url": url}
    settings = Settings(home=tmp_path / "home", **chosen)
    write_features(settings, seed=0)
    store = store_api.apply(settings)
    store_api.materialise(settings, as_of=AS_OF)
    return settings, store


def row(model, user, *, event, value, created=None):
    """One row whose features all hold ``value``; times are days from AS_OF."""
    given = {"user_id": user, model.timestamp: (AS_OF + timedelta(days=event)).isoformat()}
    if created is not None:
        given[model.created_timestamp] = (AS_OF + timedelta(days=created)).isoformat()
    return given | {column.name: value for column in model.features}


def write_lines(path, rows):
    path.write_text("".join(json.dumps(given) + "\n" for given in rows))
    return path


def push_lines(settings, path, *, now=NOW):
    model = model_named(settings, TABLE)
    return push(settings, model, read_rows(model, path), created_at=now)


def online(store_api, store, user):
    matrix = store_api.read_matrix(store, SERVICE, entity="user_id", ids=[user], as_of=NOW)
    return matrix.values[0, 0]


def offline(store_api, settings, user, *, at):
    labels = pa.table({"user_id": [user], "item_id": ["0"], "event_timestamp": pa.array([at], US)})
    joined = store_api.historical_features(labels, service=SERVICE, settings=settings)
    return joined[store_api.service_columns(SERVICE)[0].name][0].as_py()


def test_pushed_rows_are_online_and_offline_and_outlive_the_next_build(shop, tmp_path, store_api):
    settings, store = shop
    model = model_named(settings, TABLE)
    rows = [
        row(model, "new", event=1, value=2, created=1),
        row(model, "new", event=3, value=4),  # created when it is pushed
        row(model, "new", event=2, value=3, created=29),  # out of order
        row(model, "late", event=-300, value=7),  # known only after the last build's day
        row(model, "late", event=-10, value=8),
    ]
    before = offline(store_api, settings, "late", at=AS_OF)
    done = push_lines(settings, write_lines(tmp_path / "rows.jsonl", rows))
    assert (done.rows, done.online_written, done.online_kept) == (5, 2, 3)
    assert done.offline_file.parent == settings.features_dir / "pushed" / TABLE
    for _ in range(2):
        assert online(store_api, store, "new") == 4
        assert online(store_api, store, "late") == 8
        days = {1: 2, 29: 3, 31: 4}
        for day, value in days.items():
            at = AS_OF + timedelta(days=day)
            assert offline(store_api, settings, "new", at=at) == value
        assert offline(store_api, settings, "late", at=NOW) == 8
        assert offline(store_api, settings, "late", at=AS_OF) == before
        store_api.materialise(settings, as_of=AS_OF)
    store_api.materialise(settings, as_of=NOW)
    assert [online(store_api, store, user) for user in ("new", "late")] == [4, 8]


def test_pushing_the_same_file_again_changes_nothing(shop, tmp_path, store_api):
    settings, store = shop
    model = model_named(settings, TABLE)
    path = write_lines(tmp_path / "rows.jsonl", [row(model, "7", event=1, value=5)])
    first = push_lines(settings, path)
    again = push_lines(settings, path, now=NOW + timedelta(days=1))
    assert (again.online_written, again.online_kept, again.is_repeat) == (0, 1, True)
    assert again.offline_file == first.offline_file
    assert len(list(first.offline_file.parent.glob("*.parquet"))) == 1
    assert online(store_api, store, "7") == 5


def test_a_push_killed_before_it_came_online_is_mended_by_the_same_push(shop, tmp_path, store_api):
    settings, store = shop
    model = model_named(settings, TABLE)
    path = write_lines(tmp_path / "rows.jsonl", [row(model, "7", event=1, value=5)])
    place = settings.features_dir / "pushed" / TABLE
    blocked = settings.model_copy(update={"home": tmp_path / "unbuilt"})
    with pytest.raises(StateError, match="is not ready online"):
        push_lines(blocked.model_copy(update={"redis_url": f"{settings.redis_url},db=3"}), path)
    first = push_lines(settings, path)
    kept = first.offline_file.read_bytes()
    store_api.materialise(settings, as_of=AS_OF - timedelta(days=1))
    assert first.offline_file.read_bytes() == kept
    assert push_lines(settings, path).is_repeat
    assert online(store_api, store, "7") == 5
    assert [file.name for file in place.glob("*.parquet")] == [first.offline_file.name]


def test_one_bad_row_refuses_all_with_row_column_and_why(shop, tmp_path, store_api):
    settings, store = shop
    model = model_named(settings, TABLE)
    before = online(store_api, store, "7")
    good = row(model, "7", event=1, value=5)
    bad = [
        ({"user__order_count": -1}, "user__order_count", ">= 0", "row 3 user__order_count=-1"),
        ({"user__order_count": "five"}, "user__order_count", "is bigint", 'row 3 "five"'),
        ({"user__order_count": 1.5}, "user__order_count", "is bigint", "row 3 1.5"),
        ({"user__order_count": None}, "user__order_count", "not null", "row 3 "),
        ({"user__order_cuont": 1}, "user__order_cuont", "is declared", "row 3"),
        ({"user_id": None}, "user_id", "not null", "row 3 user_id=None"),
        ({model.timestamp: "yesterday"}, model.timestamp, "is timestamp", 'row 3 "yesterday"'),
    ]
    for change, column, check, sample in bad:
        lines = json.dumps(good) + "\n\n" + json.dumps(good | {"user_id": "8"} | change) + "\n"
        (tmp_path / "bad.jsonl").write_text(lines)
        with pytest.raises(ContractFailed) as caught:
            push_lines(settings, tmp_path / "bad.jsonl")
        found = {(c, k): s for c, k, _, s in caught.value.failures}
        assert found[column, check].startswith(sample), found
        assert f"{model.path}" in str(caught.value)
    (tmp_path / "bad.jsonl").write_text("{not json}\n")
    with pytest.raises(ContractFailed, match="row 1"):
        push_lines(settings, tmp_path / "bad.jsonl")
    assert online(store_api, store, "7") == before or np.isnan(before)
    assert not list((settings.features_dir / "pushed").rglob("*.parquet"))


def test_a_parquet_file_is_read_by_its_types(shop, tmp_path, store_api):
    settings, store = shop
    model = model_named(settings, TABLE)
    given = row(model, "7", event=1, value=6)
    at = pa.array([datetime.fromisoformat(given[model.timestamp]).replace(tzinfo=UTC)])
    columns = {name: pa.array([value], pa.int32()) for name, value in list(given.items())[2:]}
    table = pa.table(
        {"user_id": pa.array(["7"]).dictionary_encode(), model.timestamp: at, **columns}
    )
    pq.write_table(table, tmp_path / "rows.parquet")
    assert push_lines(settings, tmp_path / "rows.parquet").online_written == 1
    assert online(store_api, store, "7") == 6
    name = model.features[0].name
    texts = table.set_column(table.schema.get_field_index(name), name, pa.array(["6"]))
    with pytest.raises(ContractFailed, match="the column is string"):
        from_arrow(model, texts)
    with pytest.raises(InputError, match="cannot be read"):
        read_rows(model, tmp_path / "absent.jsonl")


def test_feasts_own_push_comes_to_both_stores(shop, store_api):
    from feast.data_source import PushMode

    settings, store = shop
    model = model_named(settings, TABLE)
    rows = [
        row(model, "new", event=3, value=4, created=3),
        row(model, "new", event=2, value=3, created=4),
    ]
    for given in rows:
        for name in (model.timestamp, model.created_timestamp):
            given[name] = datetime.fromisoformat(given[name])
    frame = pa.Table.from_pylist(rows).to_pandas()
    wholes = {c.name: "int64" if c.data_type == "bigint" else "float64" for c in model.features}
    frame = frame.astype(wholes)
    for given in (frame[:1], frame[1:]):  # out of order
        store.push(f"{TABLE}_push", given, to=PushMode.ONLINE_AND_OFFLINE)
    assert online(store_api, store, "new") == 4
    assert offline(store_api, settings, "new", at=NOW) == 4
    assert offline(store_api, settings, "new", at=AS_OF + timedelta(days=2)) is None
    store_api.materialise(settings, as_of=NOW)
    assert online(store_api, store, "new") == 4


def test_the_command_pushes_a_file_or_a_pipe_and_says_what_it_did(tmp_path, store_api):
    settings = Settings(home=tmp_path / "home")
    write_features(settings, seed=0)
    store = store_api.apply(settings)
    store_api.materialise(settings, as_of=AS_OF)
    model = model_named(settings, TABLE)
    path = write_lines(tmp_path / "rows.jsonl", [row(model, "7", event=1, value=5)])
    done = counterfoil(settings.home_dir, "push", TABLE, str(path), "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["rows"], answer["online_written"], answer["online_kept"]) == (1, 1, 0)
    assert answer["offline_file"].endswith(".parquet")
    assert online(store_api, store, "7") == 5
    write_lines(path, [row(model, "7", event=1, value=-5)])
    refused = counterfoil(settings.home_dir, "push", TABLE, str(path))
    assert refused.returncode == 1
    assert "user__order_count=-5" in refused.stderr
    unknown = counterfoil(settings.home_dir, "push", "ftr_none", str(path))
    assert unknown.returncode == 2
    assert "no feature table is named ftr_none" in unknown.stderr


def test_an_event_from_the_future_is_refused_and_moves_no_clock(shop, tmp_path, store_api):
    settings, store = shop
    model = model_named(settings, TABLE)
    before = store_api.read_matrix(store, SERVICE, entity="user_id", ids=["1"]).clock
    path = write_lines(tmp_path / "rows.jsonl", [row(model, "1", event=33, value=1)])
    with pytest.raises(ContractFailed, match="row 1"):
        push_lines(settings, path)
    assert store_api.read_matrix(store, SERVICE, entity="user_id", ids=["1"]).clock == before


def test_the_command_takes_rows_from_a_pipe(shop):
    settings, _ = shop
    if settings.online_store == "redis":
        pytest.skip("the pipe is the same for both stores")
    model = model_named(settings, TABLE)
    line = json.dumps(row(model, "1", event=1, value=7))
    pushed = counterfoil(settings.home_dir, "push", TABLE, "-", "--json", piped=line)
    assert pushed.returncode == 0, pushed.stderr
    assert json.loads(pushed.stdout)["rows"] == 1
