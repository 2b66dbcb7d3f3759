"""A landing is whole or absent, lands once per source, and has the shape of the shop contract."""

import json
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from flows.importers.landing import Landing, current_landing, land
from governance.errors import InputError

COUPONS = "select '1' as coupon_id, 'a' as item_id, 'c' as campaign_id, false as is_synthetic"


def _land(raw_dir: Path, *, sql: str = COUPONS, sha: str = "s1", day: int = 1) -> Landing:
    with duckdb.connect() as con:
        return land(
            "coupons",
            sql,
            con,
            shop="corner",
            raw_dir=raw_dir,
            source="coupons.csv",
            source_sha256=sha,
            landed_at=datetime(2024, 1, day, tzinfo=UTC),
        )


def test_a_landing_is_a_file_and_its_manifest(tmp_path: Path) -> None:
    landing = _land(tmp_path)
    manifest = json.loads((landing.path.parent / "manifest.json").read_text())
    assert landing.path == tmp_path / "corner" / "coupons" / landing.landing_id / "part.parquet"
    assert manifest["rows"] == landing.rows == 1
    assert manifest["columns"]["is_synthetic"] == "BOOLEAN"
    assert len(landing.landing_id) == 12
    assert current_landing(tmp_path, "corner", "coupons") == landing


def test_the_same_source_is_not_written_twice(tmp_path: Path) -> None:
    first = _land(tmp_path)
    written = first.path.stat().st_mtime_ns
    assert _land(tmp_path, sql="select no_such_column", day=2) == first
    assert first.path.stat().st_mtime_ns == written


def test_a_changed_file_is_landed_again(tmp_path: Path) -> None:
    first = _land(tmp_path)
    first.path.write_bytes(b"torn")
    assert _land(tmp_path).sha256 == first.sha256
    assert current_landing(tmp_path, "corner", "coupons") == first


def test_the_landing_asked_for_last_is_current(tmp_path: Path) -> None:
    first, second = _land(tmp_path), _land(tmp_path, sha="s2", day=2)
    assert current_landing(tmp_path, "corner", "coupons") == second
    _land(tmp_path, day=3)
    assert current_landing(tmp_path, "corner", "coupons") == first


def test_without_a_pointer_the_newest_landing_is_current(tmp_path: Path) -> None:
    _land(tmp_path)
    second = _land(tmp_path, sha="s2", day=2)
    pointer = second.path.parent.parent / "current.json"
    pointer.write_text("{")
    assert current_landing(tmp_path, "corner", "coupons") == second


def test_what_a_kill_left_is_ignored_and_swept(tmp_path: Path) -> None:
    table_dir = tmp_path / "corner" / "coupons"
    left = table_dir / ".0123456789ab.cafe0000.tmp"
    left.mkdir(parents=True)
    (left / "part.parquet").write_bytes(b"half")
    assert current_landing(tmp_path, "corner", "coupons") is None
    landing = _land(tmp_path)
    assert sorted(p.name for p in table_dir.iterdir()) == [landing.landing_id, "current.json"]


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    bad = COUPONS.replace("'1'", "error('stop')::varchar")
    with pytest.raises(duckdb.Error):
        _land(tmp_path, sql=bad)
    assert current_landing(tmp_path, "corner", "coupons") is None
    assert not [p for p in (tmp_path / "corner" / "coupons").glob("*") if p.is_dir()]


def test_a_table_of_another_shape_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="shape") as caught:
        _land(tmp_path, sql=COUPONS.replace("'a'", "7"))
    assert "item_id" in caught.value.where
    assert "wanted VARCHAR, got INTEGER" in caught.value.why


def test_an_empty_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no rows"):
        _land(tmp_path, sql=f"{COUPONS} where false")
    assert current_landing(tmp_path, "corner", "coupons") is None


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = _land(tmp_path / "a"), _land(tmp_path / "b")
    assert first.sha256 == second.sha256
