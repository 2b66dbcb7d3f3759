"""What counts as the same value, which reads are compared, and when an old read may differ."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_repo.consistency import (
    EQUAL,
    EXTRA,
    MISMATCH,
    MISSING,
    Read,
    kinds_of,
    tally,
)
from feature_repo.pushed_replay import KnownRows, as_floats
from feature_repo.sampled_reads import ITEMS_A_DECISION, logged_reads
from feature_repo.services import schema_hash
from feature_repo.stores.packed_rows import microseconds
from governance.builds import read_builds
from governance.receipts import Decided, Evidence, Identity, ReadAt, record_decisions
from governance.records import StageRun, session
from governance.settings import Settings

AT = datetime(2017, 12, 31, tzinfo=UTC)
TODAY = datetime(2026, 5, 1, tzinfo=UTC)  # pushes happen on a day, whatever the data's own time
SERVICE = "recommender_v1"
STATE = ReadAt(AT, {"ftr_user__purchases": AT})

cells = st.one_of(st.just(np.nan), st.floats(width=64), st.integers(-(2**53), 2**53).map(float))


@given(st.lists(cells, min_size=1))
def test_a_value_equals_itself_and_nothing_equals_nothing(values):
    found = np.array([values])
    assert (kinds_of(found, found.copy()) == EQUAL).all()


@given(st.lists(st.tuples(cells, cells), min_size=1))
def test_swapping_the_sides_swaps_missing_and_extra_and_nothing_else(pairs):
    left, right = np.array([pairs]).T
    swapped = {EQUAL: EQUAL, MISMATCH: MISMATCH, MISSING: EXTRA, EXTRA: MISSING}
    assert [swapped[k] for k in kinds_of(left, right).ravel()] == kinds_of(
        right, left
    ).ravel().tolist()


@given(
    st.floats(
        width=32, allow_nan=False, allow_infinity=False, min_value=2.0**-100, max_value=2.0**120
    )
)
def test_the_next_float32_is_a_mismatch_and_half_the_way_to_it_is_not(value):
    upwards = float(np.nextafter(np.float32(value), np.float32(np.inf)))
    assert kinds_of(np.array([[value]]), np.array([[upwards]])) == MISMATCH
    nearer = value + (upwards - value) / 4
    assert kinds_of(np.array([[value]]), np.array([[nearer]])) == EQUAL


def test_times_and_booleans_compare_as_the_numbers_that_online_gives():
    at = pa.chunked_array([pa.array([AT.replace(tzinfo=None), None], pa.timestamp("ms"))])
    assert as_floats(at)[0] == AT.timestamp() * 1e6
    assert np.isnan(as_floats(at)[1])
    assert as_floats(pa.chunked_array([[True, False]])).tolist() == [1.0, 0.0]


def read(entity_id, *values, is_superseded=False):
    named = dict(zip(("a", "b"), values, strict=True))
    return Read(SERVICE, "user_id", entity_id, named, STATE, AT, "live", is_superseded)


def test_each_feature_counts_its_mismatches_missing_and_extra_with_samples():
    reads = [read("1", 1.0, 5.0), read("2", 2.0, None), read("3", 3.0, 7.0)]
    offline = np.array([[1.0, 5.0], [2.5, 6.0], [3.0, np.nan]])
    a, b = tally(reads, "ftr_user__purchases", ("a", "b"), offline)
    assert (a.compared, a.mismatch, a.missing, a.extra, a.max_difference) == (3, 1, 0, 0, 0.5)
    assert (b.mismatch, b.missing, b.extra) == (0, 1, 1)
    assert str(a.samples[0]) == "user_id=2 at 2017-12-31 00:00:00 online=2 offline=2.5 (live)"
    assert [sample.kind for sample in b.samples] == ["missing", "extra"]


def test_a_superseded_read_that_differs_is_counted_apart():
    reads = [read("1", 1.0, 5.0, is_superseded=True), read("2", 2.0, 6.0)]
    a, b = tally(reads, "v", ("a", "b"), np.array([[9.0, 5.0], [2.0, 6.0]]))
    assert (a.bad, a.superseded, a.max_difference, a.samples) == (0, 1, 0.0, ())
    assert (b.bad, b.superseded) == (0, 0)


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path)


def decide(settings, number, *, requested_at=AT, read_at=STATE, schema=None, degraded=False):
    items = {str(item): [float(item)] for item in range(20)}
    record_decisions(
        settings,
        [
            Decided(
                Identity("recommender", "v1", "d", SERVICE, schema or schema_hash(SERVICE)),
                requested_at,
                {"k": 1},
                {
                    "request_id": f"{number:032x}", "user_id": str(number), "surface": "home",
                    "items": [], "is_degraded": degraded,
                },
                Evidence([], ["a"], [1.0], ["b"], items, read_at, read_at),
            )
        ],
    )  # fmt: skip


def test_logged_reads_are_of_the_newest_decisions_a_few_items_each(settings):
    for number in range(6):
        decide(settings, number)
    found = logged_reads(settings, sample=2 * (1 + ITEMS_A_DECISION)).reads
    users = [r.entity_id for r in found if r.entity == "user_id"]
    assert users == ["5", "4"]
    assert len(found) == 2 * (1 + ITEMS_A_DECISION)
    assert found == logged_reads(settings, sample=2 * (1 + ITEMS_A_DECISION)).reads
    other = settings.model_copy(update={"seed": 1})
    assert found != logged_reads(other, sample=2 * (1 + ITEMS_A_DECISION)).reads
    assert all(r.at == STATE for r in found)


def test_decisions_that_cannot_be_replayed_are_set_aside_and_counted(settings):
    decide(settings, 1, schema="another")
    decide(settings, 2, read_at=None)
    decide(settings, 3, degraded=True)
    found = logged_reads(settings, sample=100)
    assert (found.reads, found.set_aside) == ((), 2)


def ran(settings, stage, fingerprint, at, status="done"):
    with session(settings) as records:
        records.add(
            StageRun(
                flow_run="t", stage=stage, status=status, fingerprint=fingerprint, seconds=1.0,
                summary="", recorded_at=at,
            )
        )  # fmt: skip


def build(settings, raw, sql, day):
    for minute, (stage, mark) in enumerate(
        (("check_raw", raw), ("transform", sql), ("materialise", f"{raw}{sql}{day}"))
    ):
        ran(settings, stage, mark, AT + timedelta(days=day, minutes=minute))


@pytest.mark.parametrize(
    ("second", "is_superseded"),
    [(("raw 1", "sql 1"), False), (("raw 2", "sql 1"), True), (("raw 1", "sql 2"), True)],
)
def test_a_read_is_superseded_once_its_raw_rows_or_its_sql_are_others(
    settings, second, is_superseded
):
    build(settings, "raw 1", "sql 1", day=0)
    decide(settings, 1, requested_at=AT + timedelta(hours=12))
    build(settings, *second, day=1)
    decide(settings, 2, requested_at=AT + timedelta(days=1, hours=12))
    old = {r.entity_id: r.is_superseded for r in logged_reads(settings, sample=99).reads}
    assert (old["1"], old["2"]) == (is_superseded, False)


def test_a_build_counts_from_the_end_of_its_materialisation_and_not_when_it_failed(settings):
    build(settings, "raw 1", "sql 1", day=0)
    ran(settings, "check_raw", "raw 2", AT + timedelta(days=1))
    ran(settings, "materialise", "m", AT + timedelta(days=1, hours=1), status="failed")
    builds = read_builds(settings)
    first = builds.online_at(AT + timedelta(minutes=5))
    assert builds.online_at(AT + timedelta(days=2)) == first != builds.present


def test_without_records_of_stages_every_read_is_of_the_present_build(settings):
    builds = read_builds(settings)
    assert builds.online_at(AT) == builds.present


def test_the_state_of_a_read_comes_back_from_its_record_as_it_was():
    state = replace(STATE, views={"v": AT + timedelta(microseconds=1)})
    assert ReadAt.from_dict(state.as_dict()) == state


def known_rows(*rows):
    """Rows of user 7: (event day, creation day, pushed at hour or None, value)."""
    us = [
        (microseconds(AT + timedelta(days=e)), microseconds(AT + timedelta(days=c)), p, v)
        for e, c, p, v in rows
    ]
    return KnownRows(
        ids=np.array(["7"] * len(us), dtype=object),
        event_at=np.array([row[0] for row in us]),
        created_at=np.array([row[1] for row in us]),
        pushed_at=np.array(
            [0 if row[2] is None else microseconds(TODAY + timedelta(hours=row[2])) for row in us]
        ),
        values=np.array([[float(row[3])] for row in us]),
    )


def seen(rows, *, hour, clock_days=0, ttl_days=None, entity_id="7"):
    at = ReadAt(AT + timedelta(days=clock_days), {"v": AT})
    made_at = TODAY + timedelta(hours=hour)
    asked = Read(SERVICE, "user_id", entity_id, {}, at, made_at, "logged")
    ttl = None if ttl_days is None else ttl_days * 86_400_000_000
    [value] = rows.at_read(asked, "v", ttl=ttl)
    return None if np.isnan(value) else value


def test_a_read_knows_what_was_pushed_before_it_and_nothing_pushed_after():
    rows = known_rows((-3, -3, None, 1), (1, 3000, 2, 2), (2, 3000, 4, 3))
    assert [seen(rows, hour=hour) for hour in (1, 2, 3, 5)] == [1, 2, 2, 3]


def test_a_late_pushed_row_stands_behind_a_newer_one_and_before_an_older():
    rows = known_rows((-9, -9, None, 1), (-3, -3, None, 2), (-5, -5, 1, 3))
    assert seen(rows, hour=2) == 2
    assert seen(known_rows((-9, -9, None, 1), (-5, -5, 1, 3)), hour=2) == 3


def test_rows_that_a_later_build_added_or_backfilled_are_not_known():
    rows = known_rows((-3, -3, None, 1), (1, 1, None, 2), (-2, 1, None, 3), (5, 5, 9, 4))
    assert seen(rows, hour=1) == 1


def test_the_ttl_counts_to_the_clock_and_its_edge_is_alive():
    rows = known_rows((-3, -3, None, 1), (0, 0, 9, 2))
    assert seen(rows, hour=1, clock_days=7, ttl_days=10) == 1
    assert seen(rows, hour=1, clock_days=8, ttl_days=10) is None
    assert seen(rows, hour=1, entity_id="8") is None


def test_of_rows_alike_in_event_the_one_created_last_is_known_and_then_the_one_pushed_last():
    rows = known_rows((0, 0, None, 1), (0, 0, 1, 2), (0, 0, 2, 3), (0, -1, 3, 4))
    assert seen(rows, hour=5) == 3
