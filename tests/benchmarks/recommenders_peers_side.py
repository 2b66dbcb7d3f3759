"""One peer from PyPI, run by a Python of its own: learns a split, answers with its lists.

    PEERS/bin/python recommenders_peers_side.py NAME --split IN.npz --out OUT.npz --seconds N

Knows nothing of this project: it reads arrays, writes arrays, and prints a line of JSON with its
times. Knobs are the library's defaults, or the best of a few on the validation requests given.
"""

import argparse
import copy
import json
import logging
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from recommenders_peers_split import Lists, Part, Work, lists_of, ndcg


class CannotServe(Exception):
    """A peer that has no way to answer this split; the table says why."""


_LARGEST_EASE = 15_000  # items: the matrix and its inverse, dense


def implicit_items(make: Callable[[], object], work: Work) -> tuple[Lists, dict]:
    """Item neighbours of ``implicit``: any history can ask."""
    model, started = make(), time.perf_counter()
    model.fit(work.learned.matrix().astype(np.float64), show_progress=False)
    fitted = time.perf_counter()
    lists = ask_implicit(model, work.test, work)
    return lists, times(work, started, fitted)


def ask_implicit(model: object, part: Part, work: Work, **options: object) -> Lists:
    found = model.recommend(
        np.arange(len(part)),
        part.matrix(),
        N=work.k,
        filter_already_liked_items=work.hides_seen,
        **options,
    )
    return work.shown(part, *found)


def cosine(work: Work) -> tuple[Lists, dict]:
    from implicit.nearest_neighbours import CosineRecommender

    return best_of(work, {f"K={k}": lambda k=k: CosineRecommender(K=k) for k in (20, 100)})


def bm25(work: Work) -> tuple[Lists, dict]:
    from implicit.nearest_neighbours import BM25Recommender

    return best_of(work, {f"K={k}": lambda k=k: BM25Recommender(K=k) for k in (20, 100)})


def best_of(work: Work, made: dict[str, Callable[[], object]]) -> tuple[Lists, dict]:
    """The setting that foretells validation best, fitted again on all that may be learned."""
    reached = {}
    for name, make in made.items():
        model = make()
        model.fit(work.known.matrix().astype(np.float64), show_progress=False)
        items, _ = ask_implicit(model, work.validation, work)
        reached[name] = ndcg(items, work.validation.target)
    best = max(reached, key=lambda name: reached[name])
    lists, facts = implicit_items(made[best], work)
    return lists, facts | {"knobs": best, "validation": round(reached[best], 5)}


def als(work: Work) -> tuple[Lists, dict]:
    from implicit.als import AlternatingLeastSquares

    model, started = AlternatingLeastSquares(factors=128, random_state=0), time.perf_counter()
    model.fit(work.learned.matrix(), show_progress=False)
    fitted = time.perf_counter()
    lists = ask_implicit(model, work.test, work, recalculate_user=True)
    return lists, times(work, started, fitted)


def bpr(work: Work) -> tuple[Lists, dict]:
    """Knows only users it learned from, as they were then."""
    from implicit.bpr import BayesianPersonalizedRanking

    if (work.owners < 0).any():
        raise CannotServe("it has no vector for sessions that it did not learn from")
    model, started = BayesianPersonalizedRanking(factors=128, random_state=0), time.perf_counter()
    model.fit(work.learned.matrix(), show_progress=False)
    fitted = time.perf_counter()
    found = model.recommend(
        work.owners, work.test.matrix(), N=work.k, filter_already_liked_items=work.hides_seen
    )
    return work.shown(work.test, *found), times(work, started, fitted)


def ease(work: Work) -> tuple[Lists, dict]:
    from rectools.models import EASEModel

    if work.learned.item_count > _LARGEST_EASE:
        raise CannotServe("its matrix grows with the square of the catalogue")
    reached = {}
    for ridge in (100.0, 500.0):
        model = EASEModel(regularization=ridge)
        model.fit(dataset_of(work.known))
        items, _ = ask_ease(model, work.validation, work)
        reached[ridge] = ndcg(items, work.validation.target)
    best = max(reached, key=lambda ridge: reached[ridge])
    model, started = EASEModel(regularization=best), time.perf_counter()
    model.fit(dataset_of(work.learned))
    fitted = time.perf_counter()
    lists = ask_ease(model, work.test, work)
    return lists, times(work, started, fitted) | {
        "knobs": f"regularization={best}",
        "validation": round(reached[best], 5),
    }


def ask_ease(model: object, part: Part, work: Work) -> Lists:
    """Its weights, asked by rectools' own ranker with histories in place of its users."""
    from rectools.models.rank import Distance, ImplicitRanker

    shown = part.matrix()
    ranker = ImplicitRanker(Distance.DOT, shown, model.weight, num_threads=threads())
    hidden = shown if work.hides_seen else None
    found = ranker.rank(subject_ids=np.arange(len(part)), k=work.k, filter_pairs_csr=hidden)
    return work.shown(part, *lists_of(*found, count=len(part), k=work.k))


def dataset_of(part: Part) -> object:
    """With every item known, so that codes stay codes."""
    from rectools.dataset import Dataset, IdMap, Interactions

    frame = part.frame()
    items = IdMap.from_values(np.arange(part.item_count))
    users = IdMap.from_values(np.arange(len(part)))
    return Dataset(users, items, Interactions.from_raw(frame, users, items))


def sasrec(work: Work) -> tuple[Lists, dict]:
    """Epoch by epoch until validation was no better three times or the time is up.

    The best epoch answers. Where more may be learned from than was then (the last days' sessions),
    as many epochs are learned again from all of it, as ours are.
    """
    import torch
    from rectools.models import SASRecModel

    torch.set_num_threads(threads())
    torch.manual_seed(0)
    sizes = {
        "n_blocks": 1, "n_heads": 1, "n_factors": 64, "dropout_rate": 0.2, "session_max_len": 50,
        "loss": "sampled_softmax", "n_negatives": 256, "lr": 1e-3, "batch_size": 128,
    }  # fmt: skip
    model = SASRecModel(**sizes, epochs=1)
    learned, started = dataset_of(work.known), time.perf_counter()
    best, weights, waited, epoch = -1.0, None, 0, 0
    while waited < 3 and time.perf_counter() - started < work.seconds:
        epoch += 1
        model.fit_partial(learned, min_epochs=1, max_epochs=1)
        reached = ndcg(ask_sasrec(model, work.validation, work)[0], work.validation.target)
        sys.stderr.write(f"  peer sasrec epoch {epoch}: validation {reached:.4f}\n")
        waited = waited + 1
        if reached > best:
            best, waited, kept = reached, 0, epoch
            weights = copy.deepcopy(model.lightning_model.state_dict())
    model.lightning_model.load_state_dict(weights)
    if len(work.learned) != len(work.known):
        torch.manual_seed(0)
        model = SASRecModel(**sizes, epochs=kept)
        model.fit(dataset_of(work.learned))
    fitted = time.perf_counter()
    lists = ask_sasrec(model, work.test, work)
    facts = {"epochs": kept, "epochs_run": epoch, "validation": round(best, 5)}
    return lists, times(work, started, fitted) | facts


def ask_sasrec(model: object, part: Part, work: Work) -> Lists:
    found = model.recommend(
        users=np.arange(len(part)),
        dataset=dataset_of(part),
        k=work.k,
        filter_viewed=work.hides_seen,
        on_unsupported_targets="ignore",
    )
    triple = (found["user_id"].to_numpy(), found["item_id"].to_numpy(), found["score"].to_numpy())
    return work.shown(part, *lists_of(*triple, count=len(part), k=work.k))


def times(work: Work, started: float, fitted: float) -> dict[str, float]:
    return {
        "fit_seconds": round(fitted - started, 2),
        "users_per_second": round(len(work.test) / max(time.perf_counter() - fitted, 1e-9)),
    }


def threads() -> int:
    return int(os.environ.get("OMP_NUM_THREADS", "1"))


PEERS = {
    "implicit_cosine": cosine,
    "implicit_bm25": bm25,
    "implicit_als": als,
    "implicit_bpr": bpr,
    "rectools_ease": ease,
    "rectools_sasrec": sasrec,
}


def main() -> int:
    """Run the named peer; a peer that cannot says why on stdout and leaves with 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=tuple(PEERS))
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, required=True, help="of learning in epochs")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.INFO)
    with np.load(given.split) as found:
        work = Work(dict(found), given.seconds)
    try:
        (items, scores), facts = PEERS[given.name](work)
    except (ImportError, CannotServe) as error:
        sys.stdout.write(json.dumps({"not_run": str(error)}) + "\n")
        return 0
    np.savez(given.out, items=items, scores=scores)
    sys.stdout.write(json.dumps(facts) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
