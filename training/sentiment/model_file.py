"""A sentiment model as files that prove themselves: ``bundles/sentiment/<version>/``.

Terms and the joining line are JSON, rarities and weights safetensors, the network a text bundle in
a folder of its own; nothing is pickled.

    model = open_sentiment(folder).model()
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from safetensors.numpy import load_file, save_file

from governance.files import write_json, write_text
from training.fine_tuning.taught import TaughtText
from training.sealed_folder import Sealed, seal, verified
from training.sentiment.model import HEAD, SentimentModel
from training.sentiment.words import WordModel
from training.text_bundle import open_text_bundle, save_text_bundle

CARD = "sentiment_bundle.json"
FORMAT = 1  # raised when a reader of old bundles would misread a new one
_TERMS, _NUMBERS = "words.json", "words.safetensors"
_LINE = ("network_weight", "word_weight", "offset", "usual_odds")
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class SentimentBundle(Sealed):
    """A verified bundle: its folder and its card."""

    def model(self) -> SentimentModel:
        """The model, ready to answer."""
        name = self.card["network"]
        network = open_text_bundle(self.folder / name).model() if name else None
        words = _read_words(self.folder, self.card["line"]["words_offset"])
        line = {name: self.card["line"][name] for name in _LINE}
        return SentimentModel(network=network, words=words, **line)


def save_sentiment(
    bundles_dir: Path,
    model: SentimentModel,
    network: TaughtText | None,
    *,
    facts: Mapping[str, object],
    pages: Mapping[str, str] = _NOTHING,
) -> SentimentBundle:
    """Write it beside and rename it; ``network`` is the model's own with what it reached."""

    def write(folder: Path) -> Mapping[str, object]:
        words = model.words
        write_json(folder / _TERMS, {"words": words.words, "characters": words.characters})
        arrays = {
            "word_rarity": words.word_rarity,
            "character_rarity": words.character_rarity,
            "weights": words.weights,
        }
        save_file(arrays, folder / _NUMBERS)
        for name, text in pages.items():
            write_text(folder / name, text)
        line = {name: getattr(model, name) for name in _LINE} | {"words_offset": words.offset}
        saved = save_text_bundle(folder, network, facts={}) if network else None
        within = saved.folder.relative_to(folder).as_posix() if saved else None
        lost = saved.card["int8"] if saved else None  # by 8 bits, of the network alone
        own = {"model_name": HEAD.name, "format": FORMAT, "line": line}
        return {**facts, **own, "network": within, "int8": lost}

    return open_sentiment(seal(bundles_dir / HEAD.name, CARD, write))


def open_sentiment(folder: Path, *, digest: str = "") -> SentimentBundle:
    """Verify every file against the card, before any of them is read."""
    return SentimentBundle(folder, verified(folder, CARD, form=FORMAT, digest=digest))


def _read_words(folder: Path, offset: float) -> WordModel:
    terms = json.loads((folder / _TERMS).read_text(encoding="utf-8"))
    numbers = load_file(folder / _NUMBERS)
    return WordModel(
        words=tuple(terms["words"]), characters=tuple(terms["characters"]), offset=offset, **numbers
    )
