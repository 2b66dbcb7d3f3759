"""Stubs of a new feature table: a small working example to edit, never over what is there.

``counterfoil new-feature user returns`` writes ``dbt/models/features/ftr_user__returns.sql`` and
``.yml``. As written they build: one feature that counts order lines of 28 days. The stubs live here
because a person asks for them at the command line; what they must obey is in ``governance``.
"""

import re
from pathlib import Path
from string import Template

from governance.declarations import feature_prefix, read_feature_models
from governance.declared_yaml import Node, entries
from governance.errors import InputError

TOPIC = re.compile(r"^[a-z]+(_[a-z]+)*$")
_LONGEST_TOPIC = 24  # keeps the SQL of the stub within 80 columns
_EXAMPLE = "counterfoil new-feature user returns"
_SOURCE = "fct_order_lines"  # what the stub counts: the one mart that every shop has

_SQL = Template("""\
{%- set measures = {
    '${topic}_count': [28],
} -%}

with order_lines as (

    select * from {{ ref('${source}') }}
    where ${not_null}

),

bounds as (

    select * from {{ ref('int_order_lines__bounded') }}

),

-- Whole numbers by day; windows and change days follow from them.
daily as (

    select
        ${select_keys},
        cast(ordered_at as date) as day,
        count(*) as ${topic}_count

    from order_lines
    group by ${keys}, cast(ordered_at as date)

),

deltas as (
    {{ window_deltas('daily', '${keys}', 'day', measures) }}
),

totals as (
    {{ window_totals('deltas', '${keys}', measures) }}
),

features as (

    select
        ${total_keys},
        totals.event_timestamp,
        totals.event_timestamp as created_at,
        ${topic}_count_28d
            as ${feature}

    from totals
    inner join bounds on totals.event_timestamp <= bounds.as_of

)

select * from features
""")

_YML = Template("""\
models:
  - name: ${table}
    description: >-
      Order lines, in windows that end before the row's midnight.
      One row per ${words} and day on which something entered or left a window.
    config:
      contract: {enforced: true}
      meta:
        owner: data-engineering
        feast:
          entity: ${entity}
          timestamp: event_timestamp
          created_timestamp: created_at
          ttl: 365d
          online: true
    data_tests:
      - unique_key:
          arguments: {columns: [${keys}, event_timestamp]}
    columns:
${key_columns}\
      - name: event_timestamp
        data_type: timestamp
        description: Midnight UTC; the row knows only what happened before it.
        constraints: [{type: not_null}]
        config: {meta: {nullable: false, pii: none}}
      - name: created_at
        data_type: timestamp
        description: When the row could first be known; later only for a backfill.
        constraints: [{type: not_null}]
        config: {meta: {nullable: false, pii: none}}
      - name: ${feature}
        data_type: bigint
        description: Order lines in the last 28 days.
        constraints: [{type: not_null}]
        config: {meta: {default: 0, range: [0, null], nullable: false, pii: indirect}}
        data_tests: [as_declared]
""")

_KEY_COLUMN = Template("""\
      - name: ${key}
        data_type: varchar
        description: The ${word}.
        constraints: [{type: not_null}]
        config: {meta: {nullable: false, pii: pseudonym}}
""")


def write_stubs(dbt_dir: Path, *, entity: str, topic: str) -> tuple[Path, Path]:
    """Write the table's ``.sql`` and ``.yml``; the paths of both.

    ``entity`` is ``user``, or ``user,item`` for a table keyed by both.
    """
    keys = tuple(f"{word.strip().removesuffix('_id')}_id" for word in entity.split(","))
    _refuse_unknown_keys(dbt_dir, keys)
    if not TOPIC.match(topic) or len(topic) > _LONGEST_TOPIC:
        raise _bad_name(topic, f"it is not lower-case words of at most {_LONGEST_TOPIC} letters")
    prefix = feature_prefix(keys)
    table, feature = f"ftr_{prefix}__{topic}", f"{prefix}__{topic}_count_28d"
    _refuse_declared(dbt_dir, table, feature)
    values = {
        "table": table,
        "feature": feature,
        "topic": topic,
        "source": _SOURCE,
        "keys": ", ".join(keys),
        "entity": keys[0] if len(keys) == 1 else f"[{', '.join(keys)}]",
        "words": ", ".join(key.removesuffix("_id") for key in keys),
        "not_null": "\n        and ".join(f"{key} is not null" for key in keys),
        "select_keys": ",\n        ".join(keys),
        "total_keys": ",\n        ".join(f"totals.{key}" for key in keys),
        "key_columns": "".join(
            _KEY_COLUMN.substitute(key=key, word=key.removesuffix("_id")) for key in keys
        ),
    }
    stem = dbt_dir / "models" / "features" / table
    paths = stem.with_suffix(".sql"), stem.with_suffix(".yml")
    for path in paths:
        if path.exists():
            raise _bad_name(table, f"{path} is there already, and nothing is overwritten")
    for path, text in zip(paths, (_SQL, _YML), strict=True):
        with path.open("x", encoding="utf-8") as file:
            file.write(text.substitute(values))
    return paths


def _refuse_unknown_keys(dbt_dir: Path, keys: tuple[str, ...]) -> None:
    path = dbt_dir / "models" / "marts" / f"{_SOURCE}.yml"
    columns = [c.subject for entry in entries(path, "models") for c in Node(entry, path).columns]
    known = [name.removesuffix("_id") for name in columns if name.endswith("_id")]
    for key in keys:
        if key not in columns:
            why = f"{_SOURCE} has no {key}; entities are {', '.join(known)}"
            raise _bad_name(key.removesuffix("_id"), why)
    if len(set(keys)) < len(keys):
        raise _bad_name(",".join(keys), "an entity is named twice")


def _refuse_declared(dbt_dir: Path, table: str, feature: str) -> None:
    for model in read_feature_models(dbt_dir):
        if model.name == table or feature in {column.name for column in model.features}:
            name = table if model.name == table else feature
            raise _bad_name(name, f"it is declared already at {model.path}:{model.line}")


def _bad_name(name: str, why: str) -> InputError:
    return InputError(
        f"no stub can be written for {name}",
        where="counterfoil new-feature ENTITY TOPIC",
        why=why,
        next_step=f"choose another name, as in {_EXAMPLE}",
    )
