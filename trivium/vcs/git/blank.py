# SPDX-License-Identifier: GPL-3.0-or-later
"""What git makes of an empty repository: it is asked once, and what it made is written down again for each other one.

To start git takes ten times as long as the two files and six directories that it makes.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, NamedTuple

_HEAD: Final = "HEAD"
_CONFIG: Final = "config"
_REF: Final = b"ref: "


class Blank(NamedTuple):
    """An empty repository, as paths inside it."""

    directories: tuple[str, ...]
    """Each behind the one that it is in."""
    files: dict[str, bytes]

    def lay_out(self, path: Path, head: bytes | None = None) -> None:
        """Make the same in an empty directory; `head`: the ref that its HEAD names, where it is another one."""
        for directory in self.directories:
            (path / directory).mkdir()
        for name, content in self.files.items():
            written = _REF + head + b"\n" if head is not None and name == _HEAD else content
            with (path / name).open("xb") as file:
                file.write(written)

    def is_like(self, path: Path) -> bool:
        """Whether a repository has the configuration of a new one."""
        return _content(path / _CONFIG) == self.files[_CONFIG]


def read_blank(path: Path) -> Blank:
    """An empty repository that git has just made."""
    directories: list[str] = []
    files: dict[str, bytes] = {}
    for directory, inside, names in os.walk(path):
        here = Path(directory)
        directories += [str((here / name).relative_to(path)) for name in inside]
        files |= {str((here / name).relative_to(path)): (here / name).read_bytes() for name in names}
    return Blank(tuple(directories), files)


def is_empty(path: Path) -> bool:
    """Whether a repository has no branch and no tag, and nothing that a copy of one would not have."""
    if (path / "packed-refs").exists() or (path / "shallow").exists():
        return False
    return not any(names for kind in ("heads", "tags") for _, _, names in os.walk(path / "refs" / kind))


def unborn(path: Path) -> bytes | None:
    """The branch that HEAD names, as the whole name of a ref; None when it names something else, or is not there."""
    said = _content(path / _HEAD).strip()
    return said.removeprefix(_REF) if said.startswith(_REF + b"refs/heads/") else None


def _content(path: Path) -> bytes:
    """What is in a file; nothing where it cannot be read: git says why, then."""
    try:
        return path.read_bytes()
    except OSError:
        return b""
