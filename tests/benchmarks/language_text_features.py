"""Which text features raise the ranker's validation NDCG@10, group by group.

    python tests/benchmarks/language.py --task text-features --data HOME --json FILE

HOME is a home folder in which ``counterfoil demo`` has run: its newest training set is used, so
only the ranker learns anew. Each group of columns of ``ftr_item__text``, ``ftr_item__reviews`` and
``ftr_user__text`` that are not all the same (as they are where a home lacks reviews or a model) is
joined by time to the same label rows; the forest learns without and with it, and both are judged
on the validation weeks, which end before the test window, with a 95 % interval of the paired
difference over users. Its trees step further than the released ranker's, so that there are fewer:
what is asked is what a group adds, of some thirty forests. A forest draws columns at random, so
every figure is the mean over seeds; ``noise`` is what eight columns of random numbers do in the
place of a group. ``--quick``: a share of the users, one seed. ``last intent`` is
that of the newest query, by the rules, and by the home's own ``counterfoil train intent`` if any.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from language_text_features_intent import last_intents
from numpy.typing import NDArray

from feature_repo.services import service_columns
from governance.declarations import read_feature_models
from governance.errors import InputError
from governance.settings import PROJECT_ROOT, get_settings
from training.metrics import lists_ndcg
from training.ranker.train import RankerConfig, validated_forest
from training.text_features.model import AXES
from training.training_set import SERVICE, TrainingSet, feature_columns

_DRAWS = 2_000  # of users
_LABELS = "label_rows"
Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Effort:
    """How thoroughly a group is judged."""

    users: int  # every so manieth user
    seeds: tuple[int, ...]
    learning_rate: float


FULL = Effort(users=1, seeds=(1, 2, 3), learning_rate=0.12)
QUICK = Effort(users=8, seeds=(1,), learning_rate=0.2)


def measure(data: Path | None, *, quick: bool, work: Path) -> dict[str, Any]:
    """NDCG@10 without text, and of each group the figure with it and the paired difference."""
    del work  # nothing is kept between runs
    home = data or get_settings().home_dir
    effort = QUICK if quick else FULL
    base = _of_some_users(_training_set(home), effort.users)
    groups = _groups(_with_text(base.table, home)) | last_intents(base.table, home)
    without = _by_user(base, effort)
    figures: dict[str, Any] = {"ndcg_at_10_without": round(float(without.mean()), 4)}
    figures |= {"users": len(without), "seeds": len(effort.seeds), "groups": {}}
    for name, columns in groups.items():
        found = _by_user(_widened(base, columns), effort)
        figures["groups"][name] = _difference(found, without) | {"columns": len(columns)}
        sys.stderr.write(f"text-features: {name} {figures['groups'][name]}\n")
    return figures


def _training_set(home: Path) -> TrainingSet:
    """The newest training set of the home, as the ranker takes it."""
    found = sorted(home.glob("training_sets/*/rows.parquet"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise InputError(
            "there is no training set to judge features on",
            where=str(home / "training_sets"),
            next_step="counterfoil demo, with COUNTERFOIL_HOME naming that folder",
        )
    table = pq.read_table(found[-1], partitioning=None)
    service = {column.name for column in service_columns(SERVICE)}
    numbers = (field.name for field in table.schema if pa.types.is_floating(field.type))
    retrieval = tuple(name for name in numbers if name not in service)
    return TrainingSet(table, retrieval, feature_columns(SERVICE), {})


def _of_some_users(training_set: TrainingSet, every: int) -> TrainingSet:
    """Every ``every``-th user; rows of a list stay together."""
    users = training_set.table["user_id"].combine_chunks().dictionary_encode()
    chosen = pa.array(users.indices.to_numpy() % every == 0)
    return replace(training_set, table=training_set.table.filter(chosen))


def _with_text(table: pa.Table, home: Path) -> dict[str, NDArray[np.float32]]:
    """Every text feature of each label row: the newest row at its instant, or the default."""
    found: dict[str, NDArray[np.float32]] = {}
    models = {model.name: model for model in read_feature_models(PROJECT_ROOT / "dbt")}
    with duckdb.connect() as con:
        keys = table.select(["user_id", "item_id", "event_timestamp"])
        place = pa.array(range(table.num_rows))
        con.register(_LABELS, keys.append_column("place", place))
        for name in ("ftr_item__text", "ftr_item__reviews", "ftr_user__text"):
            model, (key,) = models[name], models[name].entities
            path = home / "features" / f"{name}.parquet"
            if not path.is_file():
                raise InputError(
                    f"{name} is not built", where=str(path), next_step="counterfoil build"
                )
            columns = ", ".join(
                f"coalesce({column.name}, {column.default}) as {column.name}"
                for column in model.features
            )
            rows = con.sql(
                f"select {columns} from {_LABELS} asof left join '{path}' as features"
                f" on {_LABELS}.{key} = features.{key}"
                f" and {_LABELS}.event_timestamp >= features.event_timestamp order by place"
            ).fetchnumpy()
            found |= {column: np.asarray(values, np.float32) for column, values in rows.items()}
    return found


def _groups(text: dict[str, NDArray[np.float32]]) -> dict[str, dict[str, NDArray[np.float32]]]:
    """Columns by group; affinity is the cosine-like product of a user's and an item's places."""

    told = {name: values for name, values in text.items() if values.min() < values.max()}

    def named(part: str) -> dict[str, NDArray[np.float32]]:
        return {name: values for name, values in told.items() if part in name}

    def product(user: str) -> NDArray[np.float32]:
        pairs = ((text[user.format(a)], text[f"item__title_axis_{a}_last"]) for a in AXES)
        return np.asarray(sum(one * other for one, other in pairs), np.float32)

    rows = len(next(iter(text.values())))
    noise = np.random.default_rng(0).normal(size=(len(AXES), rows)).astype(np.float32)
    affinity = {
        "bought_affinity": product("user__bought_title_axis_{}_mean_90d"),
        "searched_affinity": product("user__searched_axis_{}_mean_28d"),
    }
    groups = {
        "title": named("item__title"),
        "listing quality": named("item__listing_"),
        "reviews": named("__review_"),
        "bought titles": named("user__bought"),
        "queries": named("user__searched"),
        "intents": named("user__search_"),
        "affinity": affinity,
        "all": told | affinity,
        "noise": {f"noise_{number}": values for number, values in enumerate(noise)},
    }
    return {name: columns for name, columns in groups.items() if columns}


def _widened(base: TrainingSet, columns: dict[str, NDArray[np.float32]]) -> TrainingSet:
    """The training set with more columns, as what a retriever would say of a row."""
    table = base.table
    for name, values in columns.items():
        table = table.append_column(name, pa.array(values))
    return replace(base, table=table, retrieval=(*base.retrieval, *columns))


def _by_user(training_set: TrainingSet, effort: Effort) -> Scores:
    """Validation NDCG@10 of each user, mean over seeds."""
    config = RankerConfig(learning_rate=effort.learning_rate)
    return np.asarray(
        np.mean([_judged(training_set, config, seed) for seed in effort.seeds], axis=0)
    )


def _judged(training_set: TrainingSet, config: RankerConfig, seed: int) -> Scores:
    threads = get_settings().threads
    found = validated_forest(training_set, config=config, seed=seed, threads=threads)
    lists = found.validation
    return lists_ndcg(found.scores, lists.label > 0, lists.sizes, lists.relevant)


def _difference(found: Scores, without: Scores) -> dict[str, float]:
    gain = found - without
    draw: Callable[[], Any] = lambda: rng.integers(0, len(gain), len(gain))  # noqa: E731
    rng = np.random.default_rng(0)
    low, high = np.percentile([gain[draw()].mean() for _ in range(_DRAWS)], [2.5, 97.5])
    figures = {"ndcg_at_10": found.mean(), "gain": gain.mean(), "gain_low": low, "gain_high": high}
    return {name: round(float(value), 4) for name, value in figures.items()}
