"""Records: what was done, with what, and what came of it (SQLModel; SQLite or PostgreSQL by URL).

Rows are appended, never updated. Every record names the digest of what it speaks about, so that an
audit can follow an answer back to the raw landing. Times are aware UTC. The tables change only
through ``governance/migrations`` (Alembic), which :func:`open_records` brings to the newest first.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, DateTime, Engine, event
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError
from sqlmodel import Field, Session, SQLModel, create_engine

from governance.errors import StateError
from governance.settings import Settings

MIGRATIONS_DIR = Path(__file__).parent / "migrations"
_BUSY_TIMEOUT_MS = 30_000  # a flow and a predictor may write the same SQLite file


def _now() -> datetime:
    return datetime.now(UTC)


class RecordBase(SQLModel):
    """What every record has: a number in order of writing and the time of writing (UTC)."""

    id: int | None = Field(default=None, primary_key=True)
    recorded_at: datetime = Field(default_factory=_now, sa_type=DateTime(timezone=True))  # type: ignore[call-overload]


class ImportRecord(RecordBase, table=True):
    """One table of a shop landed in raw/."""

    __tablename__ = "import_record"
    shop: str
    table_name: str
    source: str
    source_sha256: str
    landing_sha256: str
    rows: int
    is_synthetic: bool


class ContractCheck(RecordBase, table=True):
    """One table held against its contract: rows in = rows kept + rows quarantined."""

    __tablename__ = "contract_check"
    stage: str  # raw or features
    table_name: str
    checks: int
    rows_in: int
    rows_kept: int
    rows_quarantined: int
    is_passed: bool
    failures: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)


class Transformation(RecordBase, table=True):
    """One dbt build: nodes by outcome, and the digest of what it was built from."""

    __tablename__ = "transformation"
    invocation_id: str
    inputs_sha256: str
    seconds: float
    outcomes: dict[str, int] = Field(default_factory=dict, sa_type=JSON)
    rows: dict[str, int] = Field(default_factory=dict, sa_type=JSON)


class TrainingSet(RecordBase, table=True):
    """One point-in-time-correct training set and the digest of its manifest."""

    __tablename__ = "training_set"
    manifest_sha256: str = Field(index=True)
    rows: int
    synthetic_rows: int
    first_label_at: str
    last_label_at: str
    feature_service: str
    schema_hash: str


class TrainingRun(RecordBase, table=True):
    """One training with its seed, seconds and metrics."""

    __tablename__ = "training_run"
    model_name: str
    model_version: str
    training_set_sha256: str
    seed: int
    seconds: float
    metrics: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)


class ModelVersion(RecordBase, table=True):
    """One bundle on disk, by content."""

    __tablename__ = "model_version"
    model_name: str = Field(index=True)
    model_version: str = Field(index=True)
    bundle_sha256: str
    feature_service: str
    schema_hash: str


class Release(RecordBase, table=True):
    """One decision whether a challenger becomes champion; the newest released one is champion."""

    __tablename__ = "release"
    model_name: str = Field(index=True)
    challenger_version: str
    champion_version: str | None
    is_released: bool
    reason: str
    comparison: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)


class StageRun(RecordBase, table=True):
    """One stage of a flow that ran, was found unchanged, or failed."""

    __tablename__ = "stage_run"
    flow_run: str = Field(index=True)
    stage: str
    status: str  # done, unchanged or failed
    fingerprint: str
    seconds: float
    summary: str


class Decision(RecordBase, table=True):
    """One answer of a predictor with what it was made from (see governance/receipts.py)."""

    __tablename__ = "decision"
    request_id: str = Field(index=True, unique=True)
    requested_at: datetime = Field(sa_type=DateTime(timezone=True))  # type: ignore[call-overload]
    model_name: str
    model_version: str
    model_digest: str
    feature_service: str
    schema_hash: str
    user_id: str = Field(index=True)
    surface: str
    fallback: str | None = None
    is_degraded: bool = False
    request_json: str
    candidates_json: str
    features_json: str
    answer_json: str
    policy_json: str = Field(default="{}", sa_column_kwargs={"server_default": "{}"})


class ListingRepair(RecordBase, table=True):
    """One event of a repair's life: proposed, accepted, rejected, applied or reverted."""

    __tablename__ = "listing_repair"
    repair_id: str = Field(index=True)
    event: str
    actor: str
    shop: str = Field(index=True)
    item_id: str
    field: str
    kind: str
    before_json: str  # JSON in ASCII, so that every text comes back byte for byte
    after_json: str
    reason: str
    confidence: float
    model_digest: str


class ListingText(RecordBase, table=True):
    """The text that holds for a listing's field from here on; the newest row of a field counts."""

    __tablename__ = "listing_text"
    shop: str = Field(index=True)
    item_id: str = Field(index=True)
    field: str
    raw_json: str  # as the shop wrote it, in raw/
    value_json: str
    is_repaired: bool
    repair_id: str


@lru_cache(maxsize=4)
def open_records(url: str) -> Engine:
    """An engine whose schema is at the newest migration; StateError when it cannot be had."""
    try:
        engine = _engine(url)
        with _migrating(url) as once:
            migrate(once)
    except (OperationalError, ArgumentError, NoSuchModuleError, ImportError, OSError) as error:
        raise StateError(
            "the record store cannot be opened",
            where=url.split("@")[-1],
            why=str(error).splitlines()[0],
            next_step="check COUNTERFOIL_RECORDS_URL and that the database answers",
        ) from None
    return engine


def migrate(engine: Engine) -> None:
    """Bring the schema to the newest revision; nothing is done when it is there already."""
    from alembic import command  # 0.4 s, and only wanted here
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS_DIR))
    newest = ScriptDirectory.from_config(config).get_current_head()
    with engine.begin() as connection:
        if MigrationContext.configure(connection).get_current_revision() == newest:
            return
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


@contextmanager
def session(settings: Settings) -> Iterator[Session]:
    """One transaction on the record store: committed at the end, rolled back on an error."""
    with Session(open_records(settings.records_database_url), expire_on_commit=False) as opened:
        yield opened
        opened.commit()


@contextmanager
def _migrating(url: str) -> Iterator[Engine]:
    """An engine for migrations alone; its connections are closed when they are done."""
    engine = _engine(url, is_migrating=True)
    try:
        yield engine
    finally:
        engine.dispose()


def _engine(url: str, *, is_migrating: bool = False) -> Engine:
    """SQLite's migrations are one transaction, which Python's driver begins only if it is told."""
    if not url.startswith("sqlite:///"):
        return create_engine(url, pool_pre_ping=True)
    Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": _BUSY_TIMEOUT_MS / 1000})

    @event.listens_for(engine, "connect")
    def _set_pragmas(connection: Any, _record: Any) -> None:
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = normal")
        if is_migrating:
            connection.isolation_level = None

    if is_migrating:

        @event.listens_for(engine, "begin")
        def _begin(connection: Any) -> None:
            connection.exec_driver_sql("begin immediate")  # also against another that migrates

    return engine
