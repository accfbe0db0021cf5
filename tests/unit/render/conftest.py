# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Where time is compared, what the tests before have left behind is not gone through again and again."""
    gc.disable()
    yield
    gc.enable()
