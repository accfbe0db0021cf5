# SPDX-License-Identifier: GPL-3.0-or-later
"""What one request may cost a Mercurial process is bounded by the kernel, whatever Mercurial does."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

SERVED = """
import json
from types import SimpleNamespace as Some
from trivium.vcs.hg.limits import HgLimits
from trivium.vcs.hg.server import operations, serving

told = []
for name in ("limit_processor", "limit_time"):
    setattr(operations, name, lambda seconds, name=name: told.append([name, seconds]))
operations.end_with_client = lambda request: told.append(["end_with_client", request.call.arguments["command"]])
serving.serve_read = serving.serve_write = lambda *_: None
limits = HgLimits(request_seconds=77, transfer_seconds=7777)
one = Some(limits=limits, repository=lambda _: None, fresh=lambda _: None)
for command, writes in (("getbundle", False), ("unbundle", True), ("known", False)):
    call = Some(arguments={"command": command, "writes": writes})
    operations._serve(one, Some(call=call, files=[0], apart=True))
print(json.dumps(told))
"""

ENDLESS = """
from trivium.vcs.hg.server import library
from trivium.vcs.hg.server.confinement import {limit}
{limit}(1)
while True:
    pass
"""


def test_every_request_with_a_process_of_its_own_has_a_limit() -> None:
    done = subprocess.run([sys.executable, "-c", SERVED], capture_output=True, timeout=60, check=True)
    assert json.loads(done.stdout) == [
        ["end_with_client", "getbundle"],
        ["limit_processor", 7777],
        ["limit_processor", 7777],
        ["end_with_client", "known"],
        ["limit_time", 77],
    ]


@pytest.mark.parametrize(("limit", "said"), [("limit_time", "TooExpensive"), ("limit_processor", "")])
def test_what_does_not_end_is_ended(limit: str, said: str) -> None:
    command = [sys.executable, "-c", ENDLESS.format(limit=limit)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert said in done.stderr.decode()
    assert done.returncode == (1 if said else -signal.SIGXCPU)
