# SPDX-License-Identifier: GPL-3.0-or-later
"""What mails say: a plain and an HTML template of one name, in the language of whoever gets the mail.

In HTML every value is escaped. Texts are translated as those of the pages are (`trivium.language`).
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from trivium.language import Language
from trivium.mail.messages import Content

_DIRECTORY: Final = Path(__file__).parent / "templates"
_MOST_QUOTED: Final = 10_000
"""Characters of what somebody wrote that a mail repeats."""


@lru_cache(maxsize=1)
def templates() -> Environment:
    """All templates, compiled when the first mail is made."""
    environment = Environment(
        loader=FileSystemLoader(_DIRECTORY),
        autoescape=select_autoescape(["html"]),
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )
    environment.filters["quoted"] = quoted
    return environment


def worded(name: str, words: Language, subject: str, **values: Any) -> Content:
    """The content of the mail `name`."""
    given = values | {"_": words.text, "ngettext": words.plural, "lang": words.code, "subject": subject}
    plain, rich = (templates().get_template(f"{name}.{kind}").render(given) for kind in ("txt", "html"))
    return Content(subject, plain.strip() + "\n", rich)


def quoted(text: str) -> list[str]:
    """What somebody wrote, line by line; of much the beginning."""
    short = text if len(text) <= _MOST_QUOTED else text[:_MOST_QUOTED] + " …"
    return short.splitlines()
