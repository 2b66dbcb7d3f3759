"""What reviews say, by the sentiment model that ``counterfoil train sentiment`` taught last here.

Without one no review is read, and features of sentiment take their declared defaults. Numbers are
kept by the digest of a review's text in a folder of the model's own.
"""

import hashlib
from collections.abc import Sequence

from flows.kept_readings import KeptReadings, Readings
from flows.stage_list import SENTIMENT_CARDS
from flows.stages import Progress
from governance.files import digest_of, newest_file
from governance.settings import Settings
from training.sentiment.reading import COLUMNS, FORM

CHUNK = 1_000  # reviews a file: half a minute of work that a kill can cost
Review = tuple[str, str | None, str | None]  # id, title, body


def read_shop_reviews(
    settings: Settings, reviews: Sequence[Review], progress: Progress
) -> Readings:
    """Numbers of each review; none, not even empty ones, where no model was taught here."""
    if not reviews:
        return Readings([], "the shop has no reviews, whose features take defaults")
    card = newest_file(settings.home_dir.glob(SENTIMENT_CARDS))
    if card is None:
        return Readings([], f"{len(reviews):,} reviews unread: counterfoil train sentiment")
    import pandas as pd

    from training.sentiment.model_file import open_sentiment
    from training.sentiment.reading import read_reviews
    from training.sentiment.reviews import texts_of

    bundle = open_sentiment(card.parent)
    model = bundle.model()
    texts = texts_of(pd.DataFrame(reviews, columns=["review_id", "title", "text"], dtype=object))
    digests = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    name = digest_of([bundle.card["digest"], FORM])[:12]
    kept = KeptReadings(settings.texts_dir / settings.shop / f"reviews-{name}", COLUMNS)
    found = kept.read_anew(
        dict(zip(digests, texts, strict=True)),
        lambda part: read_reviews(part, model),
        chunk=CHUNK, progress=progress, what="reviews",
    )  # fmt: skip
    said = f"{len(reviews):,} reviews by sentiment {bundle.version}"
    return Readings([found[digest] for digest in digests], said, bundle.version)
