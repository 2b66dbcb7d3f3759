"""One answer to what a shopper wants, from what was typed and what was done; either may be missing.

Log probabilities of the text, log likelihoods of the acts and of their order add up, each with a
weight learned on validation sessions (``train_acts.py``), since real acts hang together more than
the model of them. What moved the answer is found by leaving it out: each word, each act. A query
in a script that the network was not taught does not count, and the answer says so.

Dimensions: N sessions, K intents, W words, A acts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from training.encoder.readable import readable
from training.fine_tuning.lesson import Head, Texts
from training.intent.acts import ACTS, ActModel, checked_acts, counted
from training.intent.lexicon import INTENTS
from training.intent.scripts import LATIN, unread_because

HEAD = Head("intent", "classes", INTENTS)
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
    """The likeliest intent, (K,) probabilities by name, and what moved it, the strongest first.

    ``parts`` are what text and acts say alone, None where one is silent; ``unsure_because`` is
    empty where the answer can be relied on as far as the model goes.
    """

    intent: str
    probabilities: dict[str, float]
    parts: dict[str, dict[str, float] | None]
    reasons: tuple[Reason, ...]
    unsure_because: str


@dataclass(frozen=True)
class IntentModel:
    """The text model, the model of acts, and how much each source weighs."""

    text: TextModel
    acts: ActModel
    weights: Weights
    scripts: tuple[str, ...] = (LATIN,)  # that the text model was taught

    @classmethod
    def beside(
        cls, text: TextModel, learned: Mapping[str, Any], *, scripts: Sequence[str] = (LATIN,)
    ) -> "IntentModel":
        """``text``, taught queries in ``scripts``, with what ``train_acts.py`` learned."""
        return cls(text, *learned_acts(learned), tuple(scripts))

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
        counts = counts if any(counts.values()) else {}  # nothing done yet says nothing
        unread = unread_because(query, self.scripts)
        words = [] if unread else readable(query).split()
        of_text = self.weights.text * self._of_texts([" ".join(words), *_each_left_out(words)])
        by_act = self.weights.counts * self.acts.of_counts(counts)
        of_order = self.weights.order * self.acts.of_order(in_order)
        of_acts = by_act.sum(axis=1) + of_order
        total = of_text[0] + of_acts
        best = int(total.argmax())
        left_out = [
            ("word", word, of_text[0] - without)
            for word, without in zip(words, of_text[1:], strict=False)
        ]
        left_out += [("act", act, by_act[:, at]) for at, act in enumerate(ACTS) if act in counts]
        left_out += [("order", " ".join(in_order), of_order)] if in_order else []
        odds = _odds(total, best)
        reasons = [
            Reason(source, what, odds - _odds(total - said, best))
            for source, what, said in left_out
        ]
        parts = {
            "text": _named(of_text[0]) if words else None,
            "acts": _named(of_acts) if counts else None,
        }
        return Intent(
            INTENTS[best],
            _named(total),
            parts,
            tuple(sorted(reasons, key=lambda reason: -abs(reason.raised))),
            unread or ("no intent is likelier than the others together" if odds < 0 else ""),
        )

    def of_text(self, query: str) -> dict[str, float] | None:
        """(K,) probabilities by what was typed alone, without reasons; None where it is unread."""
        words = [] if unread_because(query, self.scripts) else readable(query).split()
        return _named(self.weights.text * self._of_texts([" ".join(words)])[0]) if words else None

    def _of_texts(self, texts: list[str]) -> Floats:
        """(len(texts), K) log probabilities; an empty text says nothing."""
        found = np.zeros((len(texts), len(INTENTS)))
        said = [row for row, text in enumerate(texts) if text]
        if said:
            found[said] = log_chances(self.text, [texts[row] for row in said])
        return found


def learned_acts(learned: Mapping[str, Any]) -> tuple[ActModel, Weights]:
    """Rates, steps and weights, as ``acts.json`` and the card of a bundle hold them."""
    acts = ActModel(np.array(learned["rates"]), np.array(learned["steps"]))
    return acts, Weights(**learned["weights"])


def log_chances(text: TextModel, texts: Sequence[str]) -> Floats:
    """(N, K) log probabilities of texts, none below what a text may say."""
    found: Floats = np.log(np.maximum(text.probabilities(Texts(tuple(texts))), _SMALLEST))
    return found


def _each_left_out(words: list[str]) -> list[str]:
    return [
        " ".join(words[:place] + words[place + 1 :])
        for place in range(min(len(words), _MOST_WORDS))
    ]


def _named(evidence: Floats) -> dict[str, float]:
    """(K,) log evidence as probabilities by name."""
    chances = np.exp(evidence - np.logaddexp.reduce(evidence))
    return {name: round(float(chance), 6) for name, chance in zip(INTENTS, chances, strict=True)}


def _odds(total: Floats, best: int) -> float:
    """Log odds of one intent against all others together."""
    others = np.delete(total, best)
    return float(total[best] - np.logaddexp.reduce(others))
