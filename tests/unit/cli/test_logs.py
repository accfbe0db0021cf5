# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing that clients send acts on whoever reads the log."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.cli.logs import harmless

ACTING = ["\x1b[31m", "\r", "\n", "\x08", "\x9b", "\x85", "\u2028", "\u202e", "\u200b", "\ufeff", "\ud800", "\x7f"]

PROGRAM = """
import logging, sys, structlog
from trivium.cli.logs import set_up_logging
set_up_logging("debug")
text = ascii_text.encode().decode("unicode_escape")
structlog.get_logger("x").info("event" + text, path=text, raw=text.encode("utf-8", "surrogatepass"), many=[text])
logging.getLogger("library").warning("said %s", text)
try:
    raise ValueError(text)
except ValueError:
    structlog.get_logger("x").exception("failed")
    logging.getLogger("library").exception("failed")
"""


@pytest.mark.parametrize("acting", ACTING, ids=ascii)
def test_no_line_has_a_character_that_acts(acting: str) -> None:
    text = ascii(f"a{acting}b level=error event=forged")[1:-1].replace("\\", "\\\\")
    said = subprocess.run(
        [sys.executable, "-c", f"ascii_text = '{text}'\n{PROGRAM}"], capture_output=True, check=True
    ).stderr.decode()
    assert "said" in said and said.count("ValueError") == 2
    shown = said.replace("\n", "")
    assert shown == harmless(shown)
    assert not [line for line in said.splitlines() if line.startswith(("b level", " level"))]


@given(st.text())
def test_what_does_not_act_is_shown_as_it_is(text: str) -> None:
    cleaned = harmless(text)
    assert cleaned.isprintable() or not text.isprintable()
    assert cleaned == text or not text.isprintable()
    assert harmless(cleaned) == cleaned
