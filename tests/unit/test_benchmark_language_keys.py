"""Keys of the figures that ``language.py --json`` writes: metrics and floors under their task."""

import sys
from argparse import Namespace
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from governance.errors import StateError
from governance.settings import PROJECT_ROOT

sys.path.append(str(PROJECT_ROOT / "tests" / "benchmarks"))  # as the scripts there see it
import language
import language_dense_retrieval
import language_duplicates
import language_query_category
import language_search_figures
from language_intervals import auc_figures, f1_figures
from timed_answers import timed

LABELS = np.array([0, 1, 0, 1])
DUPLICATES = {"f1": 0.5, "floors": {"words_f1": 0.4, "tfidf_f1": 0.3}}


def test_every_task_of_the_table_names_the_figure_that_it_is_judged_by():
    assert language.FIGURE.keys() == language.TASKS.keys()


@pytest.mark.parametrize(
    ("figures", "has_it"),
    [
        ({"f1": 0.5, "floors": {}}, True),
        ({"abt_buy": {"f1": 0.5}, "seconds": 3.0}, True),
        ({"precision": 0.5, "floors": {"f1": 0.4}}, False),
    ],
)
def test_a_task_without_the_figure_it_is_judged_by_is_refused(figures, has_it, monkeypatch):
    """A floor of that name does not stand for it."""
    module = SimpleNamespace(measure=lambda data, *, quick, work: figures)
    monkeypatch.setitem(sys.modules, "language_duplicates", module)
    given = Namespace(task="duplicates", data=None, quick=True, work=None)
    with nullcontext() if has_it else pytest.raises(StateError, match="no f1"):
        assert language._measure(given) == ("duplicates", figures)


def test_one_folder_of_duplicates_gives_its_figures_and_several_give_them_by_name():
    one, other = Path("matching/abt_buy"), Path("matching/amazon")
    assert language_duplicates.figures_of({one: DUPLICATES}, one) == DUPLICATES
    several = language_duplicates.figures_of({one: DUPLICATES, other: DUPLICATES}, one.parent)
    assert several == {"abt_buy": DUPLICATES, "amazon": DUPLICATES}
    alone = language_duplicates.figures_of({one: DUPLICATES}, one.parent)
    assert alone == {"abt_buy": DUPLICATES}


def test_search_has_ndcg_and_its_floors():
    values = np.linspace(0, 1, 5)
    names = (*language_search_figures._FLOORS, *language_search_figures._BEST)
    found = language_search_figures.figures_of(dict.fromkeys(names, values))
    assert {"ndcg_at_10", "ndcg_at_10_low", "ndcg_at_10_high", "above_bm25"} <= found.keys()
    assert {"random_ndcg_at_10", "bm25_ndcg_at_10", "dense_ndcg_at_10"} <= found["floors"].keys()


def test_dense_retrieval_has_recall_and_its_floors():
    ways = ("bm25", "dense", "hybrid", "tuned_dense", "tuned_hybrid")
    found = language_dense_retrieval._figures(dict.fromkeys(ways, np.linspace(0, 1, 5)))
    assert {"recall_at_10", "recall_at_10_low", "recall_at_10_high"} <= found.keys()
    assert {"bm25_recall_at_10", "tuned_dense_recall_at_10"} <= found["floors"].keys()


def test_duplicates_have_f1_sentiment_auc_and_query_category_top_1():
    assert {"f1", "f1_low", "f1_high", "precision", "recall"} <= f1_figures(
        LABELS == 1, LABELS
    ).keys()
    assert {"auc", "auc_low", "auc_high"} <= auc_figures(LABELS / 2, LABELS).keys()
    chances = np.eye(2, dtype=np.float32)[LABELS]
    found = language_query_category._figures(chances, LABELS, LABELS == 1)
    assert {"top_1", "top_3", "calibration_error", "answered"} <= found.keys()


def test_speed_of_each_name_has_p50_p99_and_answers_per_second():
    assert timed(len, ["a"] * 8, warm_up=2).keys() == {"p50_ms", "p99_ms", "qps"}
