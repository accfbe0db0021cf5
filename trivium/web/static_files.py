# SPDX-License-Identifier: GPL-3.0-or-later
"""What pages are made of besides HTML: read and compressed once, and served under an address that never means
anything else.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

_DIRECTORY: Final = Path(__file__).parent / "static"
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
    ".png": "image/png",
}
_COMPRESSIBLE: Final = frozenset({".css", ".js", ".svg", ".txt"})


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file."""

    type: str
    content: bytes
    compressed: bytes | None


@dataclass(frozen=True, slots=True)
class StaticFiles:
    """All files of a release."""

    version: str
    """Another one whenever any file is another."""
    files: dict[str, StaticFile]

    @property
    def root(self) -> str:
        """Where they are, below the site."""
        return f"/_static/{self.version}"


@lru_cache(maxsize=1)
def static_files() -> StaticFiles:
    """The files of this release."""
    found = {}
    digest = hashlib.sha256()
    for path in sorted(_DIRECTORY.rglob("*")):
        kind = _TYPES.get(path.suffix)
        if kind is None or not path.is_file():
            continue
        name, content = path.relative_to(_DIRECTORY).as_posix(), path.read_bytes()
        digest.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
        compressed = gzip.compress(content, 9, mtime=0) if path.suffix in _COMPRESSIBLE else None
        found[name] = StaticFile(kind, content, compressed)
    return StaticFiles(digest.hexdigest()[:8], found)
