"""Train SASRec on a file of sequences, alone or in several processes; resumes by itself.

    python -m training.sasrec --sequences FILE --out DIR [--config sasrec.yaml]
    torchrun --nproc-per-node 2 -m training.sasrec --sequences FILE --out DIR

FILE has one ``user item item ...`` a line, oldest first, items numbered from 1. The last item of a
line is never looked at, the one before it is for early stopping, the others teach. DIR receives
``network.safetensors`` and ``result.json`` (metrics, learning curve); while it runs it holds
``checkpoint.safetensors``, and the same command goes on from there.
"""

import argparse
import logging
import os
from pathlib import Path

import numpy as np
import torch
import torch.distributed

from governance.errors import InputError
from governance.files import write_json
from training.sasrec.checkpoint import save_network
from training.sasrec.config import DEFAULT_FILE, read_settings
from training.sasrec.learn import Crew
from training.sasrec.train_sequences import fit_sequences
from training.sequences import Sequences, leave_one_out, sequences_of

logger = logging.getLogger("training.sasrec")


def main() -> None:
    """Read, train, write; only the first process speaks and writes."""
    options = _options()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(options.threads)
    settings = read_settings(options.config)
    if "WORLD_SIZE" in os.environ:  # set by torchrun
        _join(settings.training.device)
    crew = Crew.now()
    split = leave_one_out(read_sequences(options.sequences))
    fitted = fit_sequences(
        split.known,
        split.validation,
        settings=settings,
        progress=logger.info if crew.rank == 0 else logger.debug,
        checkpoint=options.out / "checkpoint.safetensors",
    )
    if crew.rank == 0:
        save_network(options.out / "network.safetensors", fitted.scorer.network, settings.network)
        result = {"metrics": fitted.metrics, "curve": list(fitted.curve), "processes": crew.size}
        write_json(options.out / "result.json", result)
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _join(device: str) -> None:
    """Meet the other processes on the device that learns; each GPU process has its own GPU."""
    is_gpu = torch.device(device).type == "cuda"
    if is_gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    torch.distributed.init_process_group("nccl" if is_gpu else "gloo")


def read_sequences(path: Path) -> Sequences:
    """One sequence a line; items are numbered from 1 in the file and from 0 here."""
    lists = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            items = np.array(line.split()[1:], dtype=np.int32)
        except ValueError:
            items = np.zeros(1, dtype=np.int32)
        if len(items) and items.min() < 1:
            raise InputError(
                "a line is no sequence of item numbers",
                where=f"{path}:{number}",
                why="an item is a whole number from 1",
                next_step="write: user item item ...",
            )
        lists.append(items - 1)
    last = max((int(items.max()) for items in lists if len(items)), default=-1)
    return sequences_of(lists, last + 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="training.sasrec", description=__doc__)
    parser.add_argument("--sequences", type=Path, required=True, help="file: user item item ...")
    parser.add_argument("--out", type=Path, required=True, help="folder for network and result")
    parser.add_argument("--config", type=Path, default=DEFAULT_FILE, help="knobs as YAML")
    parser.add_argument("--threads", type=int, default=2, help="of each process")
    return parser.parse_args()


if __name__ == "__main__":
    main()
