"""The models of ``make bench-recommenders``: how each is fitted and which knobs are tried.

Options are the same for every data set; what is used is chosen on its validation requests.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from training.content.train import ContentConfig, fit_content, title_vectors
from training.covisitation.sequences import SequenceCovisitationConfig, fit_sequence_covisitation
from training.factorisation.train import LARGEST, EaseConfig, fit_ease
from training.item_neighbours.train import ItemNeighboursConfig, fit_item_neighbours
from training.popularity.model import OwnItems
from training.popularity.train import PopularityConfig, fit_popularity
from training.retrievers import Retriever
from training.sequences import Sequences
from training.session_neighbours.train import SessionNeighboursConfig, fit_session_neighbours
from training.user_neighbours.train import UserNeighboursConfig, fit_user_neighbours


@dataclass(frozen=True)
class OwnItemsConfig:
    history_decay: float = 0.7  # per step back


@dataclass(frozen=True)
class Recipe:
    """How to fit a model; ``options`` are tried knob by knob."""

    name: str
    config: Any
    fit: Callable[[Sequences, Any], Retriever]
    options: Mapping[str, Sequence[float | int | bool]] = field(default_factory=dict)
    is_floor: bool = False


def recipes(
    *, item_count: int, in_time_order: bool, repeats: bool, titles: Sequence[str] = ()
) -> list[Recipe]:
    """``in_time_order``: later sequences are newer; ``repeats``: own items may be proposed."""
    ages = (0.0, 1.0, 2.0) if in_time_order else (0.0,)
    found = [
        _popularity(ages),
        _covisitation(ages),
        _transitions(ages),
        _item_neighbours(),
        _user_neighbours(),
        _session_neighbours(ages, repeats=repeats),
    ]
    if repeats:
        found.insert(1, _own_items())
    if item_count <= LARGEST:
        found.append(_factorisation())
    if titles:
        found.append(_content(titles))
    return found


def _popularity(ages: Sequence[float]) -> Recipe:
    options = {"sequence_decay": (*ages, *(10 * age for age in ages if age))}
    return Recipe("popularity", PopularityConfig(), fit_popularity, options, is_floor=True)


def _own_items() -> Recipe:
    def fit(known: Sequences, config: OwnItemsConfig) -> Retriever:
        return OwnItems(known.item_count, config.history_decay)

    options = {"history_decay": (0.5, 0.7, 0.9)}
    return Recipe("personal_frequency", OwnItemsConfig(), fit, options, is_floor=True)


def _covisitation(ages: Sequence[float]) -> Recipe:
    options = {
        "history_decay": (0.5, 0.6, 0.75, 0.85),
        "distance_power": (0.25, 0.5, 1.0),
        "backward": (0.25, 0.5, 0.8),
        "from_power": (0.3, 0.5, 0.7),
        "to_power": (0.0, 0.1, 0.2, 0.3, 0.4),
        "sequence_decay": ages,
    }
    return Recipe("covisitation", SequenceCovisitationConfig(), fit_sequence_covisitation, options)


def _transitions(ages: Sequence[float]) -> Recipe:
    config = SequenceCovisitationConfig(distance=1, backward=0.0, history_decay=0.5)
    options = {
        "history_decay": (0.25, 0.5, 0.75),
        "backward": (0.0, 0.3),
        "to_power": (0.0, 0.2, 0.4),
        "sequence_decay": ages,
    }
    return Recipe("transitions", config, fit_sequence_covisitation, options)


def _item_neighbours() -> Recipe:
    options = {"history_decay": (0.4, 0.6, 0.75, 0.9), "shrinkage": (2.0, 5.0, 20.0)}
    return Recipe(
        "item_neighbours", ItemNeighboursConfig(), fit_item_neighbours, options, is_floor=True
    )


def _user_neighbours() -> Recipe:
    options = {
        "history_decay": (0.4, 0.6, 0.8),
        "rarity_power": (0.1, 0.3, 0.5),
        "shrinkage": (0.3, 1.0, 3.0),
        "neighbours": (100, 200, 500),
    }
    return Recipe(
        "user_neighbours", UserNeighboursConfig(), fit_user_neighbours, options, is_floor=True
    )


def _session_neighbours(ages: Sequence[float], *, repeats: bool) -> Recipe:
    config = SessionNeighboursConfig(session_decay=ages[-1] / 2, repeats=0.3 if repeats else 0.0)
    options = {
        "nearness": (0.25, 0.5, 0.8),
        "history_decay": (0.5, 0.65, 0.8),
        "length_power": (0.0, 0.2, 0.5),
        "backward": (0.4, 0.6, 0.8),
        "to_power": (0.0, 0.2, 0.35),
        "rarity_power": (0.1, 0.3, 0.5),
        "repeats": (0.2, 0.3, 0.5, 0.8) if repeats else (0.0,),
        "session_decay": ages,
    }
    return Recipe("session_neighbours", config, fit_session_neighbours, options, is_floor=True)


def _factorisation() -> Recipe:
    """The inverse is computed once per ridge and set of sequences, not once per decay."""
    inverted: dict[tuple[int, float], Any] = {}

    def fit(known: Sequences, config: EaseConfig) -> Retriever:
        key = (len(known.item), config.ridge)
        if key not in inverted:
            inverted.clear()
            inverted[key] = fit_ease(known, config)
        return replace(inverted[key], history_decay=config.history_decay)

    options = {"history_decay": (0.4, 0.6, 0.8)}
    return Recipe("factorisation", EaseConfig(ridge=300.0), fit, options)


def _content(titles: Sequence[str]) -> Recipe:
    """Texts are compared once; the other knobs only weigh what was found."""
    alike = fit_content(title_vectors(titles), ContentConfig(sharpness=1.0))

    def fit(_known: Sequences, config: ContentConfig) -> Retriever:
        weight = alike.weight**config.sharpness
        return replace(alike, weight=weight, history_decay=config.history_decay)

    options = {"history_decay": (0.4, 0.6, 0.8), "sharpness": (1.0, 2.0, 3.0)}
    return Recipe("content", ContentConfig(), fit, options)
