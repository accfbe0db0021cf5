# SPDX-License-Identifier: GPL-3.0-or-later
"""What a browser would send of a form on a page that nobody has typed into."""

from __future__ import annotations

from html.parser import HTMLParser

from tests.support.browser import Answer


def filled_form(answer: Answer, field: str) -> dict[str, str]:
    """The fields of the form that has `field`, by name, without its token and method."""
    forms = _Forms()
    forms.feed(answer.text)
    (found,) = [form for form, boxes in zip(forms.found, forms.boxes, strict=True) if field in form or field in boxes]
    return {name: value for name, value in found.items() if name not in ("csrf_token", "_method")}


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, str]] = []
        self.boxes: list[set[str]] = []
        """Names of boxes that are not ticked: nothing is sent of those."""
        self._typed: str | None = None
        self._chosen: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        one = {name: value or "" for name, value in attrs}
        name = one.get("name", "")
        if tag == "form":
            self.found.append({})
            self.boxes.append(set())
        elif not self.found:
            return
        elif tag == "input" and name:
            if one.get("type") not in ("checkbox", "radio") or "checked" in one:
                self.found[-1][name] = one.get("value", "")
            else:
                self.boxes[-1].add(name)
        elif tag == "textarea" and name:
            self._typed = name
            self.found[-1][name] = ""
        elif tag == "select" and name:
            self._chosen = name
        elif tag == "option" and self._chosen and ("selected" in one or self._chosen not in self.found[-1]):
            self.found[-1][self._chosen] = one.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._typed = None
        elif tag == "select":
            self._chosen = None

    def handle_data(self, data: str) -> None:
        if self._typed is not None:
            self.found[-1][self._typed] += data.removeprefix("\n")
