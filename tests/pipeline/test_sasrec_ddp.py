"""Two processes that share every batch learn what one process learns from the whole batch."""

import json

import pytest
import sasrec_runs

pytestmark = pytest.mark.pipeline


@pytest.mark.parametrize("is_full", [True, False], ids=["full softmax", "drawn negatives"])
def test_two_processes_learn_what_one_does(tmp_path, is_full):
    shop = sasrec_runs.write_walks(
        tmp_path / "shop", users=301, epochs=3, dropout=0.0, is_full=is_full
    )
    for processes in (1, 2):
        out = tmp_path / str(processes)
        assert sasrec_runs.start(shop, out, processes=processes).wait(timeout=300) == 0
    alone, together = (
        json.loads((tmp_path / str(n) / "result.json").read_text(encoding="utf-8")) for n in (1, 2)
    )
    assert together["processes"] == 2
    assert len(alone["curve"]) == len(together["curve"]) == 3
    for ours, theirs in zip(alone["curve"], together["curve"], strict=True):
        assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-3)
        assert ours["ndcg_at_10"] == pytest.approx(theirs["ndcg_at_10"], abs=0.02)
