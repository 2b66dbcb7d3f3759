"""A floor for listing quality: TF-IDF of characters and logistic regression on the same defects."""

from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from training.listing_quality.listing import Listing, text_of
from training.listing_quality.mixes import Mix, drawn
from training.listing_quality.planted import Sources
from training.listing_quality.train import QualityKnobs


def text_floor(taught: Sequence[Listing], mix: Mix, knobs: QualityKnobs) -> float:
    """AUC on the judged mix."""
    draw, sources = np.random.default_rng(knobs.seed), Sources.of(taught)
    kept = [one for one in taught if draw.random() < knobs.most_listings / len(taught)]
    planted = [found.listing for one in kept if (found := drawn(one, sources, draw))]
    texts = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), lowercase=False, min_df=3)
    learned = texts.fit_transform([_whole(one) for one in [*kept, *planted]])
    model = LogisticRegression(max_iter=300, C=4.0)
    model.fit(learned, np.r_[np.zeros(len(kept)), np.ones(len(planted))])
    scores = model.decision_function(texts.transform([_whole(one) for one in mix.listings]))
    return round(float(roc_auc_score(mix.has("bad"), scores)), 4)


def _whole(one: Listing) -> str:
    kinds = ", ".join(one.kinds)
    return " \n ".join(map(text_of, (one.title, one.description, one.brand, kinds)))
