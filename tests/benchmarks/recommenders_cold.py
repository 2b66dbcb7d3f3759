"""Items nobody has had yet: the text two-tower beside popularity within category.

    python tests/benchmarks/recommenders_cold.py --data DIR --json FILE

DIR has a file of ``user item item ...`` lines and a table of titles. The 10 % of items that appear
last (by place in the file, which has no times) are cold: none of their acts teaches. Asked is each
user's first act on a cold item, with what the user did before it. All cold items are ranked
(``among_cold``), and all items there are, but those the user had (``among_all``); ties count
against every model, and in favour of the floors. Knobs are chosen on the 10 % of items before
those, on a training that knows neither. Intervals are 95 % bootstraps over users.
"""

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parents[1])]
os.environ.setdefault("OMP_NUM_THREADS", str(len(os.sched_getaffinity(0))))

import numpy as np  # noqa: E402 - threads are set before numpy loads
from recommenders_cold_floors import expected_gain, floors  # noqa: E402
from sequence_files import UserFiles, read_users  # noqa: E402

from governance.errors import CounterfoilError, InputError  # noqa: E402
from training.cold_items import ColdSplit, hold_out_cold  # noqa: E402
from training.content.train import ContentConfig, fit_content, title_vectors  # noqa: E402
from training.knobs import choose_knobs  # noqa: E402
from training.retrievers import Histories, Retriever  # noqa: E402
from training.sequences import Requests  # noqa: E402
from training.single_target import bootstrap, hits, ndcg  # noqa: E402

Figures = dict[str, Any]
_SHARE = 0.1  # of the items, held out
_BLOCK = 512  # requests scored at once
_DRAWS = 2_000  # of the ratio's bootstrap
_SEED = 0
_QUICK_EPOCHS = 2


@dataclass(frozen=True)
class Gains:
    """Per request NDCG@10 and HR@10, among the cold items and among all."""

    among_cold: np.ndarray
    among_all: np.ndarray
    hit_among_cold: np.ndarray


def main() -> int:
    """Measure one folder and print its figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="sequences and titles")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--quick", action="store_true", help=f"rough: {_QUICK_EPOCHS} epochs")
    given = parser.parse_args()
    started = time.monotonic()
    try:
        figures = measure(read_users(given.data), quick=given.quick)
    except CounterfoilError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    figures["seconds"] = round(time.monotonic() - started, 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    figures["peak_memory_mib"] = round(peak / 1024)
    text = json.dumps({"cold": {"data": given.data.resolve().name} | figures}, indent=2) + "\n"
    if given.json:
        given.json.write_text(text)
    sys.stdout.write(text)
    return 0


def measure(files: UserFiles, *, quick: bool = False) -> Figures:
    """The floors, what needs no learning, the tower; then the ratios."""
    if not any(files.titles):
        raise InputError(
            "there are no titles, and a cold item has nothing else",
            next_step="put a table with the columns item_id and title beside the sequences",
        )
    earlier = hold_out_cold(files.sequences, share=_SHARE, later=_SHARE)
    split = hold_out_cold(files.sequences, share=_SHARE)
    figures: Figures = {"protocol": _described(split)}
    asked = split.with_history()
    gains, figures["floors"] = _floors(earlier, split, files.titles, asked)
    two_tower = partial(_two_tower, most_epochs=_QUICK_EPOCHS if quick else None)
    for name, fit in {"content": _content, "cosine": _cosine, "two_tower": two_tower}.items():
        began = time.monotonic()
        retriever, facts = fit(earlier, split, files.titles)
        gains[name] = _judge(retriever, asked, split)
        seconds = {"seconds": round(time.monotonic() - began, 1)}
        figures[name] = _summary(gains[name], asked) | facts | seconds
        _say(name, figures[name])
        if name == "two_tower":
            figures["new_users"] = _new_users(retriever, split)
    return _ratios(gains, asked) | figures


def _floors(
    earlier: ColdSplit, split: ColdSplit, titles: list[str], asked: Requests
) -> tuple[dict[str, Gains], Figures]:
    """Per reading the variant that does best on the earlier items."""
    gains: dict[str, Gains] = {}
    figures: Figures = {}
    choices = floors(earlier, titles, seed=_SEED)
    judged = floors(split, titles, seed=_SEED)
    before = earlier.with_history()
    for reading, variants in choices.items():
        reached = {
            name: _judge(floor, before, earlier, is_floor=True).among_cold.mean()
            for name, floor in variants.items()
        }
        chosen = max(reached, key=lambda name: reached[name])
        gains[reading] = _judge(judged[reading][chosen], asked, split, is_floor=True)
        figures[reading] = _summary(gains[reading], asked) | {
            "variant": chosen,
            "validation": round(float(reached[chosen]), 5),
        }
        _say(reading, figures[reading])
    return gains, figures


def _content(earlier: ColdSplit, _split: ColdSplit, titles: list[str]) -> tuple[Retriever, Figures]:
    """The retriever that is there already: neighbours by cosine of words."""
    alike = fit_content(title_vectors(titles), ContentConfig(sharpness=1.0, neighbours=500))

    def fit(config: ContentConfig) -> Retriever:
        weight = alike.weight**config.sharpness
        return replace(alike, weight=weight, history_decay=config.history_decay)

    options = {"history_decay": (0.6, 0.75, 0.9), "sharpness": (1.0, 2.0)}
    choice = choose_knobs(ContentConfig(), options, _reaches(fit, earlier))
    return fit(choice.config), {"knobs": asdict(choice.config)}


def _cosine(earlier: ColdSplit, split: ColdSplit, titles: list[str]) -> tuple[Retriever, Figures]:
    """The tower before it has learned anything: cosines of words, places weighed."""
    from training.two_tower.config import read_config
    from training.two_tower.train import plain_tower

    def fit_on(known: ColdSplit) -> Callable[[Any], Retriever]:
        return lambda config: plain_tower(known, titles, config=config).items(titles)

    options = {"history_decay": (0.6, 0.75, 0.9), "place_power": (0.0, 0.3, 0.6)}
    choice = choose_knobs(read_config(), options, _reaches(fit_on(earlier), earlier))
    knobs = {name: getattr(choice.config, name) for name in options}
    return fit_on(split)(choice.config), {"knobs": knobs}


def _two_tower(
    earlier: ColdSplit, split: ColdSplit, titles: list[str], *, most_epochs: int | None
) -> tuple[Retriever, Figures]:
    """The earlier items choose the epoch; a second training on what the split allows is judged."""
    import torch

    from training.two_tower.config import read_config
    from training.two_tower.train import fit_two_tower

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    config = read_config()
    config = replace(config, epochs=min(config.epochs, most_epochs or config.epochs))

    def said(line: str) -> None:
        sys.stderr.write(f"  {line}\n")
        sys.stderr.flush()

    first = fit_two_tower(earlier, titles, config=config, progress=said)
    best = int(first.metrics["epoch"])
    again = replace(config, epochs=best)
    fitted = fit_two_tower(split, titles, config=again, progress=said, validate=False)
    facts = {
        "validation": round(first.metrics["ndcg_at_10"], 5),
        "epochs": best,
        "knobs": asdict(config),
    }
    return fitted.tower.items(titles), facts


def _reaches(fit: Callable[[Any], Retriever], earlier: ColdSplit) -> Callable[[Any], float]:
    before = earlier.with_history()
    return lambda config: float(_judge(fit(config), before, earlier).among_cold.mean())


def _judge(
    retriever: Any, requests: Requests, split: ColdSplit, *, is_floor: bool = False
) -> Gains:
    """Every candidate is ranked; a model is last among equals, a floor in their middle."""
    candidates = np.sort(np.concatenate([split.cold, split.warm]))
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for begin in range(0, len(requests), _BLOCK):
        block = requests.at(np.arange(begin, min(begin + _BLOCK, len(requests))))
        scores = retriever.score(block.histories)
        own = scores[np.arange(len(block)), block.target]
        _hide(scores, block.histories)
        cold, every = scores[:, split.cold], scores[:, candidates]
        if is_floor:
            parts.append(
                (expected_gain(cold, own, 10), expected_gain(every, own, 10), np.zeros(len(block)))
            )
        else:
            place = (cold >= own[:, None]).sum(axis=1)
            overall = (every >= own[:, None]).sum(axis=1)
            parts.append((ndcg(place, 10), ndcg(overall, 10), hits(place, 10)))
    return Gains(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _hide(scores: np.ndarray, histories: Histories) -> None:
    for row, history in zip(scores, histories, strict=True):
        row[history] = -np.inf


def _new_users(retriever: Any, split: ColdSplit) -> Figures:
    """Neither user nor item has a past: the popularity that words foretell."""
    asked = split.without_history()
    if not len(asked):
        return {"requests": 0}
    found = _judge(retriever, asked, split)
    by_chance = expected_gain(np.zeros((1, len(split.cold))), np.zeros(1), 10)
    return _summary(found, asked) | {
        "requests": len(asked),
        "random_ndcg_at_10": round(float(by_chance[0]), 5),
    }


def _ratios(gains: dict[str, Gains], asked: Requests) -> Figures:
    """The tower over the stronger reading of popularity within category, and within brand."""
    figures: Figures = {}
    for key, family in (("ratio_to_popularity", "category"), ("ratio_to_brand", "brand")):
        readings = [name for name in gains if name.startswith(family)]
        floor = max(readings, key=lambda name: gains[name].among_cold.mean())
        ours, theirs = gains["two_tower"].among_cold, gains[floor].among_cold
        draw = np.random.default_rng(_SEED)
        chosen = draw.integers(0, len(ours), (_DRAWS, len(ours)))  # a request is a user
        low, high = np.percentile(
            [ours[c].mean() / max(theirs[c].mean(), 1e-9) for c in chosen], [2.5, 97.5]
        )
        figures[key] = round(float(ours.mean() / max(theirs.mean(), 1e-9)), 3)
        figures[f"{key}_interval"] = [round(float(low), 3), round(float(high), 3)]
        figures[f"{key}_is_to"] = floor
    return figures


def _summary(gains: Gains, asked: Requests) -> Figures:
    figures: Figures = {}
    among = {"ndcg_at_10": gains.among_cold, "ndcg_at_10_among_all": gains.among_all}
    if gains.hit_among_cold.any():
        among["hr_at_10"] = gains.hit_among_cold
    for name, values in among.items():
        interval = bootstrap(values, asked.group)
        figures[name] = round(interval.mean, 5)
        figures[f"{name}_interval"] = [round(interval.low, 5), round(interval.high, 5)]
    return figures


def _described(split: ColdSplit) -> Figures:
    return {
        "cold_items": len(split.cold),
        "warm_items": len(split.warm),
        "first_appearance": "by place in the file; it has no times",
        "candidates": "all cold items; among_all: all items but the user's own",
        "acts_taught": len(split.known.item),
        "requests": len(split.with_history()),
        "requests_of_new_users": len(split.without_history()),
        "category": "derived from titles: the files have none",
    }


def _say(name: str, figures: Figures) -> None:
    shown = {k: v for k, v in figures.items() if isinstance(v, float | int)}
    sys.stderr.write(f"{name}: {shown}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
