# SPDX-License-Identifier: GPL-3.0-or-later
"""The package can be copied to a machine that has nothing but Python."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.client.fakes import ROOT


def test_runs_without_anything_else(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "trivium_client", tmp_path / "trivium_client", ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run(
        # -S: no site-packages; -E: no PYTHONPATH
        [sys.executable, "-S", "-E", "-m", "trivium_client.main", "--help"],
        cwd=tmp_path,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
