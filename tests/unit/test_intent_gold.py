"""The gold set keeps to its codebook: sizes, labels, sources, and a second pass that agrees."""

import csv
import re

import numpy as np
from sklearn.metrics import cohen_kappa_score

from governance.settings import PROJECT_ROOT
from training.intent.lexicon import INTENTS, lexicon_intents
from training.intent.train import SHIPPED, read_queries

FOLDER = PROJECT_ROOT / "tests" / "data" / "intent"
CODEBOOK = " ".join((FOLDER / "CODEBOOK.md").read_text(encoding="utf-8").split())


def _rows():
    with (FOLDER / "queries.tsv").open(encoding="utf-8") as opened:
        return list(csv.DictReader(opened, delimiter="\t"))


def second_pass(rows):
    """The 200 rows that were labelled twice, in the order in which they were."""
    return [rows[place] for place in np.random.default_rng(20).permutation(len(rows))[:200]]


def test_there_are_a_thousand_queries_each_once_with_known_labels_and_sources():
    rows = _rows()
    assert len(rows) >= 1_000
    assert len({row["query"].casefold() for row in rows}) == len(rows)
    assert {row["label"] for row in rows} == set(INTENTS)
    assert {row["source"] for row in rows} == {"wayfair", "composed"}


def test_as_many_queries_are_of_shoppers_as_the_codebook_says():
    (stated,) = re.findall(r"The (\d+) `wayfair` queries", CODEBOOK)
    assert sum(row["source"] == "wayfair" for row in _rows()) == int(stated) == 480


def test_no_intent_is_rare():
    counts = np.bincount(read_queries(FOLDER / "queries.tsv").labels, minlength=len(INTENTS))
    assert counts.min() >= 150


def test_the_second_pass_covers_its_sample_and_agrees_as_the_codebook_says():
    rows = _rows()
    sample = second_pass(rows)
    assert [row for row in rows if row["second_label"]] == sorted(sample, key=rows.index)
    first, second = ([row[name] for row in sample] for name in ("label", "second_label"))
    ((agreeing, of, kappa),) = re.findall(
        r"(\d+) of (\d+) rows agree, Cohen's kappa (\d\.\d+)", CODEBOOK
    )
    assert (sum(map(str.__eq__, first, second)), len(sample)) == (int(agreeing), int(of))
    assert cohen_kappa_score(first, second) == float(kappa)


def test_no_taught_query_is_judged_nor_shares_three_quarters_of_its_words_with_one():
    gold = [frozenset(row["query"].casefold().split()) for row in _rows()]
    for query in read_queries(SHIPPED).texts.first:
        taught = frozenset(query.casefold().split())
        assert all(4 * len(taught & judged) < 3 * len(taught | judged) for judged in gold), query


def test_the_rules_do_better_than_the_most_frequent_label():
    lesson = read_queries(FOLDER / "queries.tsv")
    right = (lexicon_intents(lesson.texts.first) == lesson.labels).mean()
    assert right > np.bincount(lesson.labels).max() / len(lesson)
