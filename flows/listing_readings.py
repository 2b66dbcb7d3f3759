"""How good each listing is, by the quality model that ``counterfoil listings check`` learned here.

The model is opened with the very items that it was learned from, whose landing stays: an item that
comes later is judged by the same words, when it is pushed as in the next build. Numbers are kept by
the digest of a listing's texts in a folder of the model's own. Without a model no listing is
judged, and the feature takes its declared default.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flows.importers.landing import Landing, current_landing, landing_named
from flows.kept_readings import KeptReadings, Numbers, Readings
from flows.stage_list import LISTING_MODEL
from flows.stages import Progress
from governance.files import digest_of, sha256_file
from governance.settings import Settings
from training.encoder.model import Encoder
from training.listing_quality.listing import Listing
from training.text_features.model import SCALE
from training.text_features.reading import vectors_of

if TYPE_CHECKING:  # LightGBM and scikit-learn: only where there is a model
    from training.listing_quality.evidence import Embed
    from training.listing_quality.model import QualityModel

CHUNK = 4_096  # listings a file: seconds of work that a kill can cost
_FORM = 1  # raised when the same model gives other numbers
_COLUMNS = ("listing_good",)  # the chance that it is good, in ten-thousandths


@dataclass(frozen=True)
class Judge:
    """The home's quality model; ``name`` is its digest's beginning."""

    model: "QualityModel"
    name: str

    def numbers_of(self, listings: Sequence[Listing]) -> list[Numbers]:
        """(chance in ten-thousandths,) of each; the same whatever stands beside it."""
        return [(round(float(chance) * SCALE),) for chance in self.model.chances_good(listings)]


def read_listings(
    settings: Settings, listings: Sequence[Listing], encoder: Encoder, progress: Progress
) -> Readings:
    """The chance of each listing to be a good one; null where no model can say."""
    judge = open_judge(settings, encoder)
    if judge is None:
        why = "counterfoil listings check"
        if model_path(settings).is_file():
            why = f"their model learned too little, or of other items or by other means; {why}"
        return Readings([(None,)] * len(listings), f"listings unjudged: {why}")
    by_digest = {_digest(one): one for one in listings}
    kept = KeptReadings(settings.texts_dir / settings.shop / f"listings-{judge.name}", _COLUMNS)
    found = kept.read_anew(
        by_digest, judge.numbers_of, chunk=CHUNK, progress=progress, what="listings"
    )
    numbers = [found[_digest(one)] for one in listings]
    return Readings(numbers, f"listings judged by {judge.name}", judge.name)


def open_judge(settings: Settings, encoder: Encoder) -> Judge | None:
    """The home's model of this shop; None without one, or where it cannot say good from bad."""
    path = model_path(settings)
    if not path.is_file():
        return None
    from training.listing_quality.catalogue_file import read_shop
    from training.listing_quality.model_file import learned_from, load_quality, source_digest
    from training.listing_quality.train import read_quality_knobs

    landing = _landing(settings, learned_from(path))
    if landing is None:
        return None
    raw, knobs = read_shop(landing.path), read_quality_knobs()
    source = source_digest(raw, knobs, encoder.digest)
    model = load_quality(path, raw, knobs, source, embed_by(encoder))
    if model is None or "bad" not in model.trees:  # made by other means; of too few listings
        return None
    return Judge(model, digest_of([sha256_file(path), _FORM])[:12])


def embed_by(encoder: Encoder) -> "Embed":
    """Texts as the quality model sees them: each vector the same alone as among others."""
    return lambda texts: vectors_of(texts, encoder)


def model_path(settings: Settings) -> Path:
    """Where the shop's quality model is kept."""
    return settings.home_dir / LISTING_MODEL.format(shop=settings.shop)


def _landing(settings: Settings, landing_id: str) -> Landing | None:
    """The items that a model was learned from; an older model does not say which."""
    if landing_id:
        return landing_named(settings.raw_dir, settings.shop, "items", landing_id)
    return current_landing(settings.raw_dir, settings.shop, "items")


def _digest(one: Listing) -> str:
    return digest_of([one.title, one.description, one.brand, one.category])
