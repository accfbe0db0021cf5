# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of rights: nothing that somebody is called leaves its place, and forms send what the core knows."""

from __future__ import annotations

from selectolax.lexbor import LexborHTMLParser

from trivium.render.rights import LEVELS, RightRow, RightWords, UseRow, rights, uses

HOSTILE = "\"'><script>alert(1)</script>\u202e</td></tr></form>&amp;%(name)s"


def table(html: str) -> LexborHTMLParser:
    return LexborHTMLParser(f"<!doctype html><table><tbody>{html}</tbody></table>")


def test_what_somebody_is_called_stays_in_its_place() -> None:
    row = RightRow("<i></i>", HOSTILE, "", HOSTILE, "write", HOSTILE, HOSTILE, "user", removable=True)
    words = RightWords(set=HOSTILE, remove=HOSTILE, why=HOSTILE)
    shown = table(rights([row, row], HOSTILE, '<input type="hidden" name="t" value="1">', words, icons=HOSTILE))
    assert not shown.css("script") and len(shown.css("tr")) == len(shown.css("form")) == 2
    form = shown.css("form")[1]
    assert form.attributes["action"] == HOSTILE
    assert {one.attributes["name"]: one.attributes["value"] for one in form.css("input")} == {
        "t": "1",
        "of": "user",
        "whom": HOSTILE,
    }
    assert [one.attributes["value"] for one in form.css("option")] == list(LEVELS)
    assert [one.attributes["value"] for one in form.css("option[selected]")] == ["write"]
    set_it, take = form.css("button")
    assert "name" not in set_it.attributes and take.attributes["name"] == "take"
    said = HOSTILE.replace("\u202e", "[U+202E]")
    assert take.attributes["aria-label"] == f"Remove the row of {said}"
    assert [one.attributes["href"] for one in shown.css("tr:first-child a")] == [HOSTILE, HOSTILE]


def test_what_is_no_row_cannot_be_changed_and_everybodys_cannot_be_taken_away() -> None:
    owner = RightRow("", "ada", "", "/ada", "admin", "owner", "", "", removable=False)
    everybody = RightRow("", "default", "Everybody", "", "none", "default", "", "user", removable=False)
    first, second = table(rights([owner, everybody], "/x", "")).css("tr")
    assert not first.css("form") and first.css_first("a").text() == "ada" and first.css_first(".accent")
    assert not second.css("a") and len(second.css("button")) == 1 and second.css_first(".bad").text() == "none"
    assert "Everybody" in second.text()


def test_uses_are_deleted_by_the_name_that_they_have() -> None:
    rows = [
        UseRow("", HOSTILE, HOSTILE, "read", HOSTILE, of_group=True, has_row=True),
        UseRow("", "ada", "ada", "admin", "owns it", of_group=False, has_row=False),
    ]
    shown = table(uses(rows, "/x", "", dict.fromkeys(LEVELS, HOSTILE), HOSTILE))
    assert not shown.css("script") and len(shown.css("tr")) == 2
    (form,) = shown.css("form")
    found = {one.attributes["name"]: one.attributes["value"] for one in form.css("input")}
    assert found == {"name": HOSTILE, "of_group": "1"}
