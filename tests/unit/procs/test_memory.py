# SPDX-License-Identifier: GPL-3.0-or-later
"""What large work has freed goes back to the system."""

from __future__ import annotations

import subprocess
import sys

_WORK = """
import gc, re, threading
from pathlib import Path
from trivium.procs.memory import give_back, keep_together

keep_together()
kept = []

def work():
    large = []
    for _ in range(400):
        large.append(bytes(100_000))
        kept.append(bytes(1000))  # so that what is freed is between what is in use

def resident():
    return int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

before = resident()
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
held = resident()
give_back(thoroughly=True)
print(before, held, resident())
"""


def test_free_memory_between_what_is_in_use_is_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", _WORK], capture_output=True, check=True)
    before, held, after = map(int, done.stdout.split())
    assert held - before > 50_000
    assert after - before < 20_000
