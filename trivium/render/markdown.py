# SPDX-License-Identifier: GPL-3.0-or-later
"""Markdown as HTML, which `cleaning` has to see yet: CommonMark with what GitHub adds, without raw HTML (S-10).

markdown-it-py is bounded in three ways: addresses are short, what stands in one paragraph is, and time is looked at
between paragraphs. Some of what it does within a paragraph takes time by the square of its length.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from trivium.render.cleaning import MOST_OF_AN_ADDRESS
from trivium.render.coding import Blocks, TooSlow

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_core import StateCore
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

_MOST_OF_A_PARAGRAPH: Final = 8_000
"""Characters; a longer one is text without marks."""
_MOST_OF_ADDRESSES: Final = 1 << 20
"""Characters of all addresses together: a short reference may stand for a long address, and be used often."""
_MOST_TOKENS: Final = 200_000


def markdown(text: str, *, end: float) -> str:
    """HTML of a text. Raises `TooSlow` when the thread's time (`time.thread_time`) is past `end`."""
    blocks = Blocks(end)
    return str(_parser().render(text, {"blocks": blocks, "end": end}))


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt
    from mdit_py_plugins.footnote import footnote_plugin
    from mdit_py_plugins.front_matter import front_matter_plugin

    parser = MarkdownIt("commonmark", {"html": False, "linkify": True, "maxNesting": 40})
    parser.enable(["table", "strikethrough"])
    parser.use(front_matter_plugin).use(footnote_plugin)
    parser.linkify = _Links()
    parser.core.ruler.enable("linkify")
    normalize = parser.normalizeLink
    parser.normalizeLink = lambda url: normalize(url) if len(url) <= MOST_OF_AN_ADDRESS else url  # type: ignore[method-assign]
    validate = parser.validateLink
    parser.validateLink = lambda url: len(url) <= 4 * MOST_OF_AN_ADDRESS and validate(url)  # type: ignore[method-assign]
    parser.core.ruler.at("inline", _paragraphs)
    parser.core.ruler.push("headings", _headings)
    parser.core.ruler.push("tasks", _tasks)
    parser.core.ruler.push("bounds", _bounds)
    parser.block.ruler.before("code", "patience", _patience)
    parser.block.ruler.before("fence", "comment", _comment, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    parser.inline.ruler.before("autolink", "comment", _comment_inside)
    parser.add_render_rule("fence", _fence)
    parser.add_render_rule("code_block", _fence)
    return parser


def _look(env: Any) -> None:
    if time.thread_time() > env["end"]:
        raise TooSlow


def _patience(state: StateBlock, _line: int, _last: int, _silent: bool) -> bool:
    _look(state.env)
    return False


def _paragraphs(state: StateCore) -> None:
    """Parses what stands in paragraphs, headings and cells."""
    from markdown_it.token import Token

    for token in state.tokens:
        if token.type == "inline":
            _look(state.env)
            token.children = []
            if len(token.content) > _MOST_OF_A_PARAGRAPH:
                token.children.append(Token("text", "", 0, content=token.content))
            else:
                state.md.inline.parse(token.content, state.md, state.env, token.children)


def _bounds(state: StateCore) -> None:
    """Refuses what became much longer than it was."""
    length = tokens = 0
    for token in state.tokens:
        if style := token.attrs.pop("style", ""):
            token.attrs["align"] = str(style).removeprefix("text-align:")  # of cells; there are no styles (CSP)
        for inner in (token, *(token.children or ())):
            tokens += 1
            length += sum(len(str(value)) for value in inner.attrs.values())
    if length > _MOST_OF_ADDRESSES + len(state.src) or tokens > _MOST_TOKENS:
        raise TooSlow


_COMMENT: Final = "<!--"


def _comment(state: StateBlock, line: int, last: int, silent: bool) -> bool:
    """Comments are left out: what is not HTML would show them."""
    start = state.bMarks[line] + state.tShift[line]
    if state.is_code_block(line) or not state.src.startswith(_COMMENT, start) or state.env.get("comment open"):
        return False
    close = state.src.find("-->", start + 4)
    if close < 0:
        state.env["comment open"] = True
        return False
    if silent:
        return True
    while line < last and state.eMarks[line] < close:
        line += 1
    state.line = min(line + 1, last)
    return True


def _comment_inside(state: StateInline, _silent: bool) -> bool:
    if not state.src.startswith(_COMMENT, state.pos):
        return False
    close = state.src.find("-->", state.pos + 4)
    if close < 0:
        return False
    state.pos = close + 3
    return True


_NO_SLUG = re.compile(r"[^\w\- ]")


def _headings(state: StateCore) -> None:
    """Headings may be linked to by their text, as on GitHub."""
    used: dict[str, int] = {}
    for place, token in enumerate(state.tokens):
        if token.type == "heading_open":
            text = "".join(
                inner.content
                for inner in state.tokens[place + 1].children or ()
                if inner.type in ("text", "code_inline")
            )
            slug = _NO_SLUG.sub("", text[:200].lower()).strip().replace(" ", "-") or "section"
            count = used.get(slug, -1) + 1
            used[slug] = count
            if count:
                slug = f"{slug}-{count}"
                used.setdefault(slug, 0)
            token.attrs["id"] = slug


_DONE: Final = {"[ ] ": "☐ ", "[x] ": "☑ ", "[X] ": "☑ "}


def _tasks(state: StateCore) -> None:
    """Items of lists of tasks begin with a ballot box; there are no fields in texts."""
    for item, paragraph, inline in zip(state.tokens, state.tokens[1:], state.tokens[2:], strict=False):
        if item.type == "list_item_open" and paragraph.type == "paragraph_open" and inline.type == "inline":
            first = inline.children[0] if inline.children else None
            if first is not None and first.type == "text" and (box := _DONE.get(first.content[:4])):
                first.content = box + first.content[4:]


def _fence(_renderer: Any, tokens: Sequence[Token], place: int, _options: Any, env: Any) -> str:
    blocks: Blocks = env["blocks"]
    token = tokens[place]
    return blocks.block(token.content, token.info.strip().split(" ", 1)[0])


@dataclass(frozen=True, slots=True)
class _Link:
    """What markdown-it wants to know of a link that it finds in a text."""

    index: int
    last_index: int
    url: str
    text: str
    schema: str = "https:"
    raw: str = ""


_ADDRESS = re.compile(r"\bhttps?://[^\s<>\"`{}|\\^\[\]]{1,2000}")
_MOST_BRACKETS: Final = 20


class _Links:
    """Finds addresses in texts: what begins with `http://` or `https://`.

    linkify-it, which markdown-it would ask, finds more, and takes time by the square of the length.
    """

    def pretest(self, text: str) -> bool:
        return "://" in text

    def test(self, text: str) -> bool:
        return _ADDRESS.search(text) is not None

    def match(self, text: str) -> list[_Link]:
        found = []
        for one in _ADDRESS.finditer(text):
            url = one[0].rstrip("?!.,:;*_~'")
            # A bracket that was not opened in the address closes one before it.
            for _ in range(_MOST_BRACKETS):
                if not url.endswith(")") or url.count("(") >= url.count(")"):
                    break
                url = url[:-1].rstrip("?!.,:;*_~'")
            if not url.endswith("//"):
                found.append(_Link(one.start(), one.start() + len(url), url, url))
        return found
