# SPDX-License-Identifier: GPL-3.0-or-later
"""Who lives in the scenarios."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.clients import Api, Person
from tests.support.svn_client import Svn


@pytest.fixture
def ada(root: Api) -> Person:
    """A user without rights of her own."""
    return root.new_user()


@pytest.fixture
def svn(tmp_path: Path, ada: Person) -> Svn:
    """Her Subversion client."""
    return Svn(tmp_path / "home", ada)
