"""Stages run in child processes: what they raise comes back, and a death is never a success."""

import pytest

from flows import stages
from flows.ledger import StageState, read_state, write_state
from flows.stage_list import STAGES, Stage, stage_named
from flows.stages import fingerprint, run_child, run_stage
from governance.audit import audit_document
from governance.errors import InputError, StageFailed, StateError
from governance.settings import Settings

QUIET = lambda text: None  # noqa: E731


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path)


def test_every_stage_reads_only_stages_before_it():
    seen = []
    for stage in STAGES:
        assert set(stage.after) <= set(seen), stage.name
        seen.append(stage.name)


def test_every_stage_names_code_that_exists(settings):
    for stage in STAGES:
        for path in (*stage.code, f"flows/steps/{stage.name}.py"):
            assert (settings.project_root / path).exists(), path


def test_a_stage_whose_upstream_is_missing_says_which(settings):
    with pytest.raises(StateError, match="check raw cannot run yet") as caught:
        run_stage(stage_named("check_raw"), settings, flow_run="t", progress=QUIET)
    assert "import" in caught.value.why


def test_an_unknown_stage_lists_the_known_ones():
    with pytest.raises(StateError, match="no stage is named x") as caught:
        stage_named("x")
    assert "materialise" in caught.value.why


def test_a_changed_file_of_the_recommenders_knobs_makes_the_training_stale(settings, tmp_path):
    train, path = stage_named("train"), tmp_path / "knobs.yaml"
    settings = settings.model_copy(update={"recommender_knobs": path})
    for name in train.after:
        write_state(settings.stages_dir, StageState(name, "f", "s", 1.0, {}))

    def mark(text):
        path.write_text(text, encoding="utf-8")
        return fingerprint(train, settings, source_digest="")

    first = mark("ranker: {trees: 5}")
    assert mark("ranker: {trees: 6}") != first
    assert mark("ranker: {trees: 5}") == first
    path.unlink()
    assert fingerprint(train, settings, source_digest="") != first  # the step says it is missing


def test_a_child_that_dies_is_a_failed_stage_and_is_recorded(settings, monkeypatch):
    monkeypatch.setattr(stages.sys, "executable", "/bin/false")
    stage = Stage("import_raw", "import", (), ())
    with pytest.raises(StageFailed, match="stage import died") as caught:
        run_stage(stage, settings, flow_run="t", progress=QUIET)
    assert "exit code 1" in caught.value.why
    assert read_state(settings.stages_dir, "import_raw") is None
    (row,) = audit_document(settings)["stages"]
    assert (row["stage"], row["status"]) == ("import_raw", "failed")


def test_an_error_of_the_step_arrives_with_its_four_answers(settings):
    stage = Stage("import_raw", "import", (), ())
    with pytest.raises(InputError) as caught:
        run_child(stage, settings, progress=QUIET, source="/nowhere")
    assert caught.value.where
    assert caught.value.next_step


def test_a_failed_run_forgets_the_old_state_so_the_next_run_does_the_work(settings, monkeypatch):
    monkeypatch.setattr(stages.sys, "executable", "/bin/false")
    stage = Stage("report", "report", (), ())
    write_state(settings.stages_dir, StageState("report", "old", "s", 1.0, {}))
    with pytest.raises(StageFailed):
        run_stage(stage, settings, flow_run="t", progress=QUIET)
    assert read_state(settings.stages_dir, "report") is None
