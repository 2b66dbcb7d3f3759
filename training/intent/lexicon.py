"""Intent by rules over words: the floor that a learned model has to beat. Pure; knows no files.

The rules are the codebook's signs in its order of tie-breaks (``tests/data/intent/CODEBOOK.md``):
what no shop answers, goods against each other, knowledge, and else a purchase.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.encoder.readable import readable

INTENTS = ("buy", "learn", "compare", "out_of_shop")

_OUT = re.compile(
    r"\b(my (order|parcel|package|account|password|refund)|track|refunds?|returns?|deliver(y|ed)|"
    r"weather|jobs?|careers?|salary|log ?in|password|near me|opening hours|customer service|"
    r"flights?|hotels?|tickets?|insurance|mortgage|loans?|translate|lyrics|news|score|hello|hi|"
    r"thanks|who (is|are|was|invented)|capital of)\b"
)
_COMPARE = re.compile(
    r"\b(vs|versus|compared?|comparison|better|best|top (rated|\d+)|highest rated|reviews?|"
    r"ratings?|worth|alternatives?|dupes?|recommend|which|difference between|or|most|quietest|"
    r"lightest|any good)\b"
)
_LEARN = re.compile(
    r"^(how|what|whats|why|when|can|is|are|does|do i)\b|\b(ideas|inspiration|recipe|manual|guide|"
    r"instructions|size chart|design|designs|meaning|explained|tutorial|patterns)\b"
)


def lexicon_intents(queries: Sequence[str]) -> NDArray[np.int64]:
    """(N,) places in ``INTENTS``; an empty query is out of the shop's reach."""
    return np.array([INTENTS.index(_intent(readable(query).casefold())) for query in queries])


def _intent(query: str) -> str:
    if not any(letter.isalpha() for letter in query) or _OUT.search(query):
        return "out_of_shop"
    if _COMPARE.search(query):
        return "compare"
    return "learn" if _LEARN.search(query) else "buy"
