"""How right each way of reading is on suppliers that taught nothing: the priors of rules.yaml.

Suppliers are dealt into folds; the titles of each fold are read by rules that the others taught.
``precision`` assumes one right and one wrong reading before; ``low`` is what 19 of 20 draws of
suppliers exceed. A way of few suppliers says little of another shop.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from training.attributes.judge import rights_by_way
from training.attributes.rules_file import read_rules
from training.attributes.structured import Product
from training.attributes.train import learn

FOLDS = 5
DRAWS = 1_000  # of suppliers
SEED = 20_261


def precision_of_the_untaught(products: Sequence[Product]) -> dict[str, dict[str, float]]:
    """By "attribute/way": readings judged, their suppliers, precision and its lower bound."""
    names = sorted({product.supplier for product in products})
    dealt = np.random.default_rng(SEED).permutation(len(names)) % FOLDS
    fold_of = dict(zip(names, dealt.tolist(), strict=True))
    counts: dict[str, dict[str, tuple[int, int]]] = defaultdict(dict)
    for fold in range(FOLDS):
        held = [one for one in products if fold_of[one.supplier] == fold]
        taught = [one for one in products if fold_of[one.supplier] != fold]
        titles = [one.title for one in held]
        read = learn(taught, read_rules(), unlabelled=titles).reader.read(titles)
        for supplier in sorted({one.supplier for one in held}):
            own = [at for at, one in enumerate(held) if one.supplier == supplier]
            found = rights_by_way([held[at] for at in own], [read[at] for at in own])
            for way, pair in found.items():
                counts[way][supplier] = pair
    return {way: _figures(list(counts[way].values())) for way in sorted(counts)}


def _figures(pairs: Sequence[tuple[int, int]]) -> dict[str, float]:
    counted = np.array(pairs, dtype=np.float64)  # (suppliers, right and judged)
    draw = np.random.default_rng(0)
    drawn = counted[draw.integers(len(counted), size=(DRAWS, len(counted)))].sum(axis=1)
    right, judged = counted.sum(axis=0)
    return {
        "judged": int(judged),
        "suppliers": len(counted),
        "precision": round(float((right + 1) / (judged + 2)), 4),
        "low": round(float(np.quantile((drawn[:, 0] + 1) / (drawn[:, 1] + 2), 0.05)), 4),
    }
