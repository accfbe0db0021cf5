# SPDX-License-Identifier: GPL-3.0-or-later
"""HTML that a renderer made of a stranger's text, cut down to what an allow-list has (security.md S-10).

Nothing in it can run, load from elsewhere, look like a part of the page, or have an id that the page has.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Final, Literal

from trivium.render.text import escaped
from trivium.render.token_classes import CLASSES

Resolve = Callable[[Literal["link", "image"], str], str | None]
"""Answers the address on this site that a relative link or image leads to; None: nowhere."""

PREFIX: Final = "user-content-"
"""Of every id in a text, and of every link to one."""
MOST_OF_AN_ADDRESS: Final = 2048
_REL: Final = "nofollow noopener noreferrer"

_TAGS: Final = {
    *("h1", "h2", "h3", "h4", "h5", "h6", "p", "br", "hr", "blockquote", "pre", "div", "span", "a", "img"),
    *("ul", "ol", "li", "dl", "dt", "dd", "table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"),
    *("em", "strong", "b", "i", "s", "del", "ins", "u", "small", "sub", "sup", "mark", "q", "cite", "abbr"),
    *("code", "kbd", "samp", "var", "tt", "bdi", "dfn", "details", "summary", "figure", "figcaption", "section"),
}
_WITH_CONTENT: Final = {
    *("script", "style", "svg", "math", "template", "iframe", "object", "embed", "noscript", "title", "textarea"),
    *("select", "audio", "video", "frameset", "xmp", "noembed", "noframes", "plaintext", "head"),
}
"""What is removed together with what is in it."""
_ATTRIBUTES: Final = {
    "*": {"id", "title", "lang"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start"},
    "li": {"value"},
    "td": {"colspan", "rowspan", "align"},
    "th": {"colspan", "rowspan", "align"},
    "details": {"open"},
}
_NUMBERS: Final = frozenset({"width", "height", "start", "value", "colspan", "rowspan"})
_ALIGNS: Final = frozenset({"left", "right", "center"})
_ODD: Final = {"odd"}
_ALLOWED_CLASSES: Final = {"span": {*CLASSES, *_ODD}, "bdi": _ODD}

_BLANKS = re.compile("[\x00-\x20\x7f]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30}):")
_SCHEMES: Final = frozenset({"http", "https", "mailto"})
ELEMENT: Final = re.compile(r'<(/?[a-z0-9]+)(?![a-z0-9])([^"<>]*(?:"[^"]*"[^"<>]*)*)>')
"""A tag of HTML that was cleaned; the name comes first, with a slash where the element ends."""
_ATTRIBUTE = re.compile(r'\b([a-z]+)="([^"]*)"')


def clean(html: str, resolve: Resolve | None = None, *, remote_images: bool = False) -> str:
    """The harmless part of some HTML. Relative addresses are asked for; images from elsewhere are links, unless they
    are allowed.
    """
    import nh3

    def of_attribute(_element: str, attribute: str, value: str) -> str | None:
        match attribute:
            case "href":
                return _address("link", value, resolve)
            case "src":
                return _address("image", value, resolve)
            case "id":
                return PREFIX + value.removeprefix(PREFIX)[:200] if value else None
            case "align":
                return value if value in _ALIGNS else None
            case _ if attribute in _NUMBERS:
                return value if value.isascii() and value.isdecimal() and len(value) <= 4 else None
            case _:
                return value

    cleaned = nh3.clean(
        html,
        tags=_TAGS,
        clean_content_tags=_WITH_CONTENT,
        attributes=_ATTRIBUTES,
        attribute_filter=of_attribute,
        link_rel=_REL,
        url_schemes=set(_SCHEMES),
        allowed_classes=_ALLOWED_CLASSES,
    )
    return _with_images(cleaned, remote_images=remote_images)


def _address(kind: Literal["link", "image"], value: str, resolve: Resolve | None) -> str | None:
    """What becomes of an address: as it is, where it resolves to, or nothing."""
    # Browsers leave out control characters and read `\` as `/`; so is what they would see looked at.
    plain = _BLANKS.sub("", value).replace("\\", "/")
    if not plain or len(value) > MOST_OF_AN_ADDRESS:
        return None
    if scheme := _SCHEME.match(plain):
        name = scheme[1].lower()
        return plain if name in _SCHEMES and (kind == "link" or name != "mailto") else None
    if plain.startswith("//"):
        return f"https:{plain}"
    if plain.startswith("#"):
        return f"#{PREFIX}{plain[1:].removeprefix(PREFIX)}" if kind == "link" and len(plain) > 1 else None
    found = resolve(kind, plain) if resolve is not None else None
    # What the caller made of it is not believed either: it consists of what a stranger wrote.
    if found is None or not found.startswith(("/", "#", "?")) or found.startswith(("//", "/\\")):
        return None
    return found


def _with_images(html: str, *, remote_images: bool) -> str:
    """Images with an alternative text, those without an address as that text, those from elsewhere as links to them."""
    if "<img" not in html:
        return html
    links = 0

    def of_element(found: re.Match[str]) -> str:
        nonlocal links
        name = found[1]
        if name == "a":
            links += 1
        elif name == "/a":
            links -= 1
        if name != "img":
            return found[0]
        has = {key: unescape(value) for key, value in _ATTRIBUTE.findall(found[2])}
        source, alternative = has.get("src", ""), has.get("alt", "")
        if source and (remote_images or source.startswith("/")):
            sides = "".join(f' {side}="{escaped(has[side])}"' for side in ("width", "height") if side in has)
            title = f' title="{escaped(has["title"])}"' if "title" in has else ""
            return f'<img src="{escaped(source)}" alt="{escaped(alternative)}"{title}{sides} loading="lazy">'
        text = escaped(alternative or source.rpartition("/")[2])
        if not source or links > 0:
            return text
        return f'<a href="{escaped(source)}" rel="{_REL}">{text or escaped(source)}</a>'

    return ELEMENT.sub(of_element, html)
