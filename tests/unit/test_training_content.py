"""Items that read alike are linked, acts or none, and the cause is the item that reads alike."""

import numpy as np
import pytest

from training.content.train import ContentConfig, fit_content, title_vectors
from training.retrievers import NO_ITEM

TITLES = ["Red Nail Polish", "Blue Nail Polish", "Soft Hair Brush", "Hair Brush", "", "Rose Soap"]


def _score(links, *history):
    return links.score([np.array(history, dtype=np.int32)])[0].tolist()


def test_cosines_by_hand():
    vectors = np.array([[1.0, 0.0], [3.0, 4.0], [0.0, 2.0]])
    links = fit_content(vectors, ContentConfig(sharpness=2.0, history_decay=1.0))
    assert _score(links, 0) == pytest.approx([0, 0.36, 0])
    assert _score(links, 1) == pytest.approx([0.36, 0, 0.64])


def test_only_the_nearest_are_kept():
    vectors = np.array([[1.0, 0.0], [3.0, 4.0], [0.0, 2.0]])
    links = fit_content(vectors, ContentConfig(neighbours=1))
    assert np.diff(links.starts).tolist() == [1, 1, 1]
    assert _score(links, 1)[0] == 0


def test_titles_that_share_rare_words_are_linked_and_name_their_cause():
    links = fit_content(title_vectors(TITLES), ContentConfig())
    assert _score(links, 0)[1] > 0
    assert _score(links, 0)[2] == 0
    causes = links.causes(np.array([0, 3]), np.array([1, 2, 5]))
    assert causes.tolist() == [0, 3, NO_ITEM]


def test_an_item_without_a_text_proposes_nothing():
    links = fit_content(title_vectors(TITLES), ContentConfig())
    assert _score(links, 4) == [0] * 6


def test_a_word_in_most_titles_tells_nothing_apart():
    titles = [f"shop {word}" for word in "abcdefgh"] * 5
    vectors = title_vectors([*titles, "shop shop"])
    assert vectors[[len(titles)]].nnz == 0
