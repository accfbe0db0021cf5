# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written about the code is true of it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from trivium.api.methods import registry
from trivium.settings import options

ROOT = Path(__file__).resolve().parents[2]


def test_every_option_is_documented() -> None:
    documented = (ROOT / "docs" / "configuration.md").read_text()
    missing = [option.name for option in options() if f"`{option.name}`" not in documented]
    assert missing == []


def test_every_method_is_documented() -> None:
    documented = (ROOT / "docs" / "api.md").read_text()
    missing = [method.name for method in registry.all() if f"## {method.name}\n" not in documented]
    assert missing == []


def test_the_pages_that_are_made_from_the_code_are_up_to_date() -> None:
    checked = subprocess.run(
        [sys.executable, "scripts/write-docs", "--check"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("file", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda file: file.name)
def test_requirements_name_no_place_to_fetch_from(file: Path) -> None:
    text = file.read_text()
    assert "==" in text
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links|^-[if]\b", text, re.MULTILINE)


@pytest.mark.parametrize("page", sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").glob("*.md")), ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("directory", ["trivium", "trivium_client", "tests"])
def test_every_file_says_its_licence(directory: str) -> None:
    sources = sorted(path for path in (ROOT / directory).rglob("*.py") if path.stat().st_size)
    assert sources
    silent = [
        str(path.relative_to(ROOT))
        for path in sources
        if "SPDX-License-Identifier: GPL-3.0-or-later" not in path.read_text()
    ]
    assert silent == []


def test_every_defence_that_is_told_of_and_its_test_exist() -> None:
    text = (ROOT / "docs" / "security.md").read_text()
    rows = re.findall(r"^\| [^|*]+ \| `([^`]+)` \| `([^`:]+)::(\w+)` \|$", text, re.MULTILINE)
    kinds = text.partition("## Kinds")[2].partition("\n## ")[0]
    assert len(rows) == sum(line.startswith("| ") and "**" not in line for line in kinds.splitlines()) - 1
    for defence, file, test in rows:
        assert (ROOT / defence).is_file(), defence
        assert (ROOT / file).is_file(), file
        assert f"def {test}(" in (ROOT / file).read_text(), f"{file}::{test}"


def test_every_limit_that_is_told_of_is_an_option() -> None:
    limits = (ROOT / "docs" / "security.md").read_text().partition("## Limits")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([a-z_]+)`", limits))
    assert named <= {option.name for option in options()}
    assert {option.name for option in options() if option.name.startswith("max_")} <= named
