"""Training: point-in-time training sets, one folder per model, metrics, bundles.

LightGBM's wheel expects the operating system's ``libgomp.so.1``, which a bare machine lacks. torch
brings its own; loading that first, before any module here imports LightGBM, makes it do for both.
"""

import ctypes
from importlib.util import find_spec
from pathlib import Path

_OPENMP = "libgomp.so.1"


def _load_openmp() -> None:
    try:
        ctypes.CDLL(_OPENMP)
    except OSError:
        torch = find_spec("torch")
        if torch is not None and torch.origin is not None:
            bundled = Path(torch.origin).parent / "lib" / _OPENMP
            if bundled.is_file():
                ctypes.CDLL(str(bundled), mode=ctypes.RTLD_GLOBAL)


_load_openmp()
