"""The champion as a place to go on from: its network and its users, over today's shop."""

from dataclasses import replace

import numpy as np
from safetensors.numpy import load_file

from governance.releases import champion_dir, champion_version
from governance.settings import Settings
from training.bundle import MODEL_NAME, NETWORK_WEIGHTS, Bundle, open_bundle
from training.recommender.continual import (
    Champion,
    Continued,
    FineTuning,
    champion_sasrec,
    continue_sasrec,
)
from training.recommender.train import Progress, TrainingConfig
from training.sasrec.model import SasrecConfig
from training.sasrec.train import FittedSasrec
from training.shop_data import ShopData
from training.windows import default_calendar


def go_on_from_champion(
    settings: Settings, data: ShopData, config: TrainingConfig, progress: Progress
) -> tuple[FittedSasrec | None, Continued | None]:
    """The champion's network taught on, if the setting asks for it and there is one that fits."""
    if settings.warm_start != "champion":
        return None, None
    if champion_version(settings, MODEL_NAME) is None:
        progress("sasrec: there is no champion to go on from")
        return None, None
    bundle = open_bundle(champion_dir(settings, MODEL_NAME))
    sizes = bundle.card.get("sasrec_network")
    if sizes is None or _sizes(SasrecConfig(**sizes)) != _sizes(config.sasrec):
        progress(f"sasrec: the champion {bundle.version} has another network; beginning anew")
        return None, None
    champion = _champion(bundle, SasrecConfig(**sizes), data)
    if not len(champion.sasrec.vocabulary):
        progress(
            f"sasrec: the champion {bundle.version} knows no item of this shop; beginning anew"
        )
        return None, None
    return continue_sasrec(
        data,
        champion,
        calendar=default_calendar(data.lines, config.windows),
        config=config,
        tuning=FineTuning(settings.fine_tune_epochs, settings.known_users_tolerance),
        progress=progress,
    )


def _sizes(config: SasrecConfig) -> SasrecConfig:
    """Dropout changes no weight's shape or meaning."""
    return replace(config, dropout=0.0)


def _champion(bundle: Bundle, config: SasrecConfig, data: ShopData) -> Champion:
    recommender = bundle.recommender()
    history, vocabulary = recommender.memory.history, recommender.memory.sasrec.vocabulary
    bought = recommender.user_ids[np.flatnonzero(np.diff(history.starts))]
    network = champion_sasrec(
        load_file(bundle.folder / NETWORK_WEIGHTS),
        config,
        recommender.item_ids[vocabulary].tolist(),
        data.item_ids,
    )
    users = np.flatnonzero(np.isin(data.user_ids, bought)).astype(np.int32)
    return Champion(bundle.version, network, users)
