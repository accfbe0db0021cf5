# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON values that no argument of the API is meant for, and names that nothing may have."""

from __future__ import annotations

import json
from typing import Any

NOBODY: list[Any] = [
    # What never names an object, whatever objects there are (api-users.md 2.1, api-repos.md 1.2).
    None,
    True,
    False,
    0,
    -1,
    1.0,
    2.5,
    2**31,
    2**63,
    2**64,
    10**40,
    "",
    " ",
    "0",
    "-1",
    "+1",
    " 1",
    "1 ",
    "1.0",
    "1e0",
    "0x1",
    "१",
    "²",
    "9" * 30,
    "9" * 5000,
    "true",
    "None",
    "null",
    "\0",
    "1\0",
    "root\0",
    "'; DROP TABLE users; --",
    "%",
    "_",
    "../../etc/passwd",
    "--help",
    "x" * 100_000,
    [],
    [1],
    ["root"],
    {},
    {"id": 1},
    [[[{}]]],
]


def echoed(value: Any) -> str:
    """How messages repeat a value: a text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


NO_BOOLEANS: list[Any] = ["maybe", "", "2", "truee", "да", 2, -1, 1.0, 0.5, [], [True], {}, {"true": True}]
"""What is neither true nor false (api-users.md 2.4)."""

YES: list[Any] = [True, 1, "true", "True", "TRUE", "1", "yes", "YES", "on", "On"]
NO: list[Any] = [False, 0, "false", "False", "FALSE", "0", "no", "NO", "off", "Off"]

BAD_SEGMENTS = [
    # One segment of a repository or group name that is refused, never repaired (api-repos.md 1.4, system.md 3.5).
    ".",
    "..",
    ".hidden",
    ".git",
    "-rf",
    "--help",
    "--upload-pack=x",
    "ends.",
    " front",
    "back ",
    " ",
    "a\0b",
    "a\nb",
    "a\tb",
    "a\x1bb",
    "a\x7fb",
    "a\x85b",
    "a\u2028b",
    "a\u202eb",  # turns the text round
    "a\u200bb",  # has no width
    "\ufeffa",
    "back\\slash",
    "100%",
    "a:b",
    "x*y",
    'say "hi"',
    "<b>",
    "a|b",
    "#1",
    "{x}",
    "a^b",
    "`id`",
    "info",
    "HEAD",
    "git-upload-pack",
    "..\\up",
    "_1",
    "_42",
    "core.git",
    "CORE.GIT",
    "core.lock",
    "e\u0301tude",  # decomposed: not NFC
    "x" * 81,
    "😀" * 64,  # 256 bytes
]

GOOD_SEGMENTS = [
    "a",
    "A-b_c.d",
    "x" * 80,
    "étude",
    "проект",
    "仓库",
    "two words",
    "it's",
    "a&b;c",
    "$HOME",
    "a+b",
    "x.gitx",
    "2024",
]
