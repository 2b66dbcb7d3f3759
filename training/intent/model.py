"""One answer to what a shopper wants, from what was typed and what was done; either may be missing.

Log probabilities of the text and log likelihoods of the acts add up, the acts with a weight chosen
on validation, since real acts hang together more than the model of them. What moved the answer is
found by leaving it out: each word, each act. Knows no files.

Dimensions: K intents, W words, A acts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from training.encoder.readable import readable
from training.fine_tuning.lesson import Head, Texts
from training.intent.acts import ACTS, ActRates, checked_acts
from training.intent.lexicon import INTENTS

HEAD = Head("intent", "classes", INTENTS)
_MOST_WORDS = 24  # of a query that are left out in turn; longer queries are rare
_SMALLEST = 1e-6  # probability below which a text does not speak

Floats = NDArray[np.float64]


class TextModel(Protocol):
    """What gives (N, K) probabilities of texts: the fine-tuned network, or its int8 twin."""

    def probabilities(self, texts: Texts, *, batch: int = 64) -> NDArray[np.float32]: ...


@dataclass(frozen=True)
class Reason:
    """How much a word or an act raised the log odds of the answer; below zero it spoke against."""

    source: str  # word or act
    what: str
    raised: float


@dataclass(frozen=True)
class Intent:
    """The likeliest intent, (K,) probabilities by name, and what moved it, the strongest first."""

    intent: str
    probabilities: dict[str, float]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class IntentModel:
    """The text model, the rates of acts, and how much the acts weigh beside the text."""

    text: TextModel
    acts: ActRates
    weight: float = 0.5

    def answer(self, query: str = "", acts: Mapping[str, int] | None = None) -> Intent:
        """Of one session's latest query and its acts so far; with neither, all intents alike."""
        counts = checked_acts(acts or {})
        words = readable(query).split()
        texts = [" ".join(words), *_each_left_out(words)]
        of_text = self._of_texts(texts)
        by_act = self.weight * self.acts.evidence(counts)
        total = of_text[0] + by_act.sum(axis=1)
        best = int(total.argmax())
        reasons = [
            Reason("word", word, _odds(total, best) - _odds(total - of_text[0] + left_out, best))
            for word, left_out in zip(words, of_text[1:], strict=False)
        ]
        reasons += [
            Reason("act", act, _odds(total, best) - _odds(total - by_act[:, place], best))
            for place, act in enumerate(ACTS)
            if act in counts
        ]
        chances = np.exp(total - np.logaddexp.reduce(total))
        return Intent(
            INTENTS[best],
            {name: round(float(chance), 6) for name, chance in zip(INTENTS, chances, strict=True)},
            tuple(sorted(reasons, key=lambda reason: -abs(reason.raised))),
        )

    def _of_texts(self, texts: list[str]) -> Floats:
        """(len(texts), K) log probabilities; an empty text says nothing."""
        found = np.zeros((len(texts), len(INTENTS)))
        said = [row for row, text in enumerate(texts) if text]
        if said:
            chances = self.text.probabilities(Texts(tuple(texts[row] for row in said)))
            found[said] = np.log(np.maximum(chances, _SMALLEST))
        return found


def _each_left_out(words: list[str]) -> list[str]:
    return [
        " ".join(words[:place] + words[place + 1 :])
        for place in range(min(len(words), _MOST_WORDS))
    ]


def _odds(total: Floats, best: int) -> float:
    """Log odds of one intent against all others together."""
    others = np.delete(total, best)
    return float(total[best] - np.logaddexp.reduce(others))
