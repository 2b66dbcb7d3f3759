"""A stage is skipped only when inputs and outputs are as they were; a torn state never counts."""

import os
import subprocess
import sys

import pytest

from flows import ledger
from governance.errors import StateError
from governance.settings import PROJECT_ROOT


def finished(folder, name="a", text="one"):
    path = folder / "out.parquet"
    path.write_text(text)
    state = ledger.StageState(name, "f1", "done", 1.0, ledger.output_digests([path]))
    ledger.write_state(folder, state)
    return path


def test_same_fingerprint_and_outputs_is_unchanged(tmp_path):
    finished(tmp_path)
    assert ledger.is_unchanged(ledger.read_state(tmp_path, "a"), "f1")


def test_another_fingerprint_is_changed(tmp_path):
    finished(tmp_path)
    assert not ledger.is_unchanged(ledger.read_state(tmp_path, "a"), "f2")


@pytest.mark.parametrize("damage", ["gone", "edited"])
def test_an_output_that_is_gone_or_edited_is_changed(tmp_path, damage):
    path = finished(tmp_path)
    if damage == "gone":
        path.unlink()
    else:
        path.write_text("two")
    assert not ledger.is_unchanged(ledger.read_state(tmp_path, "a"), "f1")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"stage": "a"}', '{"other": 1}'])
def test_a_half_written_state_counts_as_none(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    assert ledger.read_state(tmp_path, "a") is None
    assert not ledger.is_unchanged(None, "f1")


def test_a_forgotten_state_is_gone_and_forgetting_twice_is_fine(tmp_path):
    finished(tmp_path)
    ledger.forget_state(tmp_path, "a")
    ledger.forget_state(tmp_path, "a")
    assert ledger.read_state(tmp_path, "a") is None


def test_a_change_in_any_source_file_changes_the_code_digest(tmp_path):
    (tmp_path / "a.py").write_text("x = 1")
    (tmp_path / "b.sql").write_text("select 1")
    before = ledger.code_digest(tmp_path)
    (tmp_path / "b.sql").write_text("select 2")
    assert ledger.code_digest(tmp_path) != before


def test_a_database_is_held_to_exist_but_not_hashed(tmp_path):
    path = tmp_path / "online.db"
    path.write_text("changes in place")
    assert ledger.output_digests([path]) == {str(path): ""}


def test_a_second_run_in_the_same_home_is_told_who_holds_it(tmp_path):
    code = (
        "import sys; from pathlib import Path; from flows.ledger import exclusive\n"
        "with exclusive(Path(sys.argv[1])): pass"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with ledger.exclusive(tmp_path):
        second = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True)
    assert second.returncode != 0
    assert "another run is at work" in second.stderr
    assert str(os.getpid()) in second.stderr
    assert subprocess.run(command, cwd=PROJECT_ROOT).returncode == 0


def test_the_error_of_a_held_home_says_what_to_do(tmp_path):
    with (
        ledger.exclusive(tmp_path),
        pytest.raises(StateError, match="another run") as caught,
        ledger.exclusive(tmp_path),
    ):
        pass
    assert "COUNTERFOIL_HOME" in caught.value.next_step
