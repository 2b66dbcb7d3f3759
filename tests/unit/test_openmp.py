"""A bare machine without libgomp can still train: torch's own copy serves LightGBM."""

import ctypes.util
import subprocess
import sys
from pathlib import Path

import pytest

from governance.settings import PROJECT_ROOT

CODE = "import training.ranker.model, lightgbm; print('loaded', lightgbm.__name__)"


def test_lightgbm_loads_where_the_system_has_no_libgomp():
    name = ctypes.util.find_library("gomp")
    found = [p for p in Path("/lib").glob(f"*/{name}") if name]
    hide = [f"mount --bind /dev/null {path}" for path in found]
    script = " && ".join([*hide, f'exec "{sys.executable}" -c "{CODE}"'])
    probe = ["unshare", "--mount", "true"]
    if hide and subprocess.run(probe, capture_output=True, check=False).returncode != 0:
        pytest.skip("hiding the system's libgomp needs root and mount namespaces")
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script] if hide else ["sh", "-c", script],
        cwd=PROJECT_ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.strip() == "loaded lightgbm", done.stderr
