"""The benchmark knows files by what is in them, and its command runs on any such folder."""

import json
import subprocess
import sys

import numpy as np
import pytest
from benchmarks.sequence_files import read_sessions, read_users

from governance.errors import InputError
from governance.settings import PROJECT_ROOT

SCRIPT = PROJECT_ROOT / "tests" / "benchmarks" / "recommenders.py"


def _users(folder, *lines):
    (folder / "any.name").write_text("\n".join(lines) + "\n")
    return folder


def test_users_are_read_in_time_order_with_items_coded_from_zero(tmp_path):
    found = read_users(_users(tmp_path, "1 30 10 20", "2 10 40"))
    assert found.sequences.of(0).tolist() == [2, 0, 1]
    assert found.sequences.of(1).tolist() == [0, 3]
    assert found.sequences.item_count == 4
    assert found.titles == []


def test_titles_beside_the_sequences_follow_the_codes(tmp_path):
    (tmp_path / "z.tsv").write_text('title\titem_id\nA 5" brush\t20\nSoap\t10\n')
    found = read_users(_users(tmp_path, "1 20 10 30"))
    assert found.titles == ["Soap", 'A 5" brush', ""]


def test_sessions_and_requests_share_codes_and_prefixes_of_a_session_a_group(tmp_path):
    (tmp_path / "a").write_text("5 6\n6 7 8\n")
    (tmp_path / "b").write_text("5 6\t9\n5\t6\n7\t5\n")
    found = read_sessions(tmp_path)
    assert found.train.item_count == 5
    assert found.train.item.tolist() == [0, 1, 1, 2, 3]
    assert [x.tolist() for x in found.test.histories] == [[0, 1], [0], [2]]
    assert found.test.target.tolist() == [4, 1, 0]
    assert len(np.unique(found.test.group)) == 2


def test_a_folder_of_another_format_is_refused_with_what_was_looked_for(tmp_path):
    (tmp_path / "readme.txt").write_text("nothing here\n")
    with pytest.raises(InputError, match="0 files of the format"):
        read_users(tmp_path)


@pytest.mark.pipeline
@pytest.mark.parametrize("protocol", ["leave-one-out", "sessions"])
def test_the_command_measures_a_small_folder(tmp_path, protocol):
    data = tmp_path / "tiny_shop"
    data.mkdir()
    draw = np.random.default_rng(0)
    walks = [(draw.integers(40) + np.arange(7)) % 40 + 1 for _ in range(300)]
    if protocol == "leave-one-out":
        lines = [f"{user} {' '.join(map(str, walk))}" for user, walk in enumerate(walks, 1)]
        _users(data, *lines)
    else:
        _users(data, *(" ".join(map(str, walk)) for walk in walks))
        (data / "t").write_text("\n".join(f"{w[0]} {w[1]}\t{w[2]}" for w in walks) + "\n")
    answer = tmp_path / "figures.json"
    command = [sys.executable, SCRIPT, "--data", data, "--protocol", protocol, "--quick"]
    subprocess.run(
        [*map(str, command), "--without-sasrec", "--json", str(answer)],
        check=True,
        capture_output=True,
    )
    figures = json.loads(answer.read_text())["tiny_shop"]
    main = "ndcg_at_10" if protocol == "leave-one-out" else "mrr_at_20"
    assert figures["covisitation"][main] > 0.9  # every item has one successor
    assert figures["fused"][main] > 0.9
    assert figures["floors"]["popularity"][main] < 0.3
    low, high = figures["fused"]["interval"][main]
    assert low <= figures["fused"][main] <= high
    assert figures["fused"]["above_floors"]["popularity"][main]["is_clear"]
    assert figures["fused"]["coverage_at_10"] > figures["floors"]["popularity"]["coverage_at_10"]
    by_user = figures["fused"]["by_user"].values()
    assert sum(group["requests"] for group in by_user) == figures["protocol"]["test_requests"]
