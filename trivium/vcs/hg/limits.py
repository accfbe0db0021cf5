# SPDX-License-Identifier: GPL-3.0-or-later
"""What one request may cost a Mercurial process: bytes and seconds."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from trivium.settings import Settings

_FOLD: Final = 4
"""How many times Mercurial holds a pushed file, about: the delta, the text, the text before, the compressed form."""
_BASE: Final = 512 << 20
"""Bytes that a process needs beside the file at hand."""


class HgLimits(NamedTuple):  # no data class: the process that forks the others loads little
    """Limits of all Mercurial processes of an installation; sizes in bytes, times in seconds."""

    object_bytes: int = 512 << 20
    """Largest file, manifest or changeset that a push or a pull may bring (`max_object_bytes`)."""
    inflate_ratio: int = 200
    """How many times its size a compressed bundle may grow beyond its first 16 MiB (`max_inflate_ratio`)."""
    request_seconds: int = 60
    """For an answer that is no transfer (`request_timeout`)."""
    transfer_seconds: int = 3600
    """Of a processor, for a push or a clone (`import_timeout`)."""

    @property
    def memory(self) -> int:
        """Bytes that a process may take: enough for the largest file, never more than half of the machine's memory."""
        machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return min(_FOLD * self.object_bytes + _BASE, machine // 2)

    def told(self) -> str:
        """All of them in one word, for a command line."""
        return json.dumps(self._asdict())

    @classmethod
    def heard(cls, told: str) -> HgLimits:
        """The limits that `told` wrote."""
        return cls(**json.loads(told))


def limits_of(settings: Settings) -> HgLimits:
    """The limits that an installation is configured for."""
    return HgLimits(
        object_bytes=settings.max_object_bytes,
        inflate_ratio=settings.max_inflate_ratio,
        request_seconds=settings.request_timeout,
        transfer_seconds=settings.import_timeout,
    )
