# SPDX-License-Identifier: GPL-3.0-or-later
"""What pages are made of besides HTML, and how much of it there may be (web.md 5)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trivium.web.static_files import static_files

MOST_SCRIPT = 12_000
TEMPLATES = Path(__file__).parents[3] / "trivium/web/templates"
OF_EVERY_PAGE = "trivium.js"
SCRIPT = re.compile(r'<script src="\{\{ asset \}\}/([a-z.]+)"')


def scripts() -> set[str]:
    return {name for name in static_files().files if name.endswith(".js")}


@pytest.mark.parametrize("name", sorted(scripts() - {OF_EVERY_PAGE}))
def test_no_page_has_more_script_than_it_may(name: str) -> None:
    files = static_files().files
    assert len(files[OF_EVERY_PAGE].content) + len(files[name].content) <= MOST_SCRIPT


def test_a_template_brings_one_script_beside_that_of_every_page() -> None:
    named = {str(path.relative_to(TEMPLATES)): SCRIPT.findall(path.read_text()) for path in TEMPLATES.rglob("*.html")}
    assert named.pop("frame.html") == [OF_EVERY_PAGE]
    assert {script for found in named.values() for script in found} == scripts() - {OF_EVERY_PAGE}
    assert max(map(len, named.values())) == 1
