"""The daily materialisation, killed on its way and run again; and a push killed on its way."""

import signal
import subprocess
import sys
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sample_features import AS_OF, write_features
from sample_shop import environment

from governance.declarations import read_feature_models
from governance.settings import PROJECT_ROOT, Settings

pytestmark = pytest.mark.pipeline

MATERIALISE = """
import os, signal
from datetime import datetime
from feature_repo import store
from feature_repo.stores import arrow_engine
from governance.settings import get_settings

arrow_engine.CHUNK_ROWS = 7
seen = []

def kill(view, done, total):
    seen.append(view)
    if len(seen) == {at}:
        os.kill(os.getpid(), signal.SIGKILL)

store.materialise(get_settings(), as_of=datetime.fromisoformat("{as_of}"), progress=kill)
"""
PUSH = """
import os, signal
from datetime import datetime
from pathlib import Path
from feature_repo import push
from feature_repo.pushed_rows import read_rows
from governance.settings import get_settings

push._write_online = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
model = push.model_named(get_settings(), "{table}")
given = read_rows(model, Path("{path}"))
push.push(get_settings(), model, given, created_at=datetime.fromisoformat("{at}"))
"""
TABLE = "ftr_item__sales"


def killed(settings, script):
    done = subprocess.run(
        [sys.executable, "-O", "-c", script], cwd=PROJECT_ROOT, env=environment(settings.home_dir),
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr


def records(settings):
    """Everything online, by view and entity; the registry's own times are not compared."""
    from feature_repo.row_layout import row_format
    from feature_repo.stores.packed_rows import key_bytes
    from feature_repo.stores.packed_sqlite import SqliteBackend

    backend, ids = SqliteBackend(settings.online_path), [str(number) for number in range(100)]
    models = read_feature_models(settings.dbt_dir)
    found = {m.name: backend.read([row_format(m)], key_bytes(m.entities, [ids])) for m in models}
    return found, backend.states([m.name for m in models])


def test_a_killed_materialisation_run_again_ends_as_if_it_had_not_been(tmp_path):
    from feature_repo import store

    settings, calm = Settings(home=tmp_path / "home"), Settings(home=tmp_path / "calm")
    for place in (settings, calm):
        write_features(place, seed=1)
        store.apply(place)
    store.materialise(calm, as_of=AS_OF)
    expected = records(calm)
    for at in (2, 9):
        killed(settings, MATERIALISE.format(at=at, as_of=AS_OF.isoformat()))
    seen = []
    store.materialise(settings, as_of=AS_OF, progress=lambda *state: seen.append(state))
    assert records(settings) == expected
    assert all(done <= total for _, done, total in seen)


def test_a_push_killed_before_it_came_online_is_mended_by_the_same_push(tmp_path):
    from feature_repo import store
    from feature_repo.push import model_named, push
    from feature_repo.pushed_rows import read_rows

    settings = Settings(home=tmp_path / "home")
    write_features(settings, seed=1)
    store.apply(settings)
    store.materialise(settings, as_of=AS_OF)
    path = tmp_path / "rows.parquet"
    base = pq.read_table(settings.features_dir / f"{TABLE}.parquet").drop_null().slice(0, 40)
    pq.write_table(base.set_column(0, "item_id", pa.array([f"new{n}" for n in range(40)])), path)
    before, model = records(settings), model_named(settings, TABLE)
    at = AS_OF + timedelta(days=90)  # after every event of the rows
    killed(settings, PUSH.format(table=TABLE, path=path, at=at.isoformat()))
    assert records(settings) == before
    folder = settings.features_dir / "pushed" / TABLE
    assert len(list(folder.glob("*.parquet"))) == 1
    done = push(settings, model, read_rows(model, path), created_at=at)
    assert (done.rows, done.online_written, done.is_repeat) == (40, 40, True)
    assert [done.offline_file] == list(folder.glob("*.parquet"))
