"""The stages of the main job: their order and what makes the result of each stale.

A stage is a step module (``flows/steps/<name>.py``) plus one entry in ``STAGES``; ``stages.py``
runs it.
"""

from dataclasses import dataclass

from governance.errors import StateError


@dataclass(frozen=True)
class Stage:
    """One stage: ``after`` names the stages whose outputs it reads."""

    name: str
    title: str
    after: tuple[str, ...]
    code: tuple[str, ...]  # files and folders whose change makes the result stale
    settings: tuple[str, ...] = ()  # settings whose change makes the result stale
    is_always_run: bool = False
    files: tuple[str, ...] = ()  # settings that name a file whose change makes the result stale
    beside: tuple[str, ...] = ()  # globs of home files no stage makes: a new one makes it stale
    optimise: bool = False  # python -O: feast's import takes 6 s instead of 15 to 28 s


# Models that a person had learned apart: what of them in the home makes readings of texts stale.
INTENT_CARDS = "bundles/intent/[!.]*/text_bundle.json"
SENTIMENT_CARDS = "bundles/sentiment/[!.]*/sentiment_bundle.json"
LISTING_MODEL = "listings/{shop}.json"
_CONTRACTS = (
    "governance/contracts.py", "governance/contract_check.py", "governance/declared_columns.py",
    "governance/declared_features.py", "governance/declared_raw.py", "governance/declared_yaml.py",
)  # fmt: skip

STAGES: tuple[Stage, ...] = (
    Stage("import_raw", "import", (), ("flows/importers",), ("shop",)),
    Stage(
        "simulate", "simulate", ("import_raw",), ("training/simulator",),
        ("seed", "simulated_events"),
    ),
    Stage(
        "check_raw", "check raw", ("import_raw", "simulate"),
        (*_CONTRACTS, "dbt/models/staging", "dbt/models/sources"),
        ("quarantine_limit_rate",),
        beside=("raw/{shop}/reviews/current.json", "raw/{shop}/stock/current.json"),
    ),
    Stage(
        "read_texts", "read texts", ("check_raw",),
        ("training/encoder", "training/text_features", "training/intent", "training/sentiment",
         "training/listing_quality", "serving/intent_bundle.py", "flows/text_readings.py",
         "flows/query_intents.py", "flows/review_readings.py", "flows/listing_readings.py",
         "flows/kept_readings.py", "flows/text_tables.py"),
        ("encoder",), beside=(INTENT_CARDS, SENTIMENT_CARDS, LISTING_MODEL),
    ),
    Stage(
        "transform", "transform", ("check_raw", "read_texts"), ("dbt", "flows/rebuild.py"),
        ("usd_per_gbp",),
    ),
    Stage(
        "check_features", "check features", ("transform",),
        (*_CONTRACTS, "dbt/models/features"),
    ),
    Stage(
        "materialise", "materialise", ("check_features", "transform"),
        ("feature_repo", "dbt/models/features"),  # a ttl or default may change and no row with it
        ("online_store", "redis_url", "registry_database_url"), optimise=True,
    ),
    Stage(
        "check_online", "check online", ("materialise",), ("feature_repo",),
        ("seed", "checked_reads"),
        is_always_run=True, optimise=True,  # reads are logged, and the store changes, at any time
    ),
    Stage(
        "train", "train", ("check_features", "transform", "check_raw"),
        ("training", "feature_repo", "dbt/models/features", "flows/shop_orders.py",
         "flows/warm_start.py", "flows/measured.py"),
        ("seed", "sasrec_epochs", "warm_start", "fine_tune_epochs", "known_users_tolerance"),
        files=("recommender_knobs_path",), optimise=True,
    ),
    Stage("release", "release", ("train",), ("governance/releases.py",)),
    Stage("report", "report", (), ("governance",), is_always_run=True),
)  # fmt: skip


def stage_named(name: str) -> Stage:
    """The stage of that name; StateError for a name that is none."""
    for stage in STAGES:
        if stage.name == name:
            return stage
    raise StateError(
        f"no stage is named {name}",
        where="flows/stage_list.py",
        why=f"the stages are {', '.join(stage.name for stage in STAGES)}",
        next_step="correct the name",
    )
