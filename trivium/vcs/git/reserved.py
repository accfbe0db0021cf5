# SPDX-License-Identifier: GPL-3.0-or-later
"""Names in trees that a file system of somebody may take for git's own (security.md S-6).

What is pushed git itself judges (`receive.fsckObjects`). This is for what the server commits: the names by which macOS
and Windows find a file as well, and nothing else.
"""

from __future__ import annotations

import re

_IGNORED = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
"""What HFS+ leaves out of a name."""
_DOT_GIT = re.compile(r"(?:\.git|git~1)[ .]*(?::.*)?")
_SUBMODULES = re.compile(r"(?:\.gitmodules|gi(?:tmod|7eba|7eb|7e|7)?~[1-9][0-9]*)[ .]*(?::.*)?")


def is_dot_git(segment: str) -> bool:
    """Whether somebody's system takes a name for that of git's directory, and git's clients refuse it therefore."""
    return _DOT_GIT.fullmatch(_plain(segment)) is not None


def is_of_submodules(segment: str) -> bool:
    """Whether somebody's git may read a file of this name for where submodules come from."""
    return _SUBMODULES.fullmatch(_plain(segment)) is not None


def _plain(segment: str) -> str:
    return _IGNORED.sub("", segment).lower()
