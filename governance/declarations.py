"""The one declaration of a feature, read from the ``.yml`` beside its dbt model.

Contracts (Pandera), Feast views, serving defaults and schema hashes are all built from what this
module returns; nobody types a feature list a second time. It lives in governance because every
room reads it. A wrong declaration is an error with file and line; nothing is skipped.

What is read is in ``declared_features.py``, ``declared_raw.py`` and ``declared_columns.py``.
"""

from governance.declared_columns import DATA_TYPES, LISTS, PII_CLASSES, Column, Default
from governance.declared_features import (
    FEATURE_NAME,
    FeatureModel,
    feature_prefix,
    read_feature_models,
)
from governance.declared_raw import RawTable, read_raw_tables

__all__ = [
    "DATA_TYPES",
    "FEATURE_NAME",
    "LISTS",
    "PII_CLASSES",
    "Column",
    "Default",
    "FeatureModel",
    "RawTable",
    "feature_prefix",
    "read_feature_models",
    "read_raw_tables",
]
