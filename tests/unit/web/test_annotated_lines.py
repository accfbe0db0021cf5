# SPDX-License-Identifier: GPL-3.0-or-later
"""The colours of a file whose page was made are not made once more for its annotation (web.md 5)."""

from __future__ import annotations

from typing import NoReturn

import pytest
from selectolax.lexbor import LexborHTMLParser

from tests.support import gits, rows
from tests.support.doors import Doorway
from trivium.access.caller import Caller
from trivium.forge.site import Site
from trivium.render import highlight

CODE = "import os\n\n\ndef a(b):\n    return '<td>'  # \u202e\n" * 3


def test_lines_in_colours_are_made_once(
    site: Site, ada: Caller, doorway: Doorway, monkeypatch: pytest.MonkeyPatch
) -> None:
    with site.store.write() as db:
        rows.repository(db, "tool", ada)
    (first,) = gits.history(site.tree.path_of("tool"), {"a.py": CODE})
    visitor = doorway.visitor(ada)

    def lines(what: str) -> list[str | None]:
        answer = visitor.get(f"/tool/{what}/{first}/a.py")
        assert answer.status == 200
        return [cell.html for cell in LexborHTMLParser(answer.body).css("td.lc")]

    shown = lines("files")
    assert len(shown) == CODE.count("\n") and any("<span" in str(line) for line in shown)

    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("coloured")

    monkeypatch.setattr(highlight, "highlight", refuse)
    assert lines("annotate") == shown


def test_an_annotation_stays_the_same_page_when_others_look_at_its_file(
    site: Site, ada: Caller, doorway: Doorway
) -> None:
    with site.store.write() as db:
        rows.repository(db, "tool", ada)
    gits.history(site.tree.path_of("tool"), {"a.py": CODE})
    visitor = doorway.visitor(ada)
    tag = visitor.get("/tool/annotate/tip/a.py").headers["etag"]
    assert visitor.get("/tool/files/tip/a.py?changes=1").status == 200
    assert visitor.get("/tool/annotate/tip/a.py", if_none_match=tag).status == 304
