"""The model card: one self-contained HTML page that lies in the bundle beside the model.

What was learned from, how it was judged and against what, the learning curves, every knob with its
effect, and the trials of a search. No script, no image and no address from outside.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from governance.html_pages import page_environment
from training.curves import best_place, panels
from training.search_space import Knob, Trial, as_yaml, best_of
from training.single_target import Interval

CARD_PAGE = "card.html"
HISTORY = "history.json"

Curve = Sequence[Mapping[str, float]]


@dataclass(frozen=True)
class ModelCard:
    """What the page tells; figures and floors are of ``judged_on``.

    ``metric`` is the figure of the curve that chose the epoch: a loss the lowest, others the
    highest. A curve without it was learned to its end.
    """

    title: str
    facts: Mapping[str, str]
    figures: Mapping[str, Interval | float]
    floors: Mapping[str, Mapping[str, float]]
    curve: Curve
    knobs: Mapping[str, Knob]
    effects: Mapping[str, str]
    trials: Sequence[Trial] = field(default_factory=tuple)
    metric: str = "ndcg_at_10"
    judged_on: str = "the test window"
    judged_how: str = "Every item is ranked, none is sampled."
    chosen_on: str = "the validation window"
    searched_by: str = "NDCG@10"
    file: str = "bundle.json"  # where the numbers of the page stand


def card_files(card: ModelCard) -> dict[str, str]:
    """The page and the learning curve, by the names they have in a bundle."""
    history = json.dumps(list(card.curve), indent=2, sort_keys=True)
    return {CARD_PAGE: render_card(card), HISTORY: history + "\n"}


def render_card(card: ModelCard) -> str:
    """The page; every text from data is escaped."""
    environment = page_environment(Path(__file__).parent)
    environment.filters["figure"] = lambda value: f"{value:.4f}"
    environment.filters["knob"] = lambda v: f"{v:.4g}" if isinstance(v, float) else as_yaml(v)
    page = environment.get_template("model_card.html.j2")
    chosen = best_of(card.trials)
    return page.render(
        card=card,
        panels=panels(card.curve, metric=card.metric),
        is_chosen=any(card.metric in epoch for epoch in card.curve),
        best_epoch=card.curve[best_place(card.curve, card.metric)]["epoch"] if card.curve else None,
        figures=[_figure(name, value) for name, value in card.figures.items()],
        has_intervals=any(isinstance(value, Interval) for value in card.figures.values()),
        trial_knobs=list(card.trials[0].knobs) if card.trials else [],
        best_trial=chosen.number if chosen else None,
    )


def _figure(name: str, value: Interval | float) -> dict[str, object]:
    if isinstance(value, Interval):
        return {"name": name, "mean": value.mean, "low": value.low, "high": value.high}
    return {"name": name, "mean": value, "low": None, "high": None}
