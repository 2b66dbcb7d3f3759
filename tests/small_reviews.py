"""Made-up reviews whose writers like or dislike what they bought, and a model of their words."""

from functools import cache

import numpy as np
import pandas as pd

from training.fine_tuning.config import FineTuning
from training.sentiment.config import Joining
from training.sentiment.model import SentimentModel
from training.sentiment.train import fit_sentiment

GOOD = ("love this dress", "perfect fit and soft fabric", "gorgeous color, great price")
BAD = ("poor quality, returned it", "too tight and itchy", "ugly color, not worth the money")


def small_reviews() -> pd.DataFrame:
    """160 labelled reviews of 16 items by 30 writers, one every six hours."""
    draw = np.random.default_rng(0)
    rows = []
    for number in range(160):
        label = int(draw.random() < 0.7)
        text = f"{draw.choice(GOOD if label else BAD)}, bought {number}"
        rows.append((f"item{number % 16}", f"user{number % 30}", "", text, label))
    frame = pd.DataFrame(rows, columns=["item_id", "user_id", "title", "text", "is_positive"])
    times = pd.date_range("2026-01-01", periods=len(frame), freq="6h", tz="UTC")
    return frame.assign(written_at=times)


@cache
def small_sentiment() -> SentimentModel:
    """By words alone: fitted in a second."""
    return fit_sentiment(small_reviews(), None, joining=Joining(), network=FineTuning()).model
