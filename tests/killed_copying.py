"""A materialisation in a process of its own, so that a test can kill it: no Feast, no waiting.

``python tests/killed_copying.py sqlite PATH|redis HOST:PORT TABLE END KILL_AT``: after the chunk
with that number the process kills itself (SIGKILL); with 0 it runs to its end.
"""

import os
import signal
import sys
from datetime import datetime, timedelta

from feature_repo.stores.copying import copy_newest
from feature_repo.stores.feature_table import FeatureTable, connect
from feature_repo.stores.newest_rows import NewestRows
from feature_repo.stores.packed_rows import RowFormat

FEATURES = (("flag", "boolean"), ("n", "bigint"), ("x", "double"))
LAYOUT = RowFormat(view="v", keys=("item_id",), fields=FEATURES)
TTL = timedelta(days=365)
CHUNK_ROWS = 16


def open_backend(kind, place):
    if kind == "sqlite":
        from pathlib import Path

        from feature_repo.stores.packed_sqlite import SqliteBackend

        return SqliteBackend(Path(place))
    from feature_repo.stores.packed_redis import RedisBackend

    return RedisBackend(place, "test")


def copy(backend, paths, *, end, layout=LAYOUT, progress=None, is_whole=True, days=TTL):
    """One materialisation of Parquet files, with chunks of a few rows."""
    table = FeatureTable(
        paths=tuple(map(str, paths)),
        keys=tuple((key, key) for key in layout.keys),
        event_at="event_timestamp",
        created_at="created_at",
        features=tuple((name, name) for name, _ in layout.fields),
    )
    with connect(threads=1, memory_limit="512MB") as connection:
        rows = NewestRows(connection, table, end - days, end, CHUNK_ROWS)
        return copy_newest(
            backend.copying(layout), layout, rows, is_whole=is_whole, progress=progress
        )


def main():
    kind, place, table, end, kill_at = sys.argv[1:]
    seen = []

    def kill(done, total):
        seen.append((done, total))
        if len(seen) == int(kill_at):
            os.kill(os.getpid(), signal.SIGKILL)

    copy(open_backend(kind, place), [table], end=datetime.fromisoformat(end), progress=kill)


if __name__ == "__main__":
    main()
