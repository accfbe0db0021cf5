# SPDX-License-Identifier: GPL-3.0-or-later
"""reStructuredText as HTML, which `cleaning` has to see yet: no files, no raw HTML, no settings of a user (S-10)."""

from __future__ import annotations

import io
import time
from functools import cache
from threading import Lock
from typing import Any, Final

from trivium.render.coding import Blocks, TooSlow
from trivium.render.rest_growth import check_made, check_read, few_classes
from trivium.render.text import escaped

_MOST_OF_A_LINE: Final = 10_000
_MOST_OF_A_PARAGRAPH: Final = 5_000
"""Characters; a longer one is text without marks."""

_MOST_REFERENCES: Final = 5_000
"""References, targets and errors of one text: what docutils does with them after reading is not watched, and some of it
takes time by the square of their number."""

_ALONE = Lock()
"""docutils keeps the roles that a text defines for all texts: one is rendered at a time, and they are forgotten."""

_SETTINGS: Final = {
    "_disable_config": True,
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "report_level": 5,
    "halt_level": 5,
    "exit_status_level": 6,
    "traceback": True,  # that is: errors are raised; else docutils would end the process
    "line_length_limit": _MOST_OF_A_LINE,
    "syntax_highlight": "none",
    "math_output": "LaTeX",
    "embed_stylesheet": False,
    "stylesheet_path": "",
    "image_loading": "link",
    "strip_comments": True,
    "toc_backlinks": False,
    "smart_quotes": False,
    "doctitle_xform": False,
    "initial_header_level": 1,
}


def rest(text: str, *, end: float) -> str:
    """HTML of a text. Raises `TooSlow` when the thread's time (`time.thread_time`) is past `end`, or where docutils
    would not read it at all.
    """
    if max(map(len, text.split("\n"))) > _MOST_OF_A_LINE:
        raise TooSlow
    from docutils.core import publish_parts
    from docutils.parsers.rst.roles import _roles  # type: ignore[attr-defined]

    parser, writer = _parser_and_writer()
    with _ALONE:
        _roles.clear()
        try:
            parts = publish_parts(
                text,
                parser=parser(end),
                writer=writer(end, len(text)),
                settings_overrides={**_SETTINGS, "warning_stream": io.StringIO()},
            )
        finally:
            _roles.clear()
    html = str(parts["html_body"])
    for landmark in ("aside", "nav"):  # of these a page has its own; footnotes must keep their addresses
        html = html.replace(f"<{landmark}", "<div").replace(f"</{landmark}>", "</div>")
    return html


@cache
def _parser_and_writer() -> tuple[Any, Any]:
    from docutils import nodes
    from docutils.parsers.rst import Parser
    from docutils.parsers.rst.states import Inliner
    from docutils.transforms.universal import FilterMessages
    from docutils.writers.html5_polyglot import HTMLTranslator, Writer

    few_classes()
    costly_nodes = (nodes.pending, nodes.Referential, nodes.Targetable, nodes.problematic, nodes.system_message)

    def bounded() -> Inliner:
        """Reads what stands in paragraphs, which takes time by the square of their length."""
        # Not a class of our own: docutils looks for its expressions in the class of the object itself.
        inliner = Inliner()
        read = inliner.parse

        def parse(text: str, lineno: int, memo: Any, parent: Any) -> Any:
            return read(text, lineno, memo, parent) if len(text) <= _MOST_OF_A_PARAGRAPH else ([nodes.Text(text)], [])

        inliner.parse = parse  # type: ignore[method-assign]
        return inliner

    class Patient(Parser):
        """Looks at the time with every line."""

        def __init__(self, end: float) -> None:
            super().__init__(inliner=bounded())
            self._end = end

        def parse(self, inputstring: str, document: nodes.document) -> None:
            note = document.note_source

            def look(source: Any, offset: Any) -> None:
                if time.thread_time() > self._end:
                    raise TooSlow
                note(source, offset)

            document.note_source = look  # type: ignore[method-assign]
            super().parse(inputstring, document)
            count = sum(isinstance(node, costly_nodes) for node in document.findall())
            if count + len(document.parse_messages) > _MOST_REFERENCES or time.thread_time() > self._end:
                raise TooSlow
            check_read(document, len(inputstring))

    class Translator(HTMLTranslator):
        """Writes images without looking for them in the file system, and code in our colours."""

        blocks: Blocks
        end: float

        def dispatch_visit(self, node: nodes.Node) -> Any:
            if time.thread_time() > self.end:
                raise TooSlow
            return super().dispatch_visit(node)

        def visit_section(self, node: nodes.section) -> None:
            """Sections are not nested: their headings have the addresses."""
            self.section_level += 1
            if node and isinstance(title := node[0], nodes.title):
                title["ids"] = [*title["ids"], *node["ids"]]

        def depart_section(self, _node: nodes.section) -> None:
            self.section_level -= 1

        def visit_image(self, node: nodes.image) -> None:
            sides = "".join(
                f' {side}="{escaped(str(node[side]).removesuffix("px"))}"'
                for side in ("width", "height")
                if side in node
            )
            alternative = escaped(str(node.get("alt", "")))
            self.body.append(f'<img src="{escaped(str(node["uri"]))}" alt="{alternative}"{sides}>')

        def depart_image(self, node: nodes.image) -> None:
            pass

        def visit_literal(self, node: nodes.literal) -> None:
            """Code within a line is the element for that; docutils has spans, whose classes do not stay."""
            self.body.append(f"<code>{escaped(node.astext())}</code>")
            raise nodes.SkipNode

        def visit_literal_block(self, node: nodes.literal_block) -> None:
            classes: list[str] = node.get("classes", [])
            language = classes[1] if "code" in classes and len(classes) > 1 else ""
            if node.rawsource != node.astext() and not language:
                super().visit_literal_block(node)  # parsed literals have elements in them
                return
            self.body.append(self.blocks.block(node.astext(), language))
            raise nodes.SkipNode

    class WhatWasMeant(FilterMessages):
        """What docutils cannot read, such as another program's directives, is shown as it was written."""

        def apply(self) -> None:
            for message in tuple(self.document.findall(nodes.system_message)):
                written = [one for one in message if isinstance(one, nodes.literal_block)]
                loose = "system-messages" in message.parent.get("classes", ())
                if written and not loose and not written[0].astext().startswith(".. raw::"):
                    message.replace_self(written)
            super().apply()

    class WithBlocks(Writer):
        def __init__(self, end: float, length: int) -> None:
            super().__init__()
            self.translator_class = type("Coded", (Translator,), {"blocks": Blocks(end), "end": end})
            self._length = length

        def get_transforms(self) -> list[type[Any]]:
            return [WhatWasMeant if one is FilterMessages else one for one in super().get_transforms()]

        def translate(self) -> None:
            assert self.document is not None
            check_made(self.document, self._length)
            super().translate()

    return Patient, WithBlocks
