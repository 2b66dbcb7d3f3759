"""Train: a point-in-time training set, retrievers and ranker, measured on the weeks kept back.

What was measured knew nothing after the test cutoff; what is saved has the same ranker with its
memory refreshed to the last order, so that it can answer today. Both instants stand in the card.
"""

import time
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.services import schema_hash
from feature_repo.store import historical_features
from flows.ledger import output_digests
from flows.measured import Measured, continual_of, knobs_of, page_of
from flows.shop_orders import shop_data
from flows.stages import Progress, StepResult
from flows.warm_start import go_on_from_champion
from governance.declarations import read_feature_models
from governance.files import atomic_path, write_json
from governance.records import ModelVersion, TrainingRun, TrainingSet, session
from governance.settings import Settings
from training.bundle import MODEL_NAME, Bundle, save_bundle
from training.deep_ranker.config import read_settings as read_deep_ranker_settings
from training.evaluate import evaluate_recommender
from training.model_card import card_files
from training.recommender.config import read_recommender_knobs
from training.recommender.model import DEFAULT_LIMIT
from training.recommender.train import FittedRecommender, TrainingConfig, train_recommender
from training.sasrec.config import BASKETS_FILE, read_settings
from training.sasrec.train import FittedSasrec
from training.shop_data import ShopData
from training.tracking import check_tracking, open_tracker
from training.training_set import SERVICE
from training.windows import default_calendar


def run(settings: Settings, progress: Progress, _source: str | None = None) -> StepResult:
    """Fit, measure, save the training set and the bundle, and record all three."""
    started = time.monotonic()
    check_tracking(settings.tracking)
    done = fit_and_measure(settings, progress)
    progress("saving the bundle")
    manifest = done.fitted.training_set.manifest
    set_dir = settings.training_sets_dir / done.fitted.training_set.digest[:12]
    with atomic_path(set_dir) as beside:
        beside.mkdir()
        pq.write_table(done.fitted.training_set.table, beside / "rows.parquet")
        write_json(beside / "manifest.json", manifest)
    bundle = _save(settings, done)
    _track(settings, done, bundle.version)
    _record(settings, done, bundle, seconds=time.monotonic() - started)
    ours = done.figures["recommender"]["ndcg_at_10"]
    floor = max(figures["ndcg_at_10"] for figures in done.figures["floors"].values())
    return StepResult(
        f"{MODEL_NAME} {bundle.version}: NDCG@10 {ours:.4f}, best floor {floor:.4f} "
        f"-> {bundle.folder}",
        (*sorted(bundle.folder.iterdir()), set_dir / "rows.parquet", set_dir / "manifest.json"),
        {"version": bundle.version, "figures": done.figures},
    )


def measure(settings: Settings, progress: Progress) -> dict[str, Any]:
    """The figures of ``counterfoil evaluate recommender``: fitted and judged in this run."""
    return fit_and_measure(settings, progress).figures


def fit_and_measure(settings: Settings, progress: Progress) -> Measured:
    """Fit on what was known before the test window, then judge that window with raw orders."""
    data = shop_data(settings)
    config = training_config(settings)
    sasrec, continued = go_on_from_champion(settings, data, config, progress)
    fitted = fit(settings, data, progress, sasrec)
    window = fitted.calendar.test
    progress("judging the test window")
    figures = evaluate_recommender(
        data,
        fitted.at(data, window.cutoff),
        window=window,
        historical_features=features_at(settings),
        limit=DEFAULT_LIMIT,
    )
    return Measured(data, fitted, figures, continued)


def fit(
    settings: Settings, data: ShopData, progress: Progress, sasrec: FittedSasrec | None = None
) -> FittedRecommender:
    """Retrievers and ranker from what was known before the test window."""
    config = training_config(settings)
    return train_recommender(
        data,
        calendar=default_calendar(data.lines, config.windows),
        config=config,
        historical_features=features_at(settings),
        inputs=_inputs(settings),
        progress=progress,
        sasrec=sasrec,
    )


def training_config(settings: Settings) -> TrainingConfig:
    """The training's knobs, of its three files, with seed and threads from the settings.

    SASRec's epochs are its file's too, where the settings do not say another number.
    """
    knobs = read_settings(BASKETS_FILE)
    training = replace(knobs.training, seed=settings.seed)
    if "sasrec_epochs" in settings.model_fields_set:
        training = replace(training, epochs=settings.sasrec_epochs)
    return TrainingConfig(
        seed=settings.seed,
        threads=settings.threads,
        sasrec=knobs.network,
        sasrec_training=training,
        deep_ranker=read_deep_ranker_settings(),
        **vars(read_recommender_knobs(settings.recommender_knobs_path)),
    )


def features_at(settings: Settings) -> "partial[pa.Table]":
    """``(label rows, service) -> label rows with features``, through Feast, point in time."""
    return partial(_features_at, settings)


def _features_at(settings: Settings, label_rows: pa.Table, service: str) -> pa.Table:
    return historical_features(label_rows, service=service, settings=settings)


def _inputs(settings: Settings) -> dict[str, str]:
    paths = [
        settings.features_dir / f"{model.name}.parquet"
        for model in read_feature_models(settings.dbt_dir)
    ]
    return {path.rsplit("/", 1)[-1]: digest for path, digest in output_digests(paths).items()}


def _save(settings: Settings, done: Measured) -> Bundle:
    calendar, figures = done.fitted.calendar, done.figures
    recommender = done.fitted.at(done.data, calendar.as_of)
    network = done.fitted.sasrec.network.state_dict()
    return save_bundle(
        settings.bundles_dir,
        recommender,
        network_weights={name: tensor.cpu().numpy() for name, tensor in network.items()},
        facts={
            "shop": settings.shop,
            "example_user_id": recommender.known_user,
            "feature_service": SERVICE,
            "schema_hash": schema_hash(SERVICE),
            "seed": settings.seed,
            "training_set_sha256": done.fitted.training_set.digest,
            "cutoffs": {
                "train": [window.cutoff.isoformat() for window in calendar.train],
                "validation": calendar.validation.cutoff.isoformat(),
                "recent": [window.cutoff.isoformat() for window in calendar.recent],
                "test": calendar.test.cutoff.isoformat(),
                "memory": calendar.as_of.isoformat(),
            },
            "metrics": {**figures["recommender"], "users": figures["households"]},
            "floors": figures["floors"],
            "knobs": knobs_of(settings, done),
            "sasrec_network": asdict(done.fitted.sasrec.config),
            **continual_of(done),
            "ranker": done.fitted.ranker.card,
            "calibration": _calibration_card(done),
        },
        texts=card_files(page_of(settings, done)),
    )


def _track(settings: Settings, done: Measured, version: str) -> None:
    tracker = open_tracker(settings.tracking, settings.tracking_dir, f"{MODEL_NAME}-{version}")
    tracker.epochs(done.fitted.sasrec.curve)
    tracker.end(knobs_of(settings, done), done.figures["recommender"])


def _calibration_card(done: Measured) -> dict[str, object] | None:
    """Its error on validation users it was not fitted on, and on the test window's baskets."""
    fitted = done.fitted.ranker.calibration
    if fitted is None:
        return None
    return {"validation": fitted.figures, "test": done.figures.get("calibration")}


def _record(settings: Settings, done: Measured, bundle: Bundle, *, seconds: float) -> None:
    manifest: dict[str, Any] = dict(done.fitted.training_set.manifest)
    digest = done.fitted.training_set.digest
    with session(settings) as records:
        records.add(
            TrainingSet(
                manifest_sha256=digest,
                rows=manifest["rows"],
                synthetic_rows=manifest["synthetic_rows"],
                first_label_at=manifest["first_label_at"],
                last_label_at=manifest["last_label_at"],
                feature_service=manifest["feature_service"],
                schema_hash=manifest["schema_hash"],
            )
        )
        records.add(
            TrainingRun(
                model_name=MODEL_NAME,
                model_version=bundle.version,
                training_set_sha256=digest,
                seed=settings.seed,
                seconds=round(seconds, 3),
                metrics=done.figures,
            )
        )
        records.add(
            ModelVersion(
                model_name=MODEL_NAME,
                model_version=bundle.version,
                bundle_sha256=bundle.digest,
                feature_service=SERVICE,
                schema_hash=schema_hash(SERVICE),
            )
        )
