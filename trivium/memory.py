# SPDX-License-Identifier: GPL-3.0-or-later
"""What was freed goes back to the system.

The C library keeps what it was given in an arena for each thread. Large work, such as making a list of changesets with
all diffs, leaves megabytes of free memory between a few bytes that are in use, in every thread that did any.
"""

from __future__ import annotations

import contextlib
import ctypes


def give_back() -> None:
    """Return free memory, of all threads; takes some milliseconds, in which others go on."""
    with contextlib.suppress(AttributeError, OSError):  # only the GNU library knows it, and needs it
        ctypes.CDLL(None).malloc_trim(0)
