# SPDX-License-Identifier: GPL-3.0-or-later
"""A file as pages show it: lines in colours, rendered markup, a picture, or only what it is."""

from __future__ import annotations

import contextlib
import json
import posixpath
import re
from collections.abc import Hashable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal
from urllib.parse import unquote

from markupsafe import Markup

from trivium.forge.history.files import beginning, content, with_content
from trivium.forge.history.places import Place
from trivium.forge.history.reading import History, Moment
from trivium.forge.repositories.finding import Repository
from trivium.render import highlight, rows
from trivium.render.cleaning import PREFIX, Resolve
from trivium.render.markup import kind_of, render
from trivium.render.text import CHARSETS, Decoded, charset_of, decode, is_binary, lines
from trivium.vcs.pages import EntryKind
from trivium.web.declared import LOOKED_AT, shown_type
from trivium.web.showing.keeping import recalled
from trivium.web.showing.places import address, file_at, within
from trivium.web.templating import html
from trivium.web.visit import RepositoryVisit
from trivium.web.words import words_of

MOST_SHOWN: Final = 1 << 20
"""Bytes of a file that a page shows; of what is larger the beginning is (web.md 2.2)."""
MOST_LINES: Final = 20_000
_SMALL: Final = 256 << 10
"""Bytes of a file that is read at once."""
_LONGEST_TARGET: Final = 4096
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:ext-[^\n]{1,200}\n){0,10}"
    rb"oid sha256:([0-9a-f]{64})\nsize ([0-9]{1,18})\n"
)
_MOST_OF_A_POINTER: Final = 1024
_OF_LINES = re.compile(r"L[0-9]{1,9}(?:-L?[0-9]{1,9})?")


class Nature(StrEnum):
    """What a file is, by its first bytes."""

    TEXT = "text"
    BINARY = "binary"
    PICTURE = "picture"
    POINTER = "pointer"
    """It only says which file of Git LFS stands here."""
    SYMLINK = "symlink"


@dataclass(frozen=True, slots=True)
class Shown:
    """What is known of a file that is shown."""

    nature: Nature
    charset: str = ""
    lines: int = 0
    """How many there are of what was read."""
    language: str = ""
    coloured: bool = True
    cut: bool = False
    """Whether there is more of it than is shown."""
    target: str = ""
    """Of a symbolic link; of a pointer the name of the file."""
    real_size: int = 0
    """Of a pointer the size of the file."""


def is_small(place: Place) -> bool:
    """Whether a file is read at once: to do so in a thread of its own, piece by piece, costs many times more."""
    return place.size is not None and place.size <= _SMALL


def file_to_send(visit: RepositoryVisit, revision: str, path: str) -> Place:
    """The file at a path (`places.file_at`); the bytes of a small one are read in the same look (`small`)."""

    def read(history: History, repository: Repository, revision: str, path: str, moment: Moment) -> Place | None:
        place, data = with_content(history, repository, revision, path, _SMALL, moment)
        if place is not None and data is not None:
            visit.fragments.remember_content(repository.id, key_of(place), data)
        return place

    return file_at(visit, revision, path, read)


def small(visit: RepositoryVisit, place: Place) -> bytes:
    """The bytes of such a file; raises `TakesLong` where they have to be read and there is no time for it."""

    def read() -> bytes:
        visit.take_time()
        return b"".join(content(visit.history, visit.repository, place))

    return visit.fragments.content(visit.repository.id, key_of(place), read)


def key_of(place: Place) -> tuple[str, ...]:
    """All that the bytes of a file depend on."""
    return place.stamp, place.id, place.path, place.kind


def nature(visit: RepositoryVisit, place: Place) -> str:
    """`text`, `binary`, or the type of a picture: how a file is sent."""

    def make() -> str:
        if is_small(place):
            head = small(visit, place)[:LOOKED_AT]  # all of it is wanted next
        else:
            head = beginning(visit.history, visit.repository, place, LOOKED_AT)
        return shown_type(head) or ("binary" if is_binary(head) else "text")

    return recalled(visit, "nature", place.stamp, place.id, place.path, make=make)


def text(visit: RepositoryVisit, place: Place) -> tuple[Shown, Markup]:
    """What a file is, and its lines as a table: as far as it has some, and up to the limits of a page."""
    settings = visit.site.settings
    asked = charset_of(visit.query.get("default_encoding", ""))
    coloured = (place.size or 0) <= min(settings.cut_off_limit_file, MOST_SHOWN)

    def make() -> str:
        data = beginning(visit.history, visit.repository, place, MOST_SHOWN + 1)
        shown, table = _shown(visit, place, data, asked, coloured=coloured)
        return with_head(shown, table)

    return of_head(visit.part(*_key_of_text(visit, place, asked, coloured=coloured), make=make))


def _key_of_text(visit: RepositoryVisit, place: Place, asked: str, *, coloured: bool) -> tuple[Hashable, ...]:
    usual = visit.site.settings.default_encoding
    return ("text", place.stamp, place.id, place.path, place.kind, asked, usual, coloured)


def lines_at_hand(visit: RepositoryVisit, place: Place) -> list[str] | None:
    """All lines of a file in colours, as HTML, where its page was made before: colours are most of what it costs."""
    key = _key_of_text(visit, place, "", coloured=True)
    part = visit.fragments.find(visit.repository.id, visit.part_key(*key))
    if part is None:
        return None
    shown, table = of_head(part)
    if shown.nature is not Nature.TEXT or shown.cut or not shown.coloured:
        return None
    return [row.partition(rows.LINE_END)[0] for row in str(table).split(rows.LINE)[1:]]


def with_head(shown: Shown, table: str) -> str:
    """The lines of a file together with what is known of it: a part that `of_head` reads."""
    told = [shown.nature, shown.charset, shown.lines, shown.language, shown.coloured, shown.cut, shown.target]
    return f"{json.dumps([*told, shown.real_size])}\n{table}"


def of_head(part: str) -> tuple[Shown, Markup]:
    """What `with_head` wrote."""
    head, _, table = part.partition("\n")
    first, *others = json.loads(head)
    return Shown(Nature(first), *others), html(table)


def _shown(visit: RepositoryVisit, place: Place, data: bytes, asked: str, *, coloured: bool) -> tuple[Shown, str]:
    if place.kind is EntryKind.SYMLINK:
        return Shown(Nature.SYMLINK, target=data[:_LONGEST_TARGET].decode("utf-8", "surrogateescape")), ""
    if shown_type(data):
        return Shown(Nature.PICTURE), ""
    if len(data) <= _MOST_OF_A_POINTER and (pointer := _POINTER.fullmatch(data)):
        return Shown(Nature.POINTER, target=pointer[1].decode(), real_size=int(pointer[2])), ""
    if is_binary(data):
        return Shown(Nature.BINARY), ""
    cut = len(data) > MOST_SHOWN
    if cut:
        data = data[: data.rfind(b"\n", 0, MOST_SHOWN) + 1 or MOST_SHOWN]
    found = decoded(data, asked, visit.site.settings.default_encoding)
    all_ = found.text
    count = len(lines(all_))
    if count > MOST_LINES:
        cut, coloured, count = True, False, MOST_LINES
        all_ = "\n".join(lines(all_)[:MOST_LINES]) + "\n"
    lexer = highlight.lexer_of(place.path, all_)
    found_lines = highlight.highlight(all_, lexer).lines if coloured else highlight.plain(all_)
    table = rows.text_table(rows.lines(found_lines), place.file_name, words=words_of(visit.language)) if count else ""
    return Shown(Nature.TEXT, found.charset, count, highlight.language(lexer), coloured, cut), table


def decoded(data: bytes, asked: str, usual: str) -> Decoded:
    """The text of a file: in the charset that is asked for, else the first of the usual ones (`default_encoding`) that
    fits, else a guess.
    """
    if asked:
        return decode(data, asked)
    for name in usual.split(","):
        if not (charset := charset_of(name.strip())):
            continue
        with contextlib.suppress(UnicodeDecodeError):
            text = data.decode(charset)
            return decode(data) if charset == "UTF-8" else Decoded(text, charset)
    return decode(data)


def rendered(visit: RepositoryVisit, place: Place) -> Markup | None:
    """A file of markup as HTML; None for every other, and for one that is too large for that."""
    settings = visit.site.settings
    kind = kind_of(place.path)
    if not has_markup(visit, place):
        return None

    def make() -> str:
        data = beginning(visit.history, visit.repository, place, settings.max_render_bytes)
        if is_binary(data):
            return ""
        return render(
            decoded(data, "", settings.default_encoding).text,
            kind,
            resolve=resolver(visit, place),
            remote_images=settings.markup_remote_images,
            most=settings.max_render_bytes,
            patience=settings.render_timeout,
        )

    key = ("rendered", place.stamp, place.id, place.path, visit.root, place.name, settings.markup_remote_images)
    return html(visit.part(*key, make=make)) or None


def has_markup(visit: RepositoryVisit, place: Place) -> bool:
    """Whether a file can be shown as HTML, by its name and size."""
    fits = (place.size or 0) <= visit.site.settings.max_render_bytes
    return kind_of(place.path) != "plain" and place.kind is not EntryKind.SYMLINK and fits


def charsets() -> list[str]:
    """The charsets that a visitor may choose from."""
    return list(CHARSETS.values())


def resolver(visit: RepositoryVisit, place: Place) -> Resolve:
    """Where relative links and images of a file of markup lead: to pages of the same revision, and to raw files."""
    folder = posixpath.dirname(place.path)

    def resolve(kind: Literal["link", "image"], target: str) -> str | None:
        path, _, anchor = target.partition("#")
        path = unquote(path.partition("?")[0], "utf-8", "surrogateescape")
        inside = within(path.lstrip("/") if path.startswith("/") else f"{folder}/{path}")
        if inside is None:
            return None
        if kind == "image":
            return address(visit, place.name, inside, "raw")
        if anchor and kind_of(inside) != "plain" and not _OF_LINES.fullmatch(anchor):
            anchor = PREFIX + anchor
        return address(visit, place.name, inside) + (f"#{anchor}" if anchor else "")

    return resolve


def target_address(visit: RepositoryVisit, place: Place, target: str) -> str:
    """Where a symbolic link leads, if that is within the repository."""
    inside = None if target.startswith("/") else within(f"{posixpath.dirname(place.path)}/{target}")
    return address(visit, place.name, inside) if inside is not None else ""
