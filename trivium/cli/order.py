# SPDX-License-Identifier: GPL-3.0-or-later
"""What the supervisor tells a process that it starts, in JSON on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from trivium.settings import Settings, load


class Order(msgspec.Struct):
    """Which installation it is for."""

    data: str
    config: str | None
    given: dict[str, Any]
    """Options from the command line."""
    life: int
    """Descriptor that ends with the supervisor."""

    def settings(self) -> Settings:
        return load(Path(self.data), Path(self.config) if self.config else None, **self.given)


class ParentOrder(Order):
    """For the parent of the workers: also the supervisor's process, and descriptors."""

    supervisor: int
    requests: int
    """The socket on which the supervisor asks for workers (`cli.workers`)."""
    ready: int
    """To report on."""
    beats: int
    """The memory in which workers count (`cli.beats`)."""
    tallies: int
    """The memory for what they have counted (`procs.tallies`)."""
