"""Generated cases of the point-in-time join, and the answer by looking at every row in Python.

Times are microseconds after DAY_0. Shared by the unit tests, Feast's second witness and the bench.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from feature_repo.stores.feature_table import FeatureTable

DAY_0 = datetime(2017, 1, 1)  # noqa: DTZ001  the files hold naive UTC
US = pa.timestamp("us")
HOUR = 3_600_000_000
TTLS = (None, timedelta(hours=2), timedelta(hours=5))

# Few hours, each with its neighbours one microsecond away: ties and edges of a ttl are common.
moments = st.builds(lambda hour, off: hour * HOUR + off, st.integers(1, 8), st.integers(-1, 1))
keys = st.sampled_from(["1", "11", "b"])
maybe_keys = st.one_of(st.none(), keys)
feature_rows = st.lists(
    st.tuples(
        maybe_keys, maybe_keys, moments, st.one_of(st.none(), moments),
        st.one_of(st.none(), st.integers(0, 9)),
    ),
    max_size=25,
)  # fmt: skip
label_rows = st.lists(
    st.tuples(
        st.one_of(maybe_keys, st.just("unseen")), maybe_keys, st.one_of(st.none(), moments)
    ),
    max_size=12,
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """How the rows are joined: by one key or two, with which ttl, as known then or as known now."""

    is_composite: bool = False
    ttl: timedelta | None = None
    known_only: bool = True


cases = st.builds(Case, st.booleans(), st.sampled_from(TTLS), st.booleans())


def at(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else DAY_0 + timedelta(microseconds=microseconds)


def times(values, kind=US) -> pa.Array:
    return pa.array([at(value) for value in values], US).cast(kind)


def columns_of(rows, width: int) -> list[list]:
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]


def feature_frame(rows, *, first_place: int = 0) -> pa.Table:
    """The rows as a feature table; place tells which row a label has seen."""
    k1, k2, event, created, value = columns_of(rows, 5)
    return pa.table(
        {
            "k1": pa.array(k1, pa.string()),
            "k2": pa.array(k2, pa.string()),
            "event_at": times(event),
            "created_at": times(created),
            "v": pa.array(value, pa.int64()),
            "place": pa.array(range(first_place, first_place + len(rows)), pa.int64()),
        }
    )


def label_frame(rows, kind=US) -> pa.Table:
    k1, k2, label_at = columns_of(rows, 3)
    return pa.table(
        {
            "extra": pa.array(range(len(rows)), pa.int64()),
            "label_k1": pa.array(k1, pa.string()),
            "label_k2": pa.array(k2, pa.string()),
            "at": times(label_at, kind),
        }
    )


def write_features(path: Path, rows) -> None:
    pq.write_table(feature_frame(rows), path)


def feature_table(*paths: Path, case: Case = Case()) -> FeatureTable:
    pairs = (("label_k1", "k1"), ("label_k2", "k2"))
    return FeatureTable(
        paths=tuple(map(str, paths)),
        keys=pairs if case.is_composite else pairs[:1],
        event_at="event_at",
        created_at="created_at",
        features=(("value", "v"), ("place", "place")),
        ttl=case.ttl,
    )


def seen_place(rows, label, case: Case) -> int | None:
    """The index of the feature row that a label sees, or None: every row is looked at."""
    k1, k2, label_at = label
    if label_at is None or k1 is None or (case.is_composite and k2 is None):
        return None
    best = None
    for index, (f1, f2, event, created, _) in enumerate(rows):
        if f1 != k1 or (case.is_composite and f2 != k2) or event > label_at:
            continue
        if case.known_only and created is not None and created > label_at:
            continue
        rank = (event, -1 if created is None else created, index)
        best = rank if best is None else max(best, rank)
    if best is None:
        return None
    too_old = case.ttl is not None and timedelta(microseconds=label_at - best[0]) > case.ttl
    return None if too_old else best[2]
