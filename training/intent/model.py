"""One answer to what a shopper wants, from what was typed and what was done; either may be missing.

Log probabilities of the text, log likelihoods of the acts and of their order add up, each with a
weight learned on validation sessions (``train_acts.py``), since real acts hang together more than
the model of them. What moved the answer is found by leaving it out: each word, each act. The one
file read here is what ``train_acts.py`` learned (``acts.json``).

Dimensions: N sessions, K intents, W words, A acts.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from training.encoder.readable import readable
from training.fine_tuning.lesson import Head, Texts
from training.intent.acts import ACTS, ActModel, checked_acts, counted
from training.intent.lexicon import INTENTS

HEAD = Head("intent", "classes", INTENTS)
LEARNED = Path(__file__).parent / "acts.json"
_MOST_WORDS = 24  # of a query that are left out in turn; longer queries are rare
_SMALLEST = 1e-6  # probability below which a text does not speak

Floats = NDArray[np.float64]


class TextModel(Protocol):
    """What gives (N, K) probabilities of texts: the fine-tuned network, or its int8 twin."""

    def probabilities(self, texts: Texts, *, batch: int = 64) -> NDArray[np.float32]: ...


@dataclass(frozen=True)
class Weights:
    """How much each source counts beside the others, in log space."""

    text: float = 1.0
    counts: float = 1.0
    order: float = 0.0


@dataclass(frozen=True)
class Reason:
    """How much a word or an act raised the log odds of the answer; below zero it spoke against."""

    source: str  # word, act, or order: that of the acts
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
    """The text model, the model of acts, and how much each source weighs."""

    text: TextModel
    acts: ActModel
    weights: Weights

    @classmethod
    def beside(cls, text: TextModel) -> "IntentModel":
        """``text`` with the model of acts that ships."""
        return cls(text, *learned_acts())

    def answer(
        self,
        query: str = "",
        acts: Mapping[str, int] | None = None,
        in_order: Sequence[str] = (),
    ) -> Intent:
        """Of one session's latest query and its acts so far; with neither, all intents alike.

        Acts are counts, or ``in_order`` one after the other, which says more.
        """
        counts = checked_acts(acts or (counted(in_order) if in_order else {}))
        words = readable(query).split()
        of_text = self.weights.text * self._of_texts([" ".join(words), *_each_left_out(words)])
        by_act = self.weights.counts * self.acts.of_counts(counts)
        of_order = self.weights.order * self.acts.of_order(in_order)
        total = of_text[0] + by_act.sum(axis=1) + of_order
        best = int(total.argmax())
        left_out = [
            ("word", word, of_text[0] - without)
            for word, without in zip(words, of_text[1:], strict=False)
        ]
        left_out += [("act", act, by_act[:, at]) for at, act in enumerate(ACTS) if act in counts]
        left_out += [("order", " ".join(in_order), of_order)] if in_order else []
        reasons = [
            Reason(source, what, _odds(total, best) - _odds(total - said, best))
            for source, what, said in left_out
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
            found[said] = log_chances(self.text, [texts[row] for row in said])
        return found


def learned_acts(path: Path = LEARNED) -> tuple[ActModel, Weights]:
    """The model of acts and the weights that ``train_acts.py`` wrote."""
    found = json.loads(path.read_text(encoding="utf-8"))
    model = ActModel(np.array(found["rates"]), np.array(found["steps"]))
    return model, Weights(**found["weights"])


def log_chances(text: TextModel, texts: Sequence[str]) -> Floats:
    """(N, K) log probabilities of texts, none below what a text may say."""
    found: Floats = np.log(np.maximum(text.probabilities(Texts(tuple(texts))), _SMALLEST))
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
