"""``counterfoil read TASK``: what the home's newest model of a text task says of a text.

Apart from ``cli_read.py`` because it imports the encoder. Each answer is one that JSON can hold;
a task without a model says what to train. Personal data is ``masking.py``'s.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flows.importers.landing import current_landing
from governance.errors import InputError, StateError
from governance.files import newest_file
from governance.settings import Settings
from serving.intent_answer import IntentAnswers
from training.attributes.model import Extractor, extract
from training.attributes.rules_file import read_rules
from training.encoder.checkpoint import load_encoder
from training.encoder.readable import readable
from training.fine_tuning.lesson import Texts
from training.fine_tuning.model import TunedModel
from training.listing_quality.catalogue_file import read_shop
from training.query_category import model_file as category_file
from training.query_category.model import NAME as CATEGORY
from training.query_category.model import UNKNOWN, Guess
from training.sentiment import model_file as sentiment_file
from training.sentiment.model import HEAD, SentimentModel
from training.sentiment.said import said_of
from training.text_bundle import CARD as NETWORK_CARD
from training.text_bundle import open_text_bundle

Answer = dict[str, Any]
_BATCH = 64  # texts read at once
_DIGITS = 4  # of chances: more would be noise between machines
_RANKED = 3  # categories that are told
_SHOWN = 200  # characters of a text that its answer repeats


@dataclass(frozen=True)
class TextReader:
    """Who answers, in words, and the answers; ``version`` is empty where rules answer."""

    version: str
    told: str
    read: Callable[[Sequence[str]], list[Answer]]

    def answers(self, texts: Sequence[str]) -> Iterator[Answer]:
        """Of each text in turn, few in memory, with its beginning."""
        for begin in range(0, len(texts), _BATCH):
            batch = texts[begin : begin + _BATCH]
            for text, answer in zip(batch, self.read(batch), strict=True):
                yield {"text": readable(text, _SHOWN), **answer}


def open_reader(settings: Settings, task: str) -> TextReader:
    """The reader of a task of ``READERS``; StateError where its model was not trained here."""
    if task not in READERS:
        raise InputError(
            f"no text is read for {task}",
            where="counterfoil read",
            why=f"the tasks are {', '.join(READERS)}",
            next_step='counterfoil read category "oat milk"',
        )
    import torch

    torch.set_num_threads(settings.threads)
    return READERS[task](settings)


def _category(settings: Settings) -> TextReader:
    card = _newest("category", settings.bundles_dir / CATEGORY, category_file.CARD, NETWORK_CARD)
    if card.name == NETWORK_CARD:
        bundle = open_text_bundle(card.parent)
        network = bundle.model()
        return TextReader(
            bundle.version,
            "a fine-tuned head",
            lambda texts: [_told(guess) for guess in _headed(network, texts)],
        )
    near, encoder = category_file.open_categories(card.parent), load_encoder(settings.encoder)
    model = near.model(encoder)
    return TextReader(
        near.version,
        "nearness to known queries and titles",
        lambda texts: [_told(guess) for guess in model.guess(texts, encoder, most=_RANKED)],
    )


def _headed(network: TunedModel, texts: Sequence[str]) -> list[Guess]:
    """As nearness guesses, but that a head answers whatever it is asked."""
    found = network.probabilities(Texts(tuple(texts)))
    best = np.argsort(-found, axis=1, kind="stable")[:, :_RANKED]
    guesses = []
    for text, row, places in zip(texts, found, best, strict=True):
        ranked = tuple((network.head.labels[place], float(row[place])) for place in places)
        guesses.append(Guess(ranked[0][0] if readable(text) else UNKNOWN, ranked[0][1], ranked))
    return guesses


def _told(guess: Guess) -> Answer:
    ranked = [{"category": name, "probability": _rounded(p)} for name, p in guess.ranked]
    return {
        "category": guess.category or None,
        "probability": _rounded(guess.probability),
        "ranked": ranked,
    }


def _sentiment(settings: Settings) -> TextReader:
    card = _newest("sentiment", settings.bundles_dir / HEAD.name, sentiment_file.CARD)
    bundle = sentiment_file.open_sentiment(card.parent)
    model = bundle.model()
    return TextReader(
        bundle.version,
        "the chance that the writer recommends the item; aspects by their words",
        lambda texts: _reviewed(model, [readable(text) for text in texts]),
    )


def _reviewed(model: SentimentModel, texts: Sequence[str]) -> list[Answer]:
    return [
        {
            "recommended": _rounded(chance) if text else None,
            "aspects": [
                asdict(one) | {"polarity": _rounded(one.polarity)} for one in said_of(text, model)
            ],
        }
        for text, chance in zip(texts, model.probabilities(texts).tolist(), strict=True)
    ]


def _attributes(settings: Settings) -> TextReader:
    landing = current_landing(settings.raw_dir, settings.shop, "items")
    if landing is None:
        extractor, told = Extractor(read_rules()), "rules; no catalogue judged how right they are"
    else:
        from flows.listings import extractor_of  # LightGBM: no other task needs it

        extractor, _ = extractor_of(landing.path, read_shop(landing.path))
        told = f"rules, as right as the package sizes of {settings.shop} say"
    return TextReader(
        "", told, lambda texts: [{"attributes": _stated(text, extractor)} for text in texts]
    )


def _stated(text: str, extractor: Extractor) -> list[Answer]:
    kept = ("name", "value", "unit", "text", "confidence")
    return [
        {name: getattr(one, name) for name in kept}
        for one in extract(text, extractor)
        if isinstance(one.value, str) or np.isfinite(one.value)
    ]


def _intent(settings: Settings) -> TextReader:
    answering = IntentAnswers.open(settings.bundles_dir)
    return TextReader(
        answering.version,
        "as the server answers a query without acts",
        lambda texts: [answering.answer(text) for text in texts],
    )


def _newest(task: str, shelf: Path, *cards: str) -> Path:
    """The card of the bundle that was written last."""
    card = newest_file(path for name in cards for path in shelf.glob(f"[!.]*/{name}"))
    if card is None:
        raise StateError(
            f"no model of {task} has been trained",
            where=str(shelf),
            why="this home has no bundle of it",
            next_step=f"counterfoil train {task}",
        )
    return card


def _rounded(value: float) -> float:
    return round(float(value), _DIGITS)


READERS: Mapping[str, Callable[[Settings], TextReader]] = {
    "attributes": _attributes,
    "category": _category,
    "intent": _intent,
    "sentiment": _sentiment,
}
