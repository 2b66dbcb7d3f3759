"""A SASRec training that is killed at any moment goes on from its last epoch to the same result."""

import json
import random
import time

import pytest
import sasrec_runs

pytestmark = pytest.mark.pipeline


def test_a_killed_training_resumes_to_the_same_result(tmp_path):
    shop = sasrec_runs.write_walks(tmp_path / "shop", users=3_000, epochs=8, dropout=0.2)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert sasrec_runs.start(shop, whole).wait(timeout=300) == 0
    moments = random.Random(5)
    for _ in range(2):
        process = sasrec_runs.start(shop, cut)
        while not (cut / "checkpoint.safetensors").exists() and process.poll() is None:
            time.sleep(0.01)
        time.sleep(moments.uniform(0, 1.0))
        process.kill()
        process.wait()
    assert not (cut / "result.json").exists(), "the training ended before it could be killed"
    assert sasrec_runs.start(shop, cut).wait(timeout=300) == 0
    for name in ("result.json", "network.safetensors"):
        assert (whole / name).read_bytes() == (cut / name).read_bytes()
    assert len(json.loads((cut / "result.json").read_text())["curve"]) == 8
