# SPDX-License-Identifier: GPL-3.0-or-later
"""The language of whoever reads a page or a mail: texts by gettext, dates and numbers by Babel (web.md 3.4)."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

SOURCE: Final = "en"
KNOWN: Final = ("en", "de")
PSEUDO: Final = "x-pseudo"
"""A language for tests: every text is marked and a third longer. Known where `TRIVIUM_PSEUDO_LOCALE` is set."""
_PSEUDO_KNOWN: Final = bool(os.environ.get("TRIVIUM_PSEUDO_LOCALE"))
_ACCENTED: Final = str.maketrans("AEIOUaeiouncsyzNCSYZ", "ÀÉÎÖÛàéîöûñçšýžÑÇŠÝŽ")
_VALUES = re.compile(r"(%\(\w{1,40}\)s|\{\w{1,40}\})")
_LOCALE: Final = Path(__file__).parent / "web" / "locale"
_ASKED = re.compile(r"([A-Za-z]{1,8})(?:-[A-Za-z0-9-]{1,20})?(?:\s*;\s*q=([01](?:\.[0-9]{1,3})?))?")
_MOST_ASKED: Final = 200


class Language:
    """One language that pages and mails are written in."""

    def __init__(self, code: str, texts: dict[str, Any]) -> None:
        self.code = code
        self._texts = texts

    def text(self, message: str, **values: Any) -> str:
        """A text with named values in it: `%(name)s`."""
        found = self._texts.get(message, message)
        if isinstance(found, tuple):
            found = found[0]
        return (found or message) % values if values else (found or message)

    def plural(self, one: str, many: str, count: int, **values: Any) -> str:
        """The text for a number of things; `%(num)s` is that number."""
        found = self._texts.get(one)
        forms = found if isinstance(found, tuple) and all(found) else (one, many)
        text: str = forms[0 if count == 1 else 1]
        return text % ({"num": self.number(count)} | values)

    def number(self, value: int) -> str:
        """With thin blanks between thousands in every language: they mean nothing else anywhere."""
        return f"{value:,}".replace(",", "\u202f")

    @property
    def point(self) -> str:
        """What stands before decimals."""
        return self.text(".")

    def ago(self, moment: datetime, now: datetime) -> str:
        """How long ago something was; a date when that is more than a month."""
        seconds = (now - moment).total_seconds()
        if seconds < 45:
            return self.text("just now") if seconds > -300 else self.date(moment)
        if seconds < 3600:
            minutes = max(1, round(seconds / 60))
            return self.plural("%(num)s minute ago", "%(num)s minutes ago", minutes)
        if seconds < 86400:
            hours = max(1, round(seconds / 3600))
            return self.plural("%(num)s hour ago", "%(num)s hours ago", hours)
        days = round(seconds / 86400)
        if days == 1:
            return self.text("yesterday")
        if days <= 30:
            return self.plural("%(num)s day ago", "%(num)s days ago", days)
        return self.date(moment)

    def date(self, moment: datetime) -> str:
        """A day in words."""
        return _date(SOURCE if self.code == PSEUDO else self.code, moment.year, moment.month, moment.day)


class _Pseudo(Language):
    """Whatever is translated, and nothing else, is between ⟦ and ⟧."""

    def text(self, message: str, **values: Any) -> str:
        found = self._marked(message)
        return found % values if values else found

    def plural(self, one: str, many: str, count: int, **values: Any) -> str:
        return self._marked(one if count == 1 else many) % ({"num": self.number(count)} | values)

    @staticmethod
    def _marked(message: str) -> str:
        if not any(letter.isalpha() for letter in message):
            return message
        pieces = _VALUES.split(message)
        longer = "".join(piece if at % 2 else piece.translate(_ACCENTED) for at, piece in enumerate(pieces))
        return f"⟦{longer}{'~' * (len(message) // 3)}⟧"


@lru_cache(maxsize=4096)
def _date(code: str, year: int, month: int, day: int) -> str:
    from babel.dates import format_date  # only pages need it

    return str(format_date(datetime(year, month, day, tzinfo=UTC).date(), format="medium", locale=code))


@lru_cache(maxsize=8)
def language(code: str) -> Language:
    """A language by its code; its texts are read when the first visitor wants them."""
    if code == PSEUDO and _PSEUDO_KNOWN:
        return _Pseudo(PSEUDO, {})
    if code == SOURCE or code not in KNOWN:
        return Language(SOURCE, {})
    from babel.messages.pofile import read_po

    file = _LOCALE / f"{code}.po"
    texts: dict[str, Any] = {}
    if file.exists():
        with file.open("rb") as stream:
            for message in read_po(stream, locale=code):
                if message.id and not message.fuzzy:
                    key = message.id if isinstance(message.id, str) else message.id[0]
                    texts[key] = message.string if isinstance(message.string, str) else tuple(message.string or ())
    return Language(code, texts)


def wanted(header: str, otherwise: str = SOURCE) -> str:
    """The known language that a browser likes best (`Accept-Language`)."""
    if header == PSEUDO:
        return PSEUDO
    best, weight = otherwise, 0.0
    for item in header[:_MOST_ASKED].split(","):
        found = _ASKED.fullmatch(item.strip())
        if found is None:
            continue
        code, quality = found[1].lower(), float(found[2] or 1)
        if code in KNOWN and quality > weight:
            best, weight = code, quality
    return best


def moment_of(text: str) -> datetime | None:
    """A moment in ISO 8601; without a zone it is UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
