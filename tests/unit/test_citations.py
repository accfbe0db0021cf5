# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the code cites the specification, the section, requirement or ruling that it names is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPECIFICATION = ROOT / "docs" / "specification"
SOURCES = sorted(
    path
    for place in ("trivium", "trivium_client", "tests", "bench", "scripts")
    for path in (ROOT / place).rglob("*")
    if path.is_file() and path != Path(__file__) and (path.suffix == ".py" or place == "scripts")
)
PAGES = [ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md", *sorted(SPECIFICATION.glob("*.md"))]

# `file.md`, and what is cited of it: `2.2-2.4, 3, get_repo`, `S-1, S-6`, `R-17 and section 6`, `3.2, step 5b`.
FILE = re.compile(r"(?<![\w/.-])((?:\w+/)?[a-z]+(?:-[a-z]+)*)\.md(?![\w(])`?")
SECTION = r"\d+(?:\.\d+)*"
PART = re.compile(
    rf"(?:,? and |[, ] ?)(?:(?P<rows>rows? \d+(?: to \d+)?)|(?:section )?(?P<range>{SECTION}-{SECTION})(?![\w-])"
    rf"|(?:section |step )?(?P<id>[A-Z]-?\d+|\d+[a-z]|{SECTION})(?![\w-])|(?P<name>[a-z]+(?:_[a-z_]+)?)(?![\w.-]\w))"
)
BY_ITSELF = re.compile(r"\b([RS]-\d+)\b|\(([ACTW]\d+)\)")


class File:
    """What can be cited of one file of the specification."""

    def __init__(self, path: Path) -> None:
        self.sections: set[str] = set()
        self.ids: set[str] = set()
        self.names: set[tuple[str, str]] = set()
        """Names of methods, each with the number of the chapter that is about it."""
        chapter = ""
        for line in path.read_text().splitlines():
            numbered = re.match(rf"##+ ({SECTION})\.? ", line)
            if numbered:
                self.sections.add(numbered[1])
                chapter = numbered[1].partition(".")[0]
            row = re.match(r"\| ([\w-]+)", line)
            if row:
                self.ids.add(row[1])
            if line.startswith("###") or row:
                subjects = re.findall(r"^\| ([a-z]+(?:_[a-z]+)+)|([a-z]+(?:_[a-z]+)*)\(", line)
                self.names.update((chapter, row or heading) for row, heading in subjects)


FILES = {path.stem: File(path) for path in SPECIFICATION.glob("*.md") if path.name != "README.md"}


def citations(text: str) -> Iterator[tuple[str, str | None]]:
    """Each thing that is cited in a text, with its file; without one where an id stands by itself."""
    flat = re.sub(r"\s*\n\s*(?:# )?", " ", text)
    for found in FILE.finditer(flat):
        name = found[1]
        at = found.end()
        first = PART.match(flat, at)
        if name not in FILES and (first is None or not (first["id"] or first["range"]) or name.startswith("docs/")):
            continue  # another page
        yield name, None
        while part := PART.match(flat, at):
            if part["name"] and not any(part["name"] == known for file in FILES.values() for _, known in file.names):
                break
            yield name, part[0].strip(", ").removeprefix("and ")
            at = part.end()
    for found in BY_ITSELF.finditer(flat):
        yield "", found[1] or found[2]


def is_there(name: str, cited: str | None, before: str | None) -> bool:
    """Whether what is cited exists: a method in the chapter that was cited `before` it."""
    if not name:
        return any(cited in file.ids for file in FILES.values())
    if name not in FILES:
        return False
    file = FILES[name]
    if cited is None:
        return True
    cited = cited.removeprefix("section ").removeprefix("step ")
    if cited.startswith("row"):
        return all(number in file.ids for number in re.findall(r"\d+", cited))
    if re.fullmatch(f"{SECTION}-{SECTION}", cited):
        return all(number in file.sections for number in cited.split("-"))
    if re.fullmatch(SECTION, cited):
        return cited in file.sections
    if cited[0].islower():
        return before is not None and (before.partition(".")[0], cited) in file.names
    return cited in file.ids


@pytest.mark.parametrize("path", SOURCES + PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_citations_of_the_specification_lead_somewhere(path: Path) -> None:
    before = None
    for name, cited in citations(path.read_text()):
        # The specification says "`system.md` 3.5 and S-2"; the code names the file of each.
        elsewhere = path in PAGES and is_there("", cited, None)
        assert is_there(name, cited, before) or elsewhere, f"{name}.md {cited or ''}" if name else cited
        before = cited


def test_citations_are_found() -> None:
    """A test of the test: what it cannot see it cannot check."""
    found = [one for path in SOURCES for one in citations(path.read_text()) if one[1]]
    assert len(found) > 250
    assert list(citations("As said (api-repos.md 2.2-2.4, 3,\n    # get_repo; decisions.md W10).")) == [
        *[("api-repos", None), ("api-repos", "2.2-2.4"), ("api-repos", "3"), ("api-repos", "get_repo")],
        *[("decisions", None), ("decisions", "W10")],
    ]
    assert not is_there("api-repos", "2.99", None)
    assert not is_there("api-repos", "strip", "3")
    assert not is_there("nothing", None, None)
    assert list(citations("design/protocols.md 3")) == [("design/protocols", None), ("design/protocols", "3")]


@pytest.mark.parametrize("page", sorted(SPECIFICATION.glob("*.md")), ids=lambda page: page.name)
def test_links_of_the_specification_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target
