# SPDX-License-Identifier: GPL-3.0-or-later
"""The Mercurial processes of a server: a companion of its workers, which alone imports Mercurial.

Started by the supervisor only, with an order in JSON on the command line, like a worker. It imports next to nothing
until the first request for a Mercurial repository comes.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from trivium.vcs.hg.limits import HgLimits
from trivium.vcs.hg.server.master import Master


def main() -> None:
    order = json.loads(sys.argv[1])
    os.umask(0o027)
    os.set_inheritable(order["life"], False)
    place = Path(order["data"], "hg")
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    limits = HgLimits.heard(order["hg_limits"])
    Master(place / "scratch", order["hg_workers"], limits).listen(place / "socket", order["life"])


if __name__ == "__main__":
    main()
