# SPDX-License-Identifier: GPL-3.0-or-later
"""The companion that serves Subversion: it prepares a private Apache and becomes it (`vcs.svn.apache`).

Nothing of Python remains in it, so it costs what Apache costs. Should the supervisor die, the kernel ends it.
"""

from __future__ import annotations

import fcntl
import os
import resource
import select
import sys

import msgspec

from trivium.cli.order import Order
from trivium.errors import TriviumError
from trivium.procs.priority import yield_to_others
from trivium.procs.ties import tied
from trivium.vcs.svn.apache import LOCK_DESCRIPTOR, MEMORY, PLACE_DESCRIPTOR, ROOT_DESCRIPTOR, SvnApache
from trivium.vcs.svn.command import SvnCommand, find_programs

_ABOVE = 64
"""Copies of descriptors get numbers from here on, out of the way of the fixed numbers."""


def main() -> None:
    order = msgspec.json.decode(sys.argv[1].encode(), type=Order)
    settings = order.settings()
    try:
        apache = SvnApache(settings, SvnCommand(find_programs(settings)))
        lock = apache.take_over()
        programs = apache.prepare()
    except TriviumError as error:
        print(f"trivium: Subversion is not served: {error}", file=sys.stderr)
        sys.exit(2)
    given = {
        ROOT_DESCRIPTOR: os.open(settings.root, os.O_RDONLY | os.O_DIRECTORY),
        PLACE_DESCRIPTOR: os.open(apache.place, os.O_RDONLY | os.O_DIRECTORY),
        LOCK_DESCRIPTOR: lock,
    }
    if select.select([order.life], [], [], 0)[0]:
        sys.exit(1)  # the supervisor is gone already
    apart = {number: fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _ABOVE) for number, descriptor in given.items()}
    for number, descriptor in apart.items():
        os.dup2(descriptor, number)
    argv = [programs.apache, "-DFOREGROUND", "-f", f"/proc/self/fd/{PLACE_DESCRIPTOR}/httpd.conf"]
    account = programs.account
    ids = [f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups"] if account else []
    argv = tied(argv, *ids)
    yield_to_others(os.getpid())
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.umask(0o027)
    os.chdir("/")
    os.execve(argv[0], argv, {"LANG": "C.UTF-8"})  # noqa: S606


if __name__ == "__main__":
    main()
