# SPDX-License-Identifier: GPL-3.0-or-later
"""What libraries load only because it happens to be installed, and nobody here uses; to be imported before them.

structlog draws errors with `rich` if there is one, which we never let it do: 5 MB of every server.
"""

from __future__ import annotations

import sys
from typing import Final

UNWANTED: Final = ("rich",)

for _name in UNWANTED:
    sys.modules.setdefault(_name, None)  # type: ignore[arg-type]  # what Python documents: there is no such module
