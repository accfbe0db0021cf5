# SPDX-License-Identifier: GPL-3.0-or-later
"""Names in trees that a file system of somebody may take for git's own (security.md S-6).

What is pushed git itself judges (`receive.fsckObjects`), and what the server commits as well (`GitCommand.judge`). But
libgit2, which makes those trees, does not even begin with such a name: this tells them before.
"""

from __future__ import annotations

import re

_IGNORED = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
"""What HFS+ leaves out of a name."""
_DOT_GIT = re.compile(r"(?:\.git|git~1)[ .]*(?::.*)?")


def is_dot_git(segment: str) -> bool:
    """Whether somebody's system takes a name for that of git's directory, and git's clients refuse it therefore."""
    return _DOT_GIT.fullmatch(_plain(segment)) is not None


def _plain(segment: str) -> str:
    return _IGNORED.sub("", segment).lower()
