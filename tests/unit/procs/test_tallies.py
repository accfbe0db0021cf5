# SPDX-License-Identifier: GPL-3.0-or-later
"""What workers count together, and what stays of one that is gone."""

from __future__ import annotations

import os

from trivium.procs import tallies
from trivium.procs.tallies import Tallies


def test_counts_of_a_dead_worker_stay_and_what_was_so_in_it_goes() -> None:
    memory = tallies.make(2)
    child = os.fork()
    if not child:
        dying = Tallies(memory, 1)
        dying.count("git 2xx")
        dying.count("git 2xx")
        dying.put("writing", 7)
        os._exit(0)
    os.waitpid(child, 0)
    first = Tallies(memory, 0)
    first.count("git 2xx")
    first.put("writing", 1)
    assert (first.sums()["git 2xx"], first.sums()["writing"]) == (3, 8)
    successor = Tallies(memory, 1)
    successor.count("git 2xx")
    assert (first.sums()["git 2xx"], first.sums()["writing"]) == (4, 1)
    os.close(memory)
