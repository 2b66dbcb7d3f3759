"""A trained and measured recommender, and what its model card tells of it."""

from dataclasses import asdict, dataclass
from typing import Any

from governance.settings import Settings
from training.deep_ranker.config import DEFAULT_FILE as DEEP_RANKER_FILE
from training.model_card import ModelCard
from training.recommender.config import DEFAULT_FILE, PARTS
from training.recommender.continual import Continued
from training.recommender.train import FittedRecommender
from training.sasrec.config import BASKETS_FILE
from training.sasrec.knobs_file import effects_by_part, effects_of
from training.search_space import Knob
from training.shop_data import ShopData


@dataclass(frozen=True)
class Measured:
    """A fitted recommender with the shop it was fitted on and its figures."""

    data: ShopData
    fitted: FittedRecommender
    figures: dict[str, Any]
    continued: Continued | None = None


def page_of(settings: Settings, done: Measured) -> ModelCard:
    """The model card's page; the curves are those of the retriever that learns by epochs."""
    calendar, figures = done.fitted.calendar, done.figures
    window = f"{calendar.test.cutoff:%Y-%m-%d} to {calendar.test.ends_at:%Y-%m-%d}"
    facts = {
        "shop": settings.shop,
        "judged on": f"first basket of {figures['households']:,} users in {window}",
        "learned before": f"{calendar.train[0].cutoff:%Y-%m-%d} (SASRec, whose curves these are)",
        "remembers until": f"{calendar.as_of:%Y-%m-%d}",
    }
    if (found := done.continued) is not None:
        way = "taught on" if found.is_warm else "given up: known users would lose, begun anew"
        facts["champion's network"] = (
            f"{found.champion_version}, {way}; NDCG@10 of its {found.users:,} known users "
            f"{found.champion:.4f} before, {found.challenger:.4f} now"
        )
    return ModelCard(
        title="Recommender",
        facts=facts,
        figures=figures["recommender"],
        floors=figures["floors"],
        curve=done.fitted.sasrec.curve,
        knobs=knobs_of(settings, done),
        effects=_effects(),
    )


def knobs_of(settings: Settings, done: Measured) -> dict[str, Knob]:
    """All knobs as they were in force, by ``part.knob``; a deep ranker's where one was trained."""
    config = done.fitted.config
    is_warm = done.continued is not None and done.continued.is_warm
    epochs = {"epochs": settings.fine_tune_epochs} if is_warm else {}
    parts = {name: vars(getattr(config, name)) for name in PARTS}
    parts["sasrec"] = {**vars(config.sasrec), **vars(config.sasrec_training), **epochs}
    if "deep" in done.fitted.ranker.reached:
        deep = config.deep_ranker
        parts["deep_ranker"] = {**vars(deep.network), **vars(deep.training), "seed": config.seed}
    return {f"{part}.{name}": knob for part, knobs in parts.items() for name, knob in knobs.items()}


def _effects() -> dict[str, str]:
    """What each knob does, from the files that ship: another file need not say it."""
    effects = {".".join(knob): said for knob, said in effects_by_part(DEFAULT_FILE).items()}
    for part, path in (("sasrec", BASKETS_FILE), ("deep_ranker", DEEP_RANKER_FILE)):
        effects |= {f"{part}.{knob}": said for knob, said in effects_of(path).items()}
    return effects


def continual_of(done: Measured) -> dict[str, object]:
    """What known users got from the champion's network and from this one, for the gate."""
    if done.continued is None:
        return {}
    return {"continual": asdict(done.continued) | {"challenger": done.continued.challenger}}
