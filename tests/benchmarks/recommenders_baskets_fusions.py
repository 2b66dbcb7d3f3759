"""The fusions that read retrievers only, on the candidates that the learned ranker is given too.

Order and weights are fitted on the training windows, as ``recommender.yaml`` would have them.
"""

import numpy as np

from training.evaluate import Prediction
from training.recommender.fused_ranker import FUSED
from training.recommender.fused_train import fit_fused
from training.recommender.model import DEFAULT_LIMIT, Recommender
from training.recommender.train import FittedRecommender
from training.shop_data import Ints
from training.windows import Targets

_NOTHING = np.empty(0)


def fused_rankings(
    fitted: FittedRecommender, recommender: Recommender, targets: Targets
) -> dict[str, list[Ints]]:
    """Per fusion the ranking of each user's candidates; a cold start by popularity."""
    seed = fitted.config.seed
    rankers = {name: fit_fused(fitted.training_set, name=name, seed=seed) for name in FUSED}
    rankings: dict[str, list[Ints]] = {f"fused_{name}": [] for name in FUSED}
    for place, user in enumerate(targets.users):
        found = recommender.candidates(str(recommender.user_ids[user]), limit=DEFAULT_LIMIT)
        for name, ranker in rankers.items():
            if found.is_cold_start:
                scores = found.scores["popular"].astype(np.float64)
            else:
                scores = ranker.scores(found.columns, _NOTHING, _NOTHING)
            ranked = Prediction(found.user_id, found.items, scores).judged_by(targets.of(place))
            rankings[f"fused_{name}"].append(ranked)
    return rankings
