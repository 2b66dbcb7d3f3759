"""A floor for duplicates: TF-IDF of both listings, what they share and do not, logistic regression.

Strength of regularisation and threshold are chosen by the folds of the training pairs.
"""

import numpy as np
import scipy.sparse as sp
from language_intervals import f1_figures
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from training.duplicates.config import Matching
from training.duplicates.pairs import Pairs
from training.duplicates.train import best_threshold, folds_of

_STRENGTHS = (1.0, 10.0, 100.0)


def tfidf_floor(taught: Pairs, judged: Pairs, matching: Matching) -> float:
    """F1 on the judged pairs."""
    vectorisers = [
        TfidfVectorizer(min_df=2, sublinear_tf=True, token_pattern=r"[^\W_]+"),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 4), min_df=2, sublinear_tf=True),
    ]
    texts = [listing.text for listing in taught.listings()]
    for vectoriser in vectorisers:
        vectoriser.fit(texts)
    columns, folds = _columns(vectorisers, taught), folds_of(taught, matching)
    best, found, kept = -1.0, np.empty(len(taught)), 1.0
    for strength in _STRENGTHS:
        crossed = np.empty(len(taught))
        for fold in range(matching.folds):
            out = folds == fold
            model = _line(strength).fit(columns[~out], taught.labels[~out])
            crossed[out] = model.predict_proba(columns[out])[:, 1]
        said = crossed >= best_threshold(crossed, taught.labels)
        if (reached := f1_figures(said, taught.labels)["f1"]) > best:
            best, found, kept = reached, crossed, strength
    model = _line(kept).fit(columns, taught.labels)
    said = model.predict_proba(_columns(vectorisers, judged))[:, 1]
    return f1_figures(said >= best_threshold(found, taught.labels), judged.labels)["f1"]


def _line(strength: float) -> LogisticRegression:
    return LogisticRegression(C=strength, max_iter=500)


def _columns(vectorisers: list[TfidfVectorizer], pairs: Pairs) -> sp.csr_array:
    """What both have, what one has alone, and the cosine, of words and of character grams."""
    parts = []
    for vectoriser in vectorisers:
        one = vectoriser.transform([listing.text for listing in pairs.first])
        two = vectoriser.transform([listing.text for listing in pairs.second])
        both = one.multiply(two)
        parts += [both, abs(one - two), sp.csr_array(both.sum(axis=1))]
    return sp.csr_array(sp.hstack(parts, format="csr"))
