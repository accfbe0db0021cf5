# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts that people wrote, as HTML: Markdown, reStructuredText, or plain (security.md S-10)."""

from __future__ import annotations

import time
from typing import Final, Literal

from trivium.render.cleaning import Resolve, clean
from trivium.render.markdown import markdown
from trivium.render.rest import rest
from trivium.render.text import Markup, line_of_code, lines, preformatted

MOST_BYTES: Final = 512 << 10
"""`max_render_bytes` of security.md 6."""
PATIENCE: Final = 2.0
"""Seconds of the processor: `render_timeout` of security.md 6."""

Kind = Literal["markdown", "rst", "plain"]
_KINDS: Final[dict[str, Kind]] = {
    **dict.fromkeys(("md", "markdown", "mkd", "mdown", "mkdn"), "markdown"),
    **dict.fromkeys(("rst", "rest"), "rst"),
}


def kind_of(path: str) -> Kind:
    """How a file is rendered, by its name; `plain` for everything that is no markup."""
    return _KINDS.get(path.rpartition("/")[2].rpartition(".")[2].lower(), "plain")


def render(
    text: str,
    kind: Kind,
    *,
    resolve: Resolve | None = None,
    remote_images: bool = False,
    most: int = MOST_BYTES,
    patience: float = PATIENCE,
) -> Markup:
    """A text as HTML for an element of the class `prose`. Never raises.

    `resolve` answers where relative links and images lead; without it they lead nowhere. Images from elsewhere become
    links unless `remote_images`. What is larger than `most` characters, or takes longer than `patience`, is shown as
    it was written.
    """
    if kind == "plain" or len(text) > most:
        return plain(text)
    text = text.replace("\0", "\ufffd")
    end = time.thread_time() + patience
    try:
        html = markdown(text, end=end) if kind == "markdown" else rest(text, end=end)
        return Markup(clean(html, resolve, remote_images=remote_images))
    except Exception:
        # `TooSlow`, and whatever renderers do with texts that nobody thought of: the text itself is always right.
        return plain(text)


def plain(text: str) -> Markup:
    """A text as it was written."""
    return Markup(preformatted([line_of_code(line) for line in lines(text)]))
