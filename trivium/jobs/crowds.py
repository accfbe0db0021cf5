# SPDX-License-Identifier: GPL-3.0-or-later
"""Many long jobs that wait at once are done by a process of its own, where no queue has other programs do them.

A job that computes keeps the interpreter of its process from everybody whom that serves. One now and then does not
matter; hundreds of them would be felt by each call for as long as they last.
"""

from __future__ import annotations

import threading
from typing import Final

import structlog
from sqlalchemy.exc import DBAPIError

from trivium.errors import TriviumError
from trivium.forge.jobs import running
from trivium.forge.site import Site
from trivium.forge.upkeep import after_pushes
from trivium.jobs.carrying_out import NotStored, carry_out
from trivium.jobs.registry import long_kinds

_log = structlog.get_logger(__name__)

CROWD: Final = 20
"""So many are a crowd."""
_AT_ONCE: Final = 2
_FEW: Final = 4
"""Jobs that are looked up together: others may take them meanwhile."""
_LOOK_EVERY: Final = 0.2


def work_off(site: Site, ended: threading.Event) -> None:
    """Do the long jobs that wait, until none does, or `ended` says that the server ends."""
    threads = [threading.Thread(target=_work, args=(site, ended), name="job", daemon=True) for _ in range(_AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():  # signals are heard in between
            thread.join(_LOOK_EVERY)
    after_pushes.ask(site)


def _work(site: Site, ended: threading.Event) -> None:
    try:
        while not ended.is_set():
            with site.store.read() as db:
                waiting = running.due(db, _FEW, of=long_kinds())
            if not waiting:
                return
            for one in waiting:
                if carry_out(site, one.id, ended.is_set):
                    break  # what was first then may be another's by now
    except (NotStored, TriviumError, DBAPIError) as error:
        # This process ends, so that others see that nobody does what it had.
        _log.warning("a job was not done", why=str(error)[:200])
    except Exception:
        # The log has it; the other thread goes on, and what this one had is seen to be left.
        _log.exception("a job was not done")
