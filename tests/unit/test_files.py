"""Files are either old or new, and one value has one digest."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.files import atomic_path, canonical_json, digest_of, sha256_file, write_json

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(st.text(), json_values))
def test_the_order_of_keys_does_not_change_a_digest(value):
    backwards = dict(reversed(list(value.items())))
    assert digest_of(value) == digest_of(backwards)


@given(json_values)
def test_canonical_json_reads_back_as_the_same_value(value):
    assert json.loads(canonical_json(value)) == value


def test_nan_has_no_canonical_form():
    with pytest.raises(ValueError, match="JSON"):
        canonical_json(float("nan"))


def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"old": 1})
    with pytest.raises(RuntimeError):
        write_half(path)
    assert json.loads(path.read_text()) == {"old": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def write_half(path):
    with atomic_path(path) as beside:
        beside.write_text("half")
        raise RuntimeError


def test_a_folder_takes_the_place_of_a_folder(tmp_path):
    path = tmp_path / "bundle"
    for text in ("one", "two"):
        with atomic_path(path) as beside:
            beside.mkdir()
            (beside / "part").write_text(text)
    assert (path / "part").read_text() == "two"
    assert [p.name for p in tmp_path.iterdir()] == ["bundle"]


def test_sha256_is_that_of_the_bytes(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    assert sha256_file(path).startswith("ba7816bf8f01cfea")
