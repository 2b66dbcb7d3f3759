"""Read texts: models read each different title, query, listing and review once, for dbt's features.

dbt holds SQL only, so scores of a model are made here, as tables that dbt selects from. A text that
was read before is not read again; a killed run goes on after the last file of readings. Models that
the home lacks leave nulls, and the summary says so.
"""

import duckdb

from flows.listing_readings import read_listings
from flows.query_intents import read_intents
from flows.review_readings import read_shop_reviews
from flows.stages import Progress, StepResult
from flows.text_readings import open_reader, read_anew, text_digest
from flows.text_tables import drop_table, table_path, write_table
from governance.settings import Settings
from training.listing_quality.listing import Listing

_ITEMS = """
    select item_id, coalesce(title, ''), coalesce(description, ''), coalesce(brand, ''),
        coalesce(category_path, '')
    from raw.items order by item_id
"""
_QUERIES = "select distinct query from raw.searches where query is not null order by query"
_REVIEWS = "select review_id, title, body from raw.reviews order by review_id"


def run(settings: Settings, progress: Progress, _source: str | None = None) -> StepResult:
    """Read what is new; leave a table of each kind of text for dbt."""
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as warehouse:
        items = [Listing(*row) for row in warehouse.execute(_ITEMS).fetchall()]
        queries = [str(row[0]) for row in warehouse.execute(_QUERIES).fetchall()]
        reviews = warehouse.execute(_REVIEWS).fetchall()
    titles = [one.title for one in items]
    reader = open_reader(settings, titles, progress)
    found = read_anew(reader, [*titles, *queries], progress)
    numbers = {text: found[text_digest(text)] for text in {*titles, *queries}}
    wants = read_intents(settings, queries, progress)
    good = read_listings(settings, items, reader.encoder, progress)
    told = read_shop_reviews(settings, reviews, progress)
    outputs = [
        write_table(
            settings,
            "items",
            [
                (one.item_id, *numbers[one.title], *row)
                for one, row in zip(items, good.numbers, strict=True)
            ],
        ),
        write_table(
            settings,
            "queries",
            [
                (query, intent, *numbers[query])
                for query, intent in zip(queries, wants.names, strict=True)
            ],
        ),
        reader.folder / "axes.safetensors",
    ]
    if told.model:
        pairs = zip(reviews, told.numbers, strict=True)
        rows = [(review_id, *row) for (review_id, _, _), row in pairs]
        outputs.append(write_table(settings, "reviews", rows))
    else:
        drop_table(settings, "reviews")
    said = "; ".join(each.said for each in (wants, good, told))
    return StepResult(
        f"{len(found):,} texts of {len(items):,} items and {len(queries):,} queries; {said}"
        f" -> {table_path(settings, 'items').parent}",
        tuple(outputs),
        {
            "texts": len(found), "items": len(items), "queries": len(queries),
            "reviews": len(reviews), "model": reader.digest, "intent": wants.model,
            "listing_quality": good.model, "sentiment": told.model,
        },
    )  # fmt: skip
