"""Fit the query help of a shop: from its catalogue's titles and, where there are any, its sessions.

    query_help = learn_query_help(items, rows, rules=read_rules(), seed=1, as_of=now)

Seconds for 20,000 listings. Without sessions there are no synonyms, and completions come from the
catalogue alone. Same items, rows and seed: the same bytes. Pure.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from training.attributes.model import Rules
from training.query_help.completion_lesson import IsPersonal, is_personal, learn_completions
from training.query_help.filter_lesson import CatalogueItem, classes_of, learn_filters
from training.query_help.model import QueryHelp
from training.query_help.spelling import correct
from training.query_help.spelling_lesson import teach
from training.query_help.synonym_mining import mine_synonyms
from training.query_help.synonyms import SearchRow
from training.query_help.vocabulary import language_words, learn_vocabulary

__all__ = ["CatalogueItem", "SearchRow", "language_words", "learn_query_help"]


def learn_query_help(
    items: Sequence[CatalogueItem],
    rows: Sequence[SearchRow] = (),
    *,
    rules: Rules,
    seed: int,
    as_of: datetime | None = None,
    personal: IsPersonal = is_personal,
    language: Collection[str] = (),
) -> QueryHelp:
    """``rows`` from ``as_of`` on are not read.

    A query with a slip of spelling is completed to by nobody.
    ``language``: :func:`language_words` of an encoder's tokens, so that fewer right words change.
    """
    past = [row for row in rows if as_of is None or row.at < as_of]
    titles = [item.title for item in items]
    filters = learn_filters(items, rules)
    vocabulary = learn_vocabulary(titles, language)
    names = sorted({name for item in items for name in (item.brand, item.category) if name})
    speller = teach(vocabulary, titles, seed=seed)
    slips = {query for query in {row.query for row in past} if correct(query, speller).changes}
    asked = [row for row in past if row.query not in slips]
    return QueryHelp(
        speller=speller,
        synonyms=mine_synonyms(past, classes_of(items), vocabulary),
        filters=filters,
        completions=learn_completions(titles, asked, names=names, as_of=as_of, personal=personal),
    )
