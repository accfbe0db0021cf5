# SPDX-License-Identifier: GPL-3.0-or-later
"""How many bytes a version of a file has, exactly, and without reading more of it than its beginning.

What is stored may begin with where the file was copied from, which is no part of the file.
"""

from __future__ import annotations

from typing import Any, Final

from mercurial import error
from mercurial.node import nullrev
from mercurial.revlogutils import constants

from trivium.vcs.errors import UnknownRevision
from trivium.vcs.hg.server.stored import MARK, beginning

_SMALL: Final = 64 << 10
"""Bytes that are rather read than looked into."""
_BEGINNING: Final = 32 << 10


def exact_size(log: Any, file_id: bytes) -> int:
    """The size of one version of a file; raises `UnknownRevision`.

    Except that of a later version that itself begins like the origin of a copy, some repositories do not say so: it is
    told with the few bytes more that it is stored in.
    """
    try:
        revision = log.rev(file_id)
    except error.LookupError as unknown:
        raise UnknownRevision(file_id.hex()) from unknown
    stored = int(log.get_revlog().rawsize(revision))
    if stored <= _SMALL or log.iscensored(revision) or not _may_be_marked(log, revision):
        return int(log.size(revision))
    begins = beginning(log, revision, _BEGINNING)
    if not begins.startswith(MARK):
        return stored
    end = begins.find(MARK, len(MARK))
    return int(log.size(revision)) if end < 0 else stored - end - len(MARK)


def _may_be_marked(log: Any, revision: int) -> bool:
    revlog = log.get_revlog()
    if revlog._format_flags & constants.FLAG_FILELOG_META:  # noqa: SLF001
        return bool(revlog.flags(revision) & constants.REVIDX_HASMETA)
    return bool(log.parentrevs(revision)[0] == nullrev)
