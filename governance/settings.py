"""Settings: the only reader of the environment, and the only place that knows a path.

Every setting is a field with a reason beside its default; ``COUNTERFOIL_<FIELD>`` overrides it.
``counterfoil config`` prints each value and where it came from. dbt and Feast get theirs from
:meth:`Settings.as_env`, so that no other file names a path.
"""

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from governance.errors import InputError

PROJECT_ROOT = Path(__file__).resolve().parent.parent
SHOPS = ("complete_journey", "online_retail")


class Settings(BaseSettings):
    """What a run may be told from outside. Unknown ``COUNTERFOIL_`` names are an error."""

    model_config = SettingsConfigDict(env_prefix="COUNTERFOIL_", frozen=True, extra="forbid")

    home: Path = Path(".counterfoil")  # all state in one folder: one thing to back up or delete
    shop: Literal["complete_journey", "online_retail"] = "complete_journey"  # installs from PyPI
    seed: int = Field(default=20170101, ge=0)  # the default shop's first day; any constant would do
    simulated_events: int = Field(default=1_200_000, ge=0, le=2_000_000_000)  # demo asks for 1 M
    quarantine_limit_rate: float = Field(default=0.02, ge=0, le=1)  # both real shops: under 2 %
    online_store: Literal["sqlite", "redis"] = "sqlite"  # nothing to install
    redis_url: str = "localhost:6379"  # host:port[,db=N], the form Feast takes
    online_clock: Literal["data", "wall"] = "data"  # the shops that ship ended in 2011 and 2017
    records_url: str = ""  # empty: SQLite in home; or postgresql+psycopg://...
    registry_url: str = ""  # empty: SQLite in home; Feast's file registry tears when killed
    threads: int = Field(default=2, ge=1, le=256)  # the smallest machine we measure on
    duckdb_memory_limit: str = Field(default="3GB", pattern=r"^\d+(\.\d+)?(MB|GB)$")  # of 8 GB
    checked_reads: int = Field(default=200, ge=1, le=1_000_000)  # 8,000 values, under a second
    http_port: int = Field(default=8080, ge=1, le=65535)  # KServe's own default
    grpc_port: int = Field(default=8081, ge=1, le=65535)  # KServe's own default
    dashboard_port: int = Field(default=4200, ge=1, le=65535)  # Prefect's own default
    usd_per_gbp: float = Field(default=1.55, gt=0)  # mean of 2010-12 to 2011-12, to one digit
    sasrec_epochs: int = Field(default=6, ge=1)  # upper bound; early stopping ends sooner
    warm_start: Literal["never", "champion"] = "never"  # the train flow sets it; demo is repeatable
    fine_tune_epochs: int = Field(default=2, ge=1)  # a third of sasrec_epochs: most is known
    known_users_tolerance: float = Field(default=0.03, ge=0, le=1)  # as two seeds may differ
    recommender_knobs: Path = Path("training/recommender/recommender.yaml")  # a trial has its own
    encoder: str = ""  # empty: MiniLM-L6 of the lock; or a checkpoint's folder, or a hub's id
    tracking: Literal["none", "tensorboard"] = "none"  # the bundle's history.json is kept anyway

    @property
    def recommender_knobs_path(self) -> Path:
        return PROJECT_ROOT / self.recommender_knobs  # an absolute one stays as it is

    @property
    def project_root(self) -> Path:
        return PROJECT_ROOT

    @property
    def home_dir(self) -> Path:
        return self.home if self.home.is_absolute() else PROJECT_ROOT / self.home

    @property
    def raw_dir(self) -> Path:
        return self.home_dir / "raw"

    @property
    def quarantine_dir(self) -> Path:
        return self.home_dir / "quarantine"

    @property
    def warehouse_path(self) -> Path:
        return self.home_dir / "warehouse.duckdb"

    @property
    def features_dir(self) -> Path:
        return self.home_dir / "features"

    @property
    def texts_dir(self) -> Path:
        return self.home_dir / "texts"

    @property
    def online_path(self) -> Path:
        return self.home_dir / "online.db"

    @property
    def bundles_dir(self) -> Path:
        return self.home_dir / "bundles"

    @property
    def searches_dir(self) -> Path:
        return self.home_dir / "searches"

    @property
    def tracking_dir(self) -> Path:
        return self.home_dir / "tracking"

    @property
    def training_sets_dir(self) -> Path:
        return self.home_dir / "training_sets"

    @property
    def stages_dir(self) -> Path:
        return self.home_dir / "stages"

    @property
    def reports_dir(self) -> Path:
        return self.home_dir / "reports"

    @property
    def logs_dir(self) -> Path:
        return self.home_dir / "logs"

    @property
    def spark_dir(self) -> Path:
        return self.home_dir / "spark"  # dbt/profiles.yml and dbt/macros name it too

    @property
    def prefect_dir(self) -> Path:
        return self.home_dir / "prefect"

    @property
    def dbt_dir(self) -> Path:
        return PROJECT_ROOT / "dbt"

    @property
    def feature_repo_dir(self) -> Path:
        return PROJECT_ROOT / "feature_repo"

    @property
    def records_database_url(self) -> str:
        return self.records_url or f"sqlite:///{self.home_dir / 'records.db'}"

    @property
    def registry_database_url(self) -> str:
        return self.registry_url or f"sqlite:///{self.home_dir / 'registry.db'}"

    def as_env(self) -> dict[str, str]:
        """Environment variables for dbt, Feast and Prefect child processes, telemetry off."""
        return {
            "COUNTERFOIL_HOME": str(self.home_dir),
            "COUNTERFOIL_SHOP": self.shop,
            "COUNTERFOIL_SIMULATED_EVENTS": str(self.simulated_events),
            "COUNTERFOIL_THREADS": str(self.threads),
            "COUNTERFOIL_DUCKDB_MEMORY_LIMIT": self.duckdb_memory_limit,
            "COUNTERFOIL_USD_PER_GBP": str(self.usd_per_gbp),
            "COUNTERFOIL_WARM_START": self.warm_start,
            "COUNTERFOIL_TRACKING": self.tracking,
            "COUNTERFOIL_RECOMMENDER_KNOBS": str(self.recommender_knobs_path),
            "COUNTERFOIL_ENCODER": self.encoder,
            "COUNTERFOIL_CHECKED_READS": str(self.checked_reads),
            "COUNTERFOIL_ONLINE_STORE": self.online_store,
            "COUNTERFOIL_REDIS_URL": self.redis_url,
            "COUNTERFOIL_ONLINE_CLOCK": self.online_clock,
            "COUNTERFOIL_REGISTRY_URL": self.registry_database_url,
            "COUNTERFOIL_WAREHOUSE": str(self.warehouse_path),
            "COUNTERFOIL_FEATURES_DIR": str(self.features_dir),
            "COUNTERFOIL_ONLINE_PATH": str(self.online_path),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "DO_NOT_TRACK": "1",
            "OMP_WAIT_POLICY": "PASSIVE",  # threads that spin stall each other on a shared machine
            "FEAST_USAGE": "False",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        }


# Derived for child processes by as_env; not settings, but allowed in the environment.
DERIVED_NAMES = frozenset({"WAREHOUSE", "FEATURES_DIR", "ONLINE_PATH"})


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process, read once; a wrong or unknown value is an InputError."""
    refuse_unknown_names(os.environ)
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "COUNTERFOIL_" + str(first["loc"][0]).upper()
        raise InputError(
            f"setting {name} has a value that cannot be used",
            where=f"environment variable {name}={os.environ.get(name, '')}",
            why=str(first["msg"]),
            next_step=f"unset {name} or correct its value; counterfoil config then shows all",
        ) from None


def refuse_unknown_names(environment: os._Environ[str] | dict[str, str]) -> None:
    """A misspelt setting must not be ignored in silence."""
    known = {name.upper() for name in Settings.model_fields} | DERIVED_NAMES
    given = {key.removeprefix("COUNTERFOIL_") for key in environment if _is_ours(key)}
    if unknown := sorted(given - known):
        raise InputError(
            f"unknown setting COUNTERFOIL_{unknown[0]}",
            where=f"environment variable COUNTERFOIL_{unknown[0]}",
            why=f"the settings are {', '.join(sorted(known - DERIVED_NAMES))}",
            next_step="unset it, or correct its name; counterfoil config then shows the settings",
        )


def without_password(text: str) -> str:
    """An address as a person may see it: of a database (``//user:...@``) or of Redis."""
    of_database = re.sub(r"(?<=://)([^:/@]*):[^@]*@", r"\1:***@", text)
    return re.sub(r"(?<=password=)[^,]*", "***", of_database)


def _is_ours(key: str) -> bool:
    return key.startswith("COUNTERFOIL_") and not key.startswith("COUNTERFOIL_TEST_")
