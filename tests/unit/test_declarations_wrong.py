"""Each wrong declaration is one error with its file, its line and what to write there."""

import pytest
from sample_declaration import GOOD, declare

from governance.declarations import read_feature_models
from governance.errors import InputError

FEATURE = "- name: user__visit_count_28d"

# what is written, what stands there instead, the line the error names, why
CASES = {
    "no feast block": ("feast:", "fest:", "meta:", "config.meta.feast is missing"),
    "no entity": ("          entity: user_id\n", "", "feast:", "names no entity"),
    "no timestamp": (" timestamp: event_timestamp", " online: true", "feast:", "timestamp is miss"),
    "no created timestamp": (
        "created_timestamp: created_at", "online: true", "feast:", "created_timestamp is missing",
    ),
    "no ttl": ("ttl: 30d", "online: true", "feast:", "ttl is missing"),
    "ttl unreadable": ("ttl: 30d", "ttl: soon", "ttl: soon", "ttl soon is not a number of days"),
    "ttl without a unit": ("ttl: 30d", "ttl: 30", "ttl: 30", "ttl 30 is not a number of days"),
    "unknown feast key": ("ttl: 30d", "ttl: 30d\n          tll: 3d", "tll: 3d", "tll means not"),
    "online no flag": ("ttl: 30d", "ttl: 30d\n          online: 1", "online: 1", "neither true n"),
    "entity is no column": ("entity: user_id", "entity: guest_id", "entity:", "is no column"),
    "time is no column": (" timestamp: event_", " timestamp: seen_", " timestamp: s", "no column"),
    "entity not text": ("varchar", "bigint", "data_type: bigint", "entity column is bigint, not"),
    "time no timestamp": (
        "{name: event_timestamp, data_type: timestamp", "{name: event_timestamp, data_type: date",
        "data_type: date", "timestamp column is date, not timestamp",
    ),
    "creation no timestamp": (
        "{name: created_at, data_type: timestamp", "{name: created_at, data_type: varchar",
        "created_at, data_type", "created_timestamp column is varchar, not timestamp",
    ),
    "contract off": ("enforced: true", "enforced: false", "enforced", "contract is not enforced"),
    "contract missing": ("      contract: {enforced: true}\n", "", "config:", "is not enforced"),
    "key untested": (
        "columns: [user_id, event_timestamp]", "columns: [user_id]", "data_tests:", "no unique_key",
    ),
    "name off the pattern": ("user__visit_count_28d", "visits", "- name: visits", "the name is"),
    "doubled underscore": (
        "user__visit_count_28d", "user__visit__count", "- name: user__v", "the name is not",
    ),
    "other entity's name": ("user__visit_", "item__visit_", "- name: item__", "begins with item"),
    "table named otherwise": ("ftr_user__visits", "ftr_user__calls", "- name: f", "is named ftr_"),
    "decimal": ("bigint", "decimal(18,2)", "data_type: decimal", "money would be cut"),
    "numeric": ("bigint", "NUMERIC", "data_type: NUMERIC", "money would be cut"),
    "unmapped type": ("bigint", "hugeint", "data_type: hugeint", "hugeint maps to no Feast type"),
    "no type": ("        data_type: bigint\n", "", FEATURE, "data_type is missing"),
    "no description": ("        description: Visits.\n", "", FEATURE, "description is missing"),
    "pii unknown": ("pii: indirect", "pii: secret", "pii: secret", "pii class secret is unknown"),
    "pii missing": ("            pii: indirect\n", "", FEATURE, "pii class is missing"),
    "key without pii": (
        "        config: {meta: {pii: pseudonym}}\n", "", "- name: user_id", "pii class is missing",
    ),
    "no range": ("range: [0, 100]", "range: 0", "range: 0", "is not [low, high]"),
    "range of words": ("range: [0, 100]", "range: [a, b]", "range: [a", "is not [low, high]"),
    "range upside down": ("range: [0, 100]", "range: [9, 1]", "range: [9", "is upside down"),
    "range of text": ("bigint", "varchar", "range: [0", "a varchar has no range"),
    "default too low": ("default: 0", "default: -1", "default: -1", "default -1 breaks the rules"),
    "default too high": ("default: 0", "default: 101", "default: 101", "default 101 breaks"),
    "default of other type": ("default: 0", "default: none", "default: none", "is no bigint"),
    "default a fraction": ("default: 0", "default: 0.5", "default: 0.5", "0.5 is no bigint"),
    "default a flag": ("default: 0", "default: true", "default: true", "True is no bigint"),
    "default a list": ("default: 0", "default: [0]", "default: [0]", "is no bigint"),
    "nullable no flag": ("nullable: false", "nullable: 0", "nullable: 0", "neither true nor false"),
    "unknown meta key": ("default: 0", "defualt: 0", "defualt: 0", "defualt means nothing here"),
    "declared twice": (
        "      - {name: created_at",
        "      - {name: event_timestamp, data_type: timestamp, description: x}\n"
        "      - {name: created_at",
        "description: x}", "event_timestamp is wrong",
    ),
    "no feature": (GOOD[GOOD.index("      - name: user__v") :], "", "columns:", "declares no"),
}  # fmt: skip


@pytest.mark.parametrize(("written", "instead", "line", "why"), CASES.values(), ids=CASES)
def test_it_is_one_error_with_file_line_and_what_to_write(tmp_path, written, instead, line, why):
    assert written in GOOD
    text = GOOD.replace(written, instead)
    with pytest.raises(InputError) as caught:
        read_feature_models(declare(tmp_path, text))
    assert why in str(caught.value)
    assert caught.value.next_step
    path, number = caught.value.where.rsplit(":", 1)
    assert path == str(tmp_path / "models" / "features" / "ftr_user__visits.yml")
    assert line in text.splitlines()[int(number) - 1]


def test_a_feature_of_two_tables_is_declared_twice(tmp_path):
    declare(tmp_path)
    declare(tmp_path, GOOD.replace("ftr_user__visits", "ftr_user__z"), name="ftr_user__z")
    with pytest.raises(InputError, match="user__visit_count_28d is declared twice") as caught:
        read_feature_models(tmp_path)
    line = GOOD.splitlines().index(f"      {FEATURE}") + 1
    assert caught.value.where.endswith(f"ftr_user__z.yml:{line}")
    assert f"ftr_user__visits.yml:{line}" in caught.value.why


def test_a_key_written_twice_is_refused(tmp_path):
    text = GOOD.replace("ttl: 30d", "ttl: 30d\n          ttl: 60d")
    with pytest.raises(InputError, match="ttl is written twice in one mapping") as caught:
        read_feature_models(declare(tmp_path, text))
    assert text.splitlines()[int(caught.value.where.rsplit(":", 1)[1]) - 1].strip() == "ttl: 60d"
