"""What reviews say of an item and of their writer: tables that become governed features.

Pure functions over frames. ``reviews`` has ``item_id``, ``title``, ``text``, and where the shop
knows them ``user_id`` and ``written_at`` (UTC). With ``as_of`` only reviews written before it
count. Of an item without reviews there is no row.
"""

from datetime import datetime

import pandas as pd

from governance.errors import InputError
from training.sentiment.aspects import LEXICON, judge_aspects
from training.sentiment.model import SentimentModel
from training.sentiment.reviews import texts_of

_SECONDS_A_DAY = 86_400


def item_sentiment(
    reviews: pd.DataFrame, model: SentimentModel, *, as_of: datetime | None = None
) -> pd.DataFrame:
    """One row per item, in order of its id.

    ``item_id``; ``review_count``; ``sentiment_mean`` (0 to 1: mean probability that a review is
    positive); ``sentiment_min`` (the worst one); per aspect ``<aspect>_sentiment_mean`` (-1 to 1,
    missing where nobody spoke of it) and ``<aspect>_mention_count`` (reviews that did);
    ``newest_review_age_days`` (before ``as_of``; missing without times).
    """
    judged = judge_reviews(reviews, model, as_of=as_of)
    found, grouped = _table(judged, "item_id", as_of), judged.groupby("item_id", sort=True)
    columns = {"sentiment_min": grouped["sentiment"].min()}
    for name in LEXICON:
        columns[f"{name}_sentiment_mean"] = grouped[name].mean()
        columns[f"{name}_mention_count"] = grouped[name].count()
    return found.join(pd.DataFrame(columns), on="item_id")


def user_sentiment(
    reviews: pd.DataFrame, model: SentimentModel, *, as_of: datetime | None = None
) -> pd.DataFrame:
    """One row per writer, in order of the id; reviews without a writer count for nobody.

    ``user_id``; ``review_count``; ``sentiment_mean``; ``sentiment_above_item_mean`` (by how much
    the writer likes items better than others do: of items somebody else reviewed as well, missing
    where there is none); ``newest_review_age_days``.
    """
    judged = judge_reviews(reviews, model, as_of=as_of)
    if "user_id" not in judged:
        raise InputError("the column user_id is missing", where="reviews")
    by_item = judged.groupby("item_id")["sentiment"]
    own = judged.groupby(["item_id", "user_id"])["sentiment"]  # of nobody: missing
    others = by_item.transform("count") - own.transform("count")
    mean = (by_item.transform("sum") - own.transform("sum")) / others.where(others > 0)
    judged = judged.assign(above=judged["sentiment"] - mean)
    judged = judged[judged["user_id"].notna()]
    found = _table(judged, "user_id", as_of)
    above = judged.groupby("user_id")["above"].mean()
    return found.assign(sentiment_above_item_mean=found["user_id"].map(above))


def judge_reviews(
    reviews: pd.DataFrame, model: SentimentModel, *, as_of: datetime | None = None
) -> pd.DataFrame:
    """Each review that counts, with ``sentiment`` and per aspect ``<aspect>`` (missing: none)."""
    if "item_id" not in reviews:
        raise InputError("the column item_id is missing", where="reviews")
    if as_of is not None:
        if "written_at" not in reviews:
            raise InputError(
                "the column written_at is missing",
                where="reviews",
                why="only reviews written before as_of may count",
            )
        reviews = reviews[reviews["written_at"] < as_of]
    texts = texts_of(reviews)
    aspects = judge_aspects(texts, model)
    columns = {name: aspects.polarity[:, place] for place, name in enumerate(aspects.names)}
    return reviews.assign(sentiment=model.probabilities(texts), **columns)


def _table(judged: pd.DataFrame, key: str, as_of: datetime | None) -> pd.DataFrame:
    grouped = judged.groupby(key, sort=True)
    found = grouped["sentiment"].agg(review_count="size", sentiment_mean="mean")
    found["newest_review_age_days"] = float("nan")
    if as_of is not None:
        age = as_of - grouped["written_at"].max()
        found["newest_review_age_days"] = age.dt.total_seconds() / _SECONDS_A_DAY
    return found.reset_index()
