# SPDX-License-Identifier: GPL-3.0-or-later
"""Text of users and repositories as HTML: the one escape function, odd characters, charsets."""

from __future__ import annotations

import encodings
import re
from collections.abc import Callable
from encodings.aliases import aliases
from functools import cache
from typing import Final, NamedTuple

from markupsafe import Markup as Markup
from markupsafe import _escape_inner, escape  # type: ignore[attr-defined]

MOST_OF_A_LINE: Final = 10_000
"""Characters of one line of code that are shown; of what is longer the number of the others is."""

escaped: Final[Callable[[str], str]] = _escape_inner
"""What `esc` does, without the object around the answer, which costs five times as much: for rows.

It is for plain texts alone: what is HTML already is escaped once more.
"""

_ODD: Final = (
    *(range(0x20), range(0x7F, 0xA0), (0xAD, 0x61C, 0x180E, 0x200B, 0x200E, 0x200F), range(0x2028, 0x202F)),
    *(range(0x2060, 0x2070), (0xFEFF,), range(0xFFF9, 0xFFFC), range(0xD800, 0xE000), range(0xE0000, 0xE0080)),
)
"""Characters that are not seen, or that move others; and bytes that are no UTF-8 (`os.fsdecode`)."""
_INVISIBLE: Final = (
    *((0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0), range(0x180B, 0x1810), range(0xFE00, 0xFE0E)),
    *(range(0x1BCA0, 0x1BCA4), range(0x1D173, 0x1D17B), range(0xE0100, 0xE01F0)),
)
"""Letters and marks that show nothing: a name may consist of them, and whole programs were hidden in them."""
_HIDDEN: Final = frozenset(chr(number) for part in _INVISIBLE for number in part)


def is_plain(text: str) -> bool:
    """Whether everything in a text is seen, and moves nothing. Of most texts ASCII tells that."""
    return text.isprintable() and (text.isascii() or _HIDDEN.isdisjoint(text))


def esc(text: str) -> Markup:
    """Text as HTML. Fit for the inside of elements and of quoted attributes; `Markup` passes as it is."""
    return escape(text)


def name(text: str) -> Markup:
    """A name, of a file, a branch or a person, as HTML: nothing in it is hidden, and nothing moves its neighbours."""
    return Markup(named(text))


def named(text: str) -> str:
    """What `name` answers, as a plain string: for rows."""
    return escaped(text) if is_plain(text) else text.translate(_in_elements())


def attribute(text: str) -> Markup:
    """A name for the inside of a quoted attribute, where there can be no elements: odd characters in brackets."""
    return escape(text) if is_plain(text) else Markup(text.translate(_in_attributes()))


def typeable(path: str) -> str:
    """A path as somebody can type it, a form can send it and a row can hold it: the same one, but for some characters.

    Of control characters, and of bytes that are no UTF-8, the numbers stand there: a backslash, `x` and two digits.
    """
    return path if path.isprintable() else path.translate(_in_fields())


def code(text: str) -> str:
    """A line of code, or a piece of one, as HTML. What is copied from the page is the text itself.

    An odd character stays where it is, in an element that keeps it from moving others; the stylesheet shows its number.
    NUL, which HTML cannot hold, becomes its picture.
    """
    if is_plain(text) or is_plain(text.replace("\t", "")):
        return escaped(text)
    return text.translate(_in_code())


def cut(text: str, most: int = MOST_OF_A_LINE) -> tuple[str, int]:
    """The beginning of a line, and how many characters are left out."""
    return (text, 0) if len(text) <= most else (text[:most], len(text) - most)


def line_of_code(text: str) -> str:
    """A whole line of code as HTML, cut where it is too long."""
    if len(text) <= MOST_OF_A_LINE:
        return code(text)
    return f'{code(text[:MOST_OF_A_LINE])}<span class="odd">… +{len(text) - MOST_OF_A_LINE}</span>'


def _table(shown: Callable[[int], str]) -> dict[int, str]:
    """What characters become: odd ones what `shown` says, and those that mean something in HTML their references."""
    return {number: shown(number) for part in (*_ODD, *_INVISIBLE) for number in part} | {
        ord(one): escaped(one) for one in "&<>\"'"
    }


@cache
def _in_elements() -> dict[int, str]:
    return _table(lambda number: f'<span class="odd">{_told(number)}</span>')


@cache
def _in_attributes() -> dict[int, str]:
    return _table(lambda number: f"[{_told(number)}]")


@cache
def _in_code() -> dict[int, str]:
    return _table(_kept) | {ord("\t"): "\t"}


@cache
def _in_fields() -> dict[int, str]:
    return {number: f"\\x{number & 0xFF:02X}" for number in (*range(0x20), 0x7F, *range(0xDC80, 0xDD00))}


def _told(number: int) -> str:
    return f"\\x{number - 0xDC00:02X}" if 0xDC80 <= number <= 0xDCFF else f"U+{number:04X}"


def _kept(number: int) -> str:
    if 0xD800 <= number < 0xE000:
        return f'<span class="odd">{_told(number)}</span>'
    inside = {0: "\u2400", 10: "&#10;", 13: "&#13;"}.get(number, chr(number))
    return f'<bdi class="odd" title="{_told(number)}">{inside}</bdi>'


class Decoded(NamedTuple):
    """Bytes as text."""

    text: str
    charset: str
    """What they were read as, in the name that IANA gives it."""


CHARSETS: Final = {
    one.lower(): one
    for one in (
        *("UTF-8", "UTF-16", "UTF-16LE", "UTF-16BE", "ISO-8859-1", "ISO-8859-2", "ISO-8859-3", "ISO-8859-4"),
        *("ISO-8859-5", "ISO-8859-6", "ISO-8859-7", "ISO-8859-8", "ISO-8859-9", "ISO-8859-10", "ISO-8859-13"),
        *("ISO-8859-14", "ISO-8859-15", "ISO-8859-16", "windows-1250", "windows-1251", "windows-1252", "windows-1253"),
        *("windows-1254", "windows-1255", "windows-1256", "windows-1257", "windows-1258", "KOI8-R", "KOI8-U"),
        *("IBM437", "IBM850", "IBM866", "macintosh", "Shift_JIS", "EUC-JP", "ISO-2022-JP", "EUC-KR", "Big5"),
        *("GB18030", "GBK", "US-ASCII"),
    )
}
"""Charsets that a visitor may ask for, by their names in small letters. Python knows others that are no charsets, and
some whose time grows with the square of the length."""
_LONGEST_CHARSET: Final = 40


def _codec(name: str) -> str:
    """What Python calls a charset. It would remember each name that is looked up there, whatever that is."""
    plain = encodings.normalize_encoding(name).lower()
    return aliases.get(plain, plain)


_BY_CODEC: Final = {_codec(one): one for one in CHARSETS.values()}


def charset_of(name: str) -> str:
    """The name that IANA gives one of `CHARSETS`, however it is spelt (`utf8`, `latin-1`, `cp1251`); else empty."""
    if not name.isascii() or len(name) > _LONGEST_CHARSET:
        return ""
    return CHARSETS.get(name.lower()) or _BY_CODEC.get(_codec(name), "")


def decode(data: bytes, charset: str = "") -> Decoded:
    """The text that bytes stand for.

    In the charset that was asked for, if it is one of `CHARSETS`; else what their first bytes say; else in UTF-8 where
    they are that; else a guess among the two that every byte fits in.

    What does not fit becomes U+FFFD. A byte order mark is no part of the text.
    """
    if asked := CHARSETS.get(charset.lower()):
        return Decoded(data.decode(asked, "replace").removeprefix("\ufeff"), asked)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Decoded(data.decode("utf-16", "replace"), "UTF-16")
    try:
        return Decoded(data.decode("utf-8").removeprefix("\ufeff"), "UTF-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    # Bytes that are control characters in the one are quotation marks and the Euro in the other.
    if _CONTROLS.search(text):
        return Decoded(data.decode("cp1252", "replace"), "windows-1252")
    return Decoded(text, "ISO-8859-1")


_CONTROLS = re.compile("[\x80-\x9f]")


def is_binary(data: bytes) -> bool:
    """Whether bytes are no text: there is a NUL among the first 8,000, and no mark of UTF-16 before it."""
    return b"\0" in data[:8000] and not data.startswith((b"\xff\xfe", b"\xfe\xff"))


def lines(text: str) -> list[str]:
    """The lines of a text without their ends, counted as `git` counts them: by line feeds alone."""
    found = text.split("\n")
    if not found[-1]:
        found.pop()
    return [line.removesuffix("\r") for line in found] if "\r" in text else found


def preformatted(shown: list[str], *, code: bool = False) -> str:
    """Lines that are HTML already, as a block."""
    inside = "\n".join([*shown, ""])
    return f"<pre><code>{inside}</code></pre>" if code else f"<pre>{inside}</pre>"
