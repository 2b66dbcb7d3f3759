"""The one declaration of a feature, read from the ``.yml`` beside its dbt model.

Contracts (Pandera), Feast views, serving defaults and schema hashes are all built from what this
module returns; nobody types a feature list a second time. It lives in governance because every
room reads it. A wrong declaration is an error with file and line; nothing is skipped.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

from governance.declared_yaml import Node, dicts, entries
from governance.errors import InputError

FEATURE_NAME = re.compile(
    r"^(?P<entity>[a-z]+)__[a-z]+(_[a-z]+)*_"
    r"(count|sum|mean|min|max|last|distinct|rate|age_days)(_[a-z]+)?(_(1h|1d|7d|28d|90d))?$",
)
DATA_TYPES = frozenset({"varchar", "bigint", "double", "float", "boolean", "timestamp", "date"})
PII_CLASSES = frozenset({"none", "pseudonym", "direct", "indirect"})
_LIFETIME_NAME = re.compile(r"^[a-z]+__[a-z_]+_(count|sum|mean|last|distinct|rate)(_usd)?$")
_TTL = re.compile(r"^(?P<days>\d+)d$")


@dataclass(frozen=True)
class Column:
    """One declared column; ``low``/``high`` are inclusive, ``above`` is exclusive."""

    name: str
    data_type: str
    description: str
    line: int
    nullable: bool = True
    low: float | None = None
    high: float | None = None
    above: float | None = None
    choices: tuple[str, ...] = ()
    not_in: tuple[float, ...] = ()
    pattern: str = ""
    default: float | str | bool | None = None
    pii: str = "none"
    is_tested: bool = False


@dataclass(frozen=True)
class FeatureModel:
    """One dbt feature model as declared: keys, times and features in file order."""

    name: str
    description: str
    owner: str
    entities: tuple[str, ...]
    timestamp: str
    created_timestamp: str
    ttl: timedelta
    is_online: bool
    columns: tuple[Column, ...]
    path: Path
    line: int

    @property
    def features(self) -> tuple[Column, ...]:
        """Columns that are neither entity nor time, in declared order."""
        keys = {*self.entities, self.timestamp, self.created_timestamp}
        return tuple(column for column in self.columns if column.name not in keys)

    @property
    def sql_path(self) -> Path:
        return self.path.with_suffix(".sql")


@dataclass(frozen=True)
class RawTable:
    """One table of the shop contract as declared among dbt's sources."""

    name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    no_repeat_on: tuple[str, ...]
    references: tuple[tuple[str, str], ...]
    min_rows: int
    quarantine_limit_rate: float | None  # None: the setting of that name holds
    is_optional: bool
    path: Path
    line: int


@lru_cache(maxsize=8)
def read_feature_models(dbt_dir: Path) -> tuple[FeatureModel, ...]:
    """Every feature model under ``dbt_dir``/models, in name order; none at all is an error."""
    models = [
        _feature_model(Node(entry, path))
        for path in sorted((dbt_dir / "models").rglob("ftr_*.yml"))
        for entry in entries(path, "models")
    ]
    if not models:
        raise InputError(
            "no feature model is declared",
            where=str(dbt_dir / "models"),
            why="no file named ftr_*.yml was found there",
            next_step="write dbt/models/features/ftr_<entity>__<topic>.sql and .yml",
        )
    return tuple(sorted(models, key=lambda model: model.name))


@lru_cache(maxsize=8)
def read_raw_tables(dbt_dir: Path) -> tuple[RawTable, ...]:
    """The shop contract: every table of the dbt source ``raw``, in name order."""
    tables = [
        _raw_table(Node(table, path))
        for path in sorted((dbt_dir / "models").rglob("*.yml"))
        for source in entries(path, "sources")
        if source.get("name") == "raw"
        for table in dicts(source.get("tables"))
    ]
    if not tables:
        raise InputError(
            "the shop contract is not declared",
            where=str(dbt_dir / "models"),
            why="no .yml there has a source named raw",
            next_step="restore dbt/models/staging from version control",
        )
    return tuple(sorted(tables, key=lambda table: table.name))


def _feature_model(node: Node) -> FeatureModel:
    feast = node.meta.fields.get("feast")
    if not isinstance(feast, dict):
        raise node.error("config.meta.feast is missing", "name entity, timestamp and ttl there")
    spec = Node(feast | {"name": node.fields.get("name"), "__line__": node.line}, node.path)
    model = FeatureModel(
        name=node.text("name"),
        description=node.text("description"),
        owner=node.meta.text("owner", "unowned"),
        entities=spec.strings("entity"),
        timestamp=spec.text("timestamp"),
        created_timestamp=spec.text("created_timestamp"),
        ttl=_ttl(spec),
        is_online=bool(feast.get("online", True)),
        columns=tuple(_column(Node(c, node.path)) for c in dicts(node.fields.get("columns"))),
        path=node.path,
        line=node.line,
    )
    _refuse_incomplete(model, node)
    return model


def _refuse_incomplete(model: FeatureModel, node: Node) -> None:
    names = {column.name for column in model.columns}
    contract = node.fields.get("config")
    enforced = isinstance(contract, dict) and (contract.get("contract") or {}).get("enforced")
    if enforced is not True:
        raise node.error("its contract is not enforced", "config: {contract: {enforced: true}}")
    for key in (*model.entities, model.timestamp, model.created_timestamp):
        if key not in names:
            raise node.error(f"{key} is named in meta.feast but is no column", f"declare {key}")
    if not model.entities:
        raise node.error("it names no entity", "config.meta.feast.entity: user_id")
    for feature in model.features:
        match = FEATURE_NAME.match(feature.name)
        if match is None and not _is_lifetime_name(feature.name):
            where = Node({"name": feature.name, "__line__": feature.line}, model.path)
            raise where.error(
                "the name is not <entity>__<measure>_<operation>_<unit?>_<window?>",
                "see the naming section of dbt/README.md, e.g. user__order_count_28d",
            )


def _is_lifetime_name(name: str) -> bool:
    return (
        re.match(r"^[a-z]+__[a-z_]+_(count|sum|mean|last|distinct|rate)(_usd)?$", name) is not None
    )


def _raw_table(node: Node) -> RawTable:
    references = node.meta.fields.get("references")
    pairs = references.items() if isinstance(references, dict) else ()
    return RawTable(
        name=node.text("name"),
        description=node.text("description"),
        columns=tuple(_column(Node(c, node.path)) for c in dicts(node.fields.get("columns"))),
        key=node.meta.strings("key"),
        no_repeat_on=node.meta.strings("no_repeat_on"),
        references=tuple((str(k), str(v)) for k, v in pairs if k != "__line__"),
        min_rows=int(node.meta.number("min_rows") or 0),
        quarantine_limit_rate=node.meta.number("quarantine_limit_rate"),
        is_optional=bool(node.meta.fields.get("optional", False)),
        path=node.path,
        line=node.line,
    )


def _column(node: Node) -> Column:
    meta = node.meta
    data_type = node.text("data_type").lower()
    pii = meta.text("pii", "none")
    if data_type not in DATA_TYPES:
        known = ", ".join(sorted(DATA_TYPES))
        raise node.error(f"data_type {data_type} maps to no Feast type", f"use one of {known}")
    if pii not in PII_CLASSES:
        raise node.error(
            f"pii class {pii} is unknown", f"use one of {', '.join(sorted(PII_CLASSES))}"
        )
    low, high = _range(meta)
    default = meta.fields.get("default")
    return Column(
        name=node.text("name"),
        data_type=data_type,
        description=node.text("description"),
        line=node.line,
        nullable=bool(meta.fields.get("nullable", True)),
        low=low,
        high=high,
        above=meta.number("above"),
        choices=meta.strings("choices"),
        not_in=tuple(float(v) for v in meta.strings("not_in")),
        pattern=meta.text("pattern", " ").strip(),
        default=default if isinstance(default, (int, float, str, bool)) else None,
        pii=pii,
        is_tested=bool(node.fields.get("data_tests")),
    )


def _range(meta: Node) -> tuple[float | None, float | None]:
    bounds = meta.fields.get("range")
    if bounds is None:
        return None, None
    if not isinstance(bounds, list) or len(bounds) != 2:
        raise meta.error(f"range {bounds} is not [low, high]", "write range: [0, null]")
    low, high = (None if bound is None else float(bound) for bound in bounds)
    return low, high


def _ttl(spec: Node) -> timedelta:
    match = _TTL.match(spec.text("ttl"))
    if match is None:
        raise spec.error("ttl is not a number of days", "write ttl: 365d")
    return timedelta(days=int(match["days"]))
