"""The table finds its parts by format, takes up a killed run, and says what it left out."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from benchmarks.sequence_files import format_of, invoices_of

from governance.errors import InputError
from governance.settings import PROJECT_ROOT

SCRIPT = str(PROJECT_ROOT / "tests" / "benchmarks" / "recommenders.py")
INVOICES = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"


def _folder(root, name, **files):
    folder = root / name
    folder.mkdir(parents=True)
    for file, text in files.items():
        (folder / file).write_text(text)
    return folder


def test_a_folder_s_protocol_follows_from_its_files_and_not_from_a_name(tmp_path):
    walks, asked = "1 2 3 4\n2 3 4 5\n", "1 2\t3\n"
    assert format_of(_folder(tmp_path, "baskets", a=walks)) == "leave-one-out"
    assert format_of(_folder(tmp_path, "users", a=walks, b=asked)) == "sessions"
    assert format_of(_folder(tmp_path, "sessions", **{"x.csv": INVOICES})) == "baskets"
    assert format_of(_folder(tmp_path, "words", a="nothing here\n", b="1,2\n")) is None
    assert format_of(_folder(tmp_path, "empty")) is None


def test_a_latin_1_file_of_invoices_is_found_by_its_header(tmp_path):
    folder = _folder(tmp_path, "any")
    path = folder / "data.csv"
    path.write_bytes((INVOICES + '1,2,"£ sign",1,12/1/2010 8:26,1,5,UK\n').encode("latin-1"))
    assert invoices_of(folder) == path


def test_a_folder_without_invoices_is_refused_with_what_was_looked_for(tmp_path):
    with pytest.raises(InputError, match="0 files of the format"):
        invoices_of(_folder(tmp_path, "any", a="1 2\n"))


@pytest.fixture
def data(tmp_path):
    """One tiny folder of each sequence format, below other folders."""
    draw = np.random.default_rng(0)
    walks = [" ".join(map(str, (draw.integers(30) + np.arange(7)) % 30 + 1)) for _ in range(200)]
    users = "\n".join(f"{user} {walk}" for user, walk in enumerate(walks, 1))
    asked = "\n".join(f"{walk.split()[0]} {walk.split()[1]}\t{walk.split()[2]}" for walk in walks)
    titles = "item_id\ttitle\n" + "".join(
        f"{item}\t{'red' if item % 2 else 'blue'} shoe {item}\n" for item in range(1, 31)
    )
    _folder(tmp_path, "sets/one", file=users, titles=titles)
    _folder(tmp_path, "sets/two", train="\n".join(walks), test=asked)
    _folder(tmp_path, "sets/notes", readme="words\n")
    return tmp_path / "sets"


def _table(data, answer, **options):
    return subprocess.Popen(
        [sys.executable, SCRIPT, "--data", str(data), "--quick", "--without-sasrec",
         "--without-shop", "--json", str(answer)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


@pytest.mark.pipeline
def test_a_killed_table_goes_on_and_a_finished_one_says_what_it_left_out(data, tmp_path):
    answer = tmp_path / "table.json"
    kept = tmp_path / "table.json.parts"
    first = _table(data, answer)
    deadline = time.monotonic() + 120
    while not list(kept.glob("*.json")) and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(first.pid, signal.SIGTERM)
    first.communicate()
    assert not answer.exists()

    out, err = (second := _table(data, answer)).communicate()
    figures = json.loads(answer.read_text())
    assert second.returncode == 1, err
    assert json.loads(out) == figures
    assert set(figures) == {"scoring", "one", "two", "cold", "table"}
    assert figures["cold"]["ratio_to_popularity"] > 0
    assert figures["table"]["resumed"][0] == "scoring"
    assert list(figures["table"]["skipped"]) == ["baskets", "default shop"]
    assert "left out: baskets: no folder of this format" in err
    assert figures["one"]["fused"]["ndcg_at_10"] > 0.9  # every item has one successor
    assert figures["two"]["fused"]["mrr_at_20"] > 0.9
    assert figures["scoring"]["equal_to_full_sort"]
    assert not kept.exists()  # whole: the next table is measured anew
