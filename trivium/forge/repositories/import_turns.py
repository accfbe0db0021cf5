# SPDX-License-Identifier: GPL-3.0-or-later
"""How often a user may fetch from other servers (`import_rate`): each transfer keeps a thread and fills a disk.

Each user has two places. They are kernel locks, so they hold for all processes, and a crash leaves none taken. One of
the files holds the times at which the user's transfers of the last minute began.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from typing import Final

from trivium.access.caller import Caller
from trivium.errors import Busy
from trivium.forge.site import Site

_AT_ONCE: Final = 2
_MINUTE: Final = 60.0


@contextlib.contextmanager
def import_turn(site: Site, caller: Caller, *, counted: bool = True) -> Iterator[None]:
    """Fetch from another server; raises `Busy` when the caller does that too often. Super-admins have no limit.

    `counted` false: it was counted before (`count_import`).
    """
    rate = site.settings.import_rate
    if not rate or caller.super_admin:
        yield
        return
    with contextlib.ExitStack() as held:
        for place in range(_AT_ONCE):
            descriptor = _opened(site, caller, str(place))
            if _is_free(descriptor):
                held.callback(os.close, descriptor)
                break
            os.close(descriptor)
        else:
            raise Busy("two imports of this user are under way already (import_rate)")
        if counted:
            _note(site, caller, rate)
        yield


def count_import(site: Site, caller: Caller) -> None:
    """Count an import that begins later; raises `Busy` when there were too many within a minute."""
    rate = site.settings.import_rate
    if rate and not caller.super_admin:
        _note(site, caller, rate)


def _note(site: Site, caller: Caller, rate: int) -> None:
    """Note that an import begins, unless there were enough in the last minute."""
    with os.fdopen(_opened(site, caller, "begun"), "r+") as begun:
        fcntl.flock(begun, fcntl.LOCK_EX)
        moment = time.time()
        recent = [at for at in map(_moment, begun.read(64 << 10).split()) if 0 <= moment - at < _MINUTE]
        if len(recent) >= rate:
            raise Busy("too many imports of this user within a minute (import_rate)")
        begun.seek(0)
        begun.truncate()
        begun.write(" ".join(f"{at:.3f}" for at in (*recent, moment)))


def _moment(text: str) -> float:
    try:
        return float(text)
    except ValueError:  # a crash in the middle of writing
        return 0.0


def _opened(site: Site, caller: Caller, what: str) -> int:
    path = site.tree.locks / f"import-{caller.user_id}-{what}"
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _is_free(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
