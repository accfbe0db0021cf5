# SPDX-License-Identifier: GPL-3.0-or-later
"""What the supervisor tells a process that it starts, in JSON on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from trivium.settings import Settings, load


class Order(msgspec.Struct):
    """What the supervisor wants of the process."""

    data: str
    config: str | None
    given: dict[str, Any]
    """Options from the command line."""
    listening: int | None = None
    """Descriptor of the listening socket; None: only put the data in order."""
    again: bool = False
    """To put the data in order after the death of a worker, while others serve."""
    ready: int = -1
    """Descriptor to report on."""
    life: int = -1
    """Descriptor that ends with the supervisor."""
    go: int = -1
    """Descriptor that ends when the data are in order."""
    beats: int = -1
    """Descriptor of the memory in which workers count (`cli.beats`)."""
    slot: int = 0
    """This worker's place there."""

    def settings(self) -> Settings:
        return load(Path(self.data), Path(self.config) if self.config else None, **self.given)
