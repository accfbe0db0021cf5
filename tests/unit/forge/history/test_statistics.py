# SPDX-License-Identifier: GPL-3.0-or-later
"""What tells the language of a file."""

from __future__ import annotations

import pytest

from trivium.forge.history.statistics import ending_of


@pytest.mark.parametrize(
    ("path", "ending"),
    [
        ("a/b.PY", "py"),
        ("Makefile", ""),
        ("a.d/Makefile", ""),
        (".gitignore", "gitignore"),
        ("archive.tar.gz", "gz"),
        ("odd.", ""),
        ("x." + "y" * 100, "y" * 20),
    ],
)
def test_ending(path: str, ending: str) -> None:
    assert ending_of(path) == ending
