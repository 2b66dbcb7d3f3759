"""One declared column, of a raw table or of a feature table: type, rules, default, PII class.

A wrong entry is one error with file and line and what to write there.
"""

import math
import re
from dataclasses import dataclass

from governance.declared_yaml import Node

NUMBERS = ("bigint", "double", "float")
LISTS = ("bigint[]", "double[]", "float[]", "varchar[]")
DATA_TYPES = ("varchar", *NUMBERS, "boolean", "timestamp", "date", *LISTS)
PII_CLASSES = ("none", "pseudonym", "indirect", "direct")
_CUT = re.compile(r"^(decimal|numeric|number|money)\b")
_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "bigint": (int,),
    "double": (int, float),
    "float": (int, float),
    "boolean": (bool,),
    "varchar": (str,),
}

Default = float | str | bool | tuple[float | str, ...] | None


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
    default: Default = None
    pii: str = "none"
    is_tested: bool = False


def read_column(node: Node) -> Column:
    """The column that ``node`` declares, with all that it says about its values."""
    meta = node.meta
    data_type = _data_type(node)
    low, high = _range(meta, data_type)
    column = Column(
        name=node.text("name"),
        data_type=data_type,
        description=node.text("description", like="what it means, in a sentence"),
        line=node.line,
        nullable=meta.flag("nullable", default=True),
        low=low,
        high=high,
        above=meta.number("above"),
        choices=meta.strings("choices"),
        not_in=tuple(float(v) for v in meta.strings("not_in")),
        pattern=meta.text("pattern", " ").strip(),
        default=_default(meta, data_type),
        pii=_pii(meta),
        is_tested=bool(node.fields.get("data_tests")),
    )
    _refuse_default_outside(column, meta)
    return column


def _data_type(node: Node) -> str:
    data_type = node.text("data_type", like="bigint").lower()
    if _CUT.match(data_type):
        raise node.error(
            f"data_type {data_type} reaches Feast as a whole number: money would be cut",
            "cast to double, or to bigint cents, and declare that type",
            key="data_type",
        )
    if data_type not in DATA_TYPES:
        why = f"data_type {data_type} maps to no Feast type"
        raise node.error(why, f"use one of {', '.join(DATA_TYPES)}", key="data_type")
    return data_type


def _pii(meta: Node) -> str:
    pii = meta.text("pii", "none")
    if pii not in PII_CLASSES:
        raise meta.error(
            f"pii class {pii} is unknown", f"use one of {', '.join(PII_CLASSES)}", key="pii"
        )
    return pii


def _range(meta: Node, data_type: str) -> tuple[float | None, float | None]:
    bounds = meta.fields.get("range")
    if bounds is None:
        return None, None
    if not isinstance(bounds, list) or len(bounds) != 2 or not all(map(_is_bound, bounds)):
        raise meta.error(
            f"range {bounds} is not [low, high]", "write range: [0, null]", key="range"
        )
    if data_type not in NUMBERS:
        raise meta.error(f"a {data_type} has no range", "take range out", key="range")
    low, high = (None if bound is None else float(bound) for bound in bounds)
    if low is not None and high is not None and low > high:
        why = f"range [{low:g}, {high:g}] is upside down"
        raise meta.error(why, f"write range: [{high:g}, {low:g}]", key="range")
    return low, high


def _is_bound(value: object) -> bool:
    return value is None or _is_of(value, "double")


def _default(meta: Node, data_type: str) -> Default:
    default = meta.fields.get("default")
    if default is None:
        return None
    kind = data_type.removesuffix("[]")
    values = default if kind != data_type and isinstance(default, list) else [default]
    is_right = (kind == data_type) == (values is not default)
    if not is_right or not all(_is_of(value, kind) for value in values):
        why = f"default {default} is no {data_type}"
        raise meta.error(why, f"write a {data_type}, or default: null", key="default")
    return tuple(values) if values is default else default  # type: ignore[return-value]


def _is_of(value: object, data_type: str) -> bool:
    if isinstance(value, bool) != (data_type == "boolean"):
        return False
    if isinstance(value, float) and not math.isfinite(value):
        return False
    return isinstance(value, _PYTHON_TYPES.get(data_type, (str,)))


def _refuse_default_outside(column: Column, meta: Node) -> None:
    """A default is served as a value, so it keeps the rules of one."""
    value = column.default
    if isinstance(value, str):
        outside = bool(column.choices) and value not in column.choices
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        outside = (
            (column.low is not None and value < column.low)
            or (column.high is not None and value > column.high)
            or (column.above is not None and value <= column.above)
            or value in column.not_in
        )
    else:
        outside = False
    if outside:
        why = f"default {value} breaks the rules that the column itself declares"
        raise meta.error(why, "write a default that a row could have, or null", key="default")
