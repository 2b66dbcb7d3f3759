"""Feature models as declared: keys, times and features, each wrong declaration one error.

``declared_columns.py`` reads a column; here is what holds between columns, keys and names.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

from governance.declared_columns import PII_CLASSES, Column, read_column
from governance.declared_yaml import Node, dicts, entries
from governance.errors import InputError

FEATURE_NAME = re.compile(
    r"^(?P<entity>[a-z]+(_[a-z]+)*)__[a-z]+(_[a-z]+)*_"
    r"(count|sum|mean|min|max|last|distinct|rate|age_days)(_[a-z]+)?(_(1h|1d|7d|28d|90d))?$",
)
_TTL = re.compile(r"^(?P<days>[1-9]\d*)d$")
_FEAST_KEYS = ("entity", "timestamp", "created_timestamp", "ttl", "online")
_META_KEYS = ("nullable", "range", "above", "choices", "not_in", "pattern", "default", "pii")


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


@lru_cache(maxsize=8)
def read_feature_models(dbt_dir: Path) -> tuple[FeatureModel, ...]:
    """Every feature model under ``dbt_dir``/models, in name order; none at all is an error."""
    models = [
        _feature_model(Node(entry, path, str(entry.get("name", path.stem))))
        for path in sorted((dbt_dir / "models").rglob("ftr_*.yml"))
        for entry in entries(path, "models")
    ]
    if not models:
        raise InputError(
            "no feature model is declared",
            where=str(dbt_dir / "models"),
            why="no file named ftr_*.yml was found there",
            next_step="counterfoil new-feature user orders writes a first one",
        )
    _refuse_second_declarations(models)
    return tuple(sorted(models, key=lambda model: model.name))


def feature_prefix(entities: tuple[str, ...]) -> str:
    """What the names of these entities' tables and features begin with: ``user``, ``user_item``."""
    return "_".join(entity.removesuffix("_id") for entity in entities)


def _feature_model(node: Node) -> FeatureModel:
    spec = node.child("config", "meta", "feast")
    if not spec.fields:
        raise spec.error("config.meta.feast is missing", "name entity, timestamp and ttl there")
    spec.refuse_other_keys(_FEAST_KEYS)
    entities = spec.strings("entity")
    if not entities:
        raise spec.error("it names no entity", "write entity: user_id")
    model = FeatureModel(
        name=node.text("name"),
        description=node.text("description", like="a sentence. One row per user and day."),
        owner=node.meta.text("owner", "unowned"),
        entities=entities,
        timestamp=spec.text("timestamp", like="event_timestamp"),
        created_timestamp=spec.text("created_timestamp", like="created_at"),
        ttl=_ttl(spec),
        is_online=spec.flag("online", default=True),
        columns=tuple(read_column(column) for column in node.columns),
        path=node.path,
        line=node.line,
    )
    _refuse_open_contract(node)
    _refuse_repeated_columns(node)
    _refuse_wrong_keys(model, node, spec)
    _refuse_untested_key(model, node)
    _refuse_wrong_table_name(model, node)
    _refuse_wrong_features(model, node)
    return model


def _ttl(spec: Node) -> timedelta:
    text = spec.text("ttl", like="365d")
    match = _TTL.match(text)
    if match is None:
        raise spec.error(f"ttl {text} is not a number of days", "write ttl: 365d", key="ttl")
    return timedelta(days=int(match["days"]))


def _refuse_open_contract(node: Node) -> None:
    contract = node.child("config", "contract")
    if contract.fields.get("enforced") is not True:
        next_step = "write config: {contract: {enforced: true}}"
        raise contract.error("its contract is not enforced", next_step, key="enforced")


def _refuse_repeated_columns(node: Node) -> None:
    seen: dict[str, int] = {}
    for column in node.columns:
        if column.subject in seen:
            why = f"it is declared twice, first on line {seen[column.subject]}"
            raise column.error(why, "take one out")
        seen[column.subject] = column.line


def _refuse_wrong_keys(model: FeatureModel, node: Node, spec: Node) -> None:
    """Keys are text (two shops' ids differ in kind), times are timestamps; all are columns."""
    roles = dict.fromkeys(model.entities, ("entity", "varchar"))
    roles[model.timestamp] = ("timestamp", "timestamp")
    roles[model.created_timestamp] = ("created_timestamp", "timestamp")
    types = {column.name: column.data_type for column in model.columns}
    nodes = {column.subject: column for column in node.columns}
    for name, (role, wanted) in roles.items():
        if name not in types:
            why = f"{name} is named in meta.feast but is no column"
            raise spec.error(why, f"declare {name} as {wanted} under columns", key=role)
        if types[name] != wanted:
            why = f"the {role} column is {types[name]}, not {wanted}"
            next_step = f"cast it in {model.sql_path.name} and write data_type: {wanted}"
            raise nodes[name].error(why, next_step, key="data_type")


def _refuse_untested_key(model: FeatureModel, node: Node) -> None:
    key = [*model.entities, model.timestamp]
    for test in dicts(node.fields.get("data_tests")):
        arguments = Node(test, node.path).child("unique_key", "arguments")
        if sorted(arguments.strings("columns")) == sorted(key):
            return
    raise node.error(
        f"no unique_key test holds its key {', '.join(key)}",
        f"write data_tests: [unique_key: {{arguments: {{columns: [{', '.join(key)}]}}}}]",
        key="data_tests",
    )


def _refuse_wrong_table_name(model: FeatureModel, node: Node) -> None:
    wanted = f"ftr_{feature_prefix(model.entities)}__"
    if model.name != model.path.stem or not model.name.startswith(wanted):
        raise node.error(
            f"a table of {', '.join(model.entities)} is named {wanted}<topic>, as its file is",
            f"rename model and file, or mend config.meta.feast.entity of {model.path.name}",
            key="name",
        )
    if not model.features:
        raise node.error("it declares no feature", "add one under columns", key="columns")


def _refuse_wrong_features(model: FeatureModel, node: Node) -> None:
    features = {column.name for column in model.features}
    for column in node.columns:
        if column.subject not in features and column.subject not in model.entities:
            continue
        column.meta.refuse_other_keys(_META_KEYS)
        if "pii" not in column.meta.fields:
            raise column.error(
                "its pii class is missing", f"write pii: and one of {', '.join(PII_CLASSES)}"
            )
        if column.subject in features:
            _refuse_feature_name(model, column)


def _refuse_feature_name(model: FeatureModel, about: Node) -> None:
    prefix = feature_prefix(model.entities)
    match = FEATURE_NAME.match(about.subject)
    if match is None:
        raise about.error(
            "the name is not <entity>__<measure>_<operation>_<unit?>_<window?>",
            "see the naming section of dbt/README.md, e.g. user__order_count_28d",
        )
    if match["entity"] != prefix:
        raise about.error(
            f"its name begins with {match['entity']}, its table is keyed by"
            f" {', '.join(model.entities)}",
            f"name it {prefix}__{about.subject.split('__')[1]}, or move it to another table",
        )


def _refuse_second_declarations(models: list[FeatureModel]) -> None:
    seen: dict[str, str] = {}
    for name, model, line in _declared_names(models):
        where = f"{model.path}:{line}"
        if name in seen:
            raise InputError(
                f"{name} is declared twice",
                where=where,
                why=f"it stands at {seen[name]} too",
                next_step="rename one of them in its .sql and .yml, or take it out",
            )
        seen[name] = where


def _declared_names(models: list[FeatureModel]) -> Iterator[tuple[str, FeatureModel, int]]:
    for model in models:
        yield model.name, model, model.line
        yield from ((column.name, model, column.line) for column in model.features)
