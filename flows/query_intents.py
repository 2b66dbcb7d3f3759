"""What each query wants, by the intent model that ``counterfoil train intent`` taught last here.

It is asked as it is served, one query at a time, so that no query's intent depends on the others. A
query that it cannot read is judged by the rules of the lexicon, and without a model every one is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from flows.kept_readings import KeptReadings, Numbers
from flows.stage_list import INTENT_CARDS
from flows.stages import Progress
from flows.text_readings import text_digest
from governance.files import digest_of, newest_file
from governance.settings import Settings
from serving.intent_bundle import model_of
from training.intent.lexicon import INTENTS, lexicon_intents

CHUNK = 2_000  # queries a file: seconds of work that a kill can cost
_FORM = 1  # raised when the same model gives other numbers
_COLUMNS = ("intent",)  # its place in INTENTS, null where the model cannot read the query


@dataclass(frozen=True)
class QueryIntents:
    """The intent of each query; ``said`` tells a person by what it was found."""

    names: list[str]
    said: str
    model: str = ""  # empty: the rules alone


def read_intents(settings: Settings, queries: Sequence[str], progress: Progress) -> QueryIntents:
    """One of ``INTENTS`` for each query; what was read before is not read again."""
    if not queries:
        return QueryIntents([], "the shop has no searches, whose features take defaults")
    by_rules = [INTENTS[place] for place in lexicon_intents(queries)]
    card = newest_file(settings.home_dir.glob(INTENT_CARDS))
    if card is None:
        return QueryIntents(by_rules, "intents by rules")
    from training.text_bundle import open_text_bundle

    bundle = open_text_bundle(card.parent)
    model = model_of(bundle)

    def read(part: Sequence[str]) -> list[Numbers]:
        return [(_likeliest(model.of_text(query)),) for query in part]

    name = digest_of([bundle.card["digest"], _FORM])[:12]
    kept = KeptReadings(settings.texts_dir / settings.shop / f"intents-{name}", _COLUMNS)
    found = kept.read_anew(
        {text_digest(query): query for query in queries},
        read, chunk=CHUNK, progress=progress, what="queries",
    )  # fmt: skip
    places = [found[text_digest(query)][0] for query in queries]
    names = [
        rule if place is None else INTENTS[place]
        for place, rule in zip(places, by_rules, strict=True)
    ]
    return QueryIntents(names, f"intents by model {bundle.version}", bundle.version)


def _likeliest(probabilities: dict[str, float] | None) -> int | None:
    if probabilities is None:
        return None
    return INTENTS.index(max(probabilities, key=lambda name: probabilities[name]))
