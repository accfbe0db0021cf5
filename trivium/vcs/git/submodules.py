# SPDX-License-Identifier: GPL-3.0-or-later
"""Where submodules come from, as `.gitmodules` says at a commit.

Git reads the file, which is its own format; nothing that it includes is looked at, and nobody follows an address here.
"""

from __future__ import annotations

from typing import Final

from pygit2.enums import FileMode

from trivium.vcs.errors import VcsError
from trivium.vcs.git.opened import Opened

_FILE: Final = ".gitmodules"
_LARGEST: Final = 256 << 10
"""Bytes of the file; one that is larger says nothing."""
_LONGEST: Final = 4096
"""Characters of an address."""
_PATIENCE: Final = 10.0
_SECTION: Final = "submodule."


def addresses(opened: Opened, raw_id: str) -> dict[str, str]:
    """Path → address of each submodule that the file tells of at a commit."""
    found = opened.lookup(raw_id, _FILE)
    if found is None or found.filemode not in (FileMode.BLOB, FileMode.BLOB_EXECUTABLE):
        return {}
    blob = str(found.id)
    known = opened.index.submodules.get(blob)
    if known is None:
        known = _read(opened, blob) if opened.size(found.id) <= _LARGEST else {}
        opened.index.submodules.put(blob, known)
    return known


def _read(opened: Opened, blob: str) -> dict[str, str]:
    try:
        said = opened.command.run(
            *("config", "--blob", blob, "--no-includes", "--list", "-z"),
            cwd=opened.path,
            timeout=_PATIENCE,
            only_reads=True,
        )
    except VcsError:  # it is no such file
        return {}
    paths: dict[str, str] = {}
    urls: dict[str, str] = {}
    for setting in said.decode("utf-8", "surrogateescape").split("\0"):
        key, _, value = setting.partition("\n")
        section, _, variable = key.rpartition(".")
        if section.startswith(_SECTION) and variable in ("path", "url") and len(value) <= _LONGEST:
            (paths if variable == "path" else urls)[section] = value
    return {path: urls[section] for section, path in paths.items() if section in urls}
