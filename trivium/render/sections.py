# SPDX-License-Identifier: GPL-3.0-or-later
"""The changed files of a page, each a section with its head and its changed lines (design: web.md 2.4)."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from trivium.render import changes
from trivium.render.changes import Colours, Gap, Line, Row
from trivium.render.highlight import lexer_of
from trivium.render.rows import icon
from trivium.render.text import attribute, escaped, named, typeable
from trivium.render.words import ENGLISH, Words
from trivium.vcs.pages import EntryKind, FileDifference, Op

MOST_SHOWN_LINES: Final = 500
"""Changed lines of a file that is not folded."""
_PATIENCE: Final = 2.0
"""Seconds of the processor for the colours of the files that are written together."""
_MOST_COLOURED: Final = 256 << 10
"""Bytes of hunks that get colours."""
_ONES_OWN: Final = re.compile(
    r"(?:package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?|composer\.lock|Gemfile\.lock"
    r"|Cargo\.lock|poetry\.lock|Pipfile\.lock|pdm\.lock|uv\.lock|go\.sum|mix\.lock|flake\.lock|packages\.lock\.json"
    r"|Podfile\.lock|pubspec\.lock|gradle\.lockfile|\.terraform\.lock\.hcl|deno\.lock)"
)
_ENDINGS: Final = (".min.js", ".min.css", ".js.map", ".css.map", ".pb.go", ".pb.cc", ".pb.h", "_pb2.py", ".designer.cs")
_PICTURES: Final = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".ico")
"""Files that a browser shows; what else a file of that name has in it is sent as no picture, and none is shown."""
_FOLDERS: Final = frozenset({"node_modules", "vendor", "third_party", "bower_components", "Godeps", "__generated__"})


Coloured = tuple[Colours, Colours]
"""The lines of the old and of the new file, as HTML."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where links of a section lead; each is given the path of a file."""

    new: Callable[[str], str]
    """The file after the change."""
    old: Callable[[str], str]
    """The file before it."""
    raw: Callable[[str], str]
    """Its changes as text, however many they are; empty where there is no such page."""
    more: Callable[[Gap, str], str] | None
    """This page with what a gap leaves out; the second is the short name of the file in the page."""
    everything: str
    """This page with all changes; empty where it has them."""
    old_raw: Callable[[str], str]
    """The content of the file before the change."""
    new_raw: Callable[[str], str]
    """The content of the file after it."""


def address_of(path: str) -> str:
    """The short name of a file in a page, with which the addresses of its lines begin: the same in every page.

    It is also that of the path as it can be typed (`text.typeable`), by which comments name their file.
    """
    return "f" + hashlib.sha1(typeable(path).encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()[:8]


def is_generated(path: str) -> bool:
    """Whether a file is by its name one that programs write, or other people's: such changes are folded."""
    *folders, last = path.split("/")
    return _ONES_OWN.fullmatch(last) is not None or last.endswith(_ENDINGS) or not _FOLDERS.isdisjoint(folders)


def sections(
    files: Iterable[FileDifference],
    addresses: Addresses,
    *,
    two: bool = False,
    ignore_space: bool = False,
    open_all: bool = False,
    icons: str = "icons.svg",
    words: Words = ENGLISH,
    known: Mapping[str, Coloured] = {},
) -> Iterator[Markup]:
    """The sections of changed files, one by one; with `two` both sides stand beside each other.

    `open_all`: nothing is folded. Together they get colours only as long as there is time for that; `known` are those
    that were found before, under `known_as`.
    """
    end = time.thread_time() + _PATIENCE
    writer = _Writer(addresses, two, ignore_space, open_all, icons, words, known)
    for one in files:
        yield writer.section(one, in_time=time.thread_time() < end)


def known_as(one: FileDifference) -> str:
    """What the colours of a file's changed lines depend on, as a short text."""
    return hashlib.sha256(one.path.encode("utf-8", "surrogateescape") + b"\0" + one.hunks).hexdigest()[:40]


def coloured(one: FileDifference, found: Sequence[Row]) -> Coloured | None:
    """The changed lines of a file in colours; `found` are its rows. None: it has no colours."""
    if len(one.hunks) > _MOST_COLOURED or EntryKind.LINK in (one.old_kind, one.new_kind):
        return None
    lexer = lexer_of(one.path, next((row.text for row in found if isinstance(row, Line)), ""))
    return changes.coloured(found, lexer) if lexer else None


class _Writer:
    """Writes sections that have all but their file in common."""

    def __init__(
        self,
        addresses: Addresses,
        two: bool,
        ignore_space: bool,
        open_all: bool,
        icons: str,
        words: Words,
        known: Mapping[str, Coloured],
    ) -> None:
        self._addresses, self._two, self._ignore_space = addresses, two, ignore_space
        self._open_all, self._icons, self._words = open_all, icons, words
        self._known = known

    def section(self, one: FileDifference, *, in_time: bool) -> Markup:
        words, address = self._words, address_of(one.path)
        count = (one.added or 0) + (one.deleted or 0)
        generated = is_generated(one.path)
        folded = not self._open_all and (count > MOST_SHOWN_LINES or generated)
        why = ""
        if folded:
            why = words.generated if generated and count <= MOST_SHOWN_LINES else words.many_lines(count)
            why = f'<span class="small quiet wide-only">{escaped(why)}</span>'
        counts = ""
        if one.added is not None and one.deleted is not None and (one.added or one.deleted):
            counts = (
                f' <span class="plus">+{one.added}</span> <span class="minus">−{one.deleted}</span>'
                f"{changes.stat(one.added, one.deleted)}"
            )
        acts = (
            '<button type="button" class="button bare slim scripted viewed" aria-pressed="false" '
            f'aria-label="{attribute(words.viewed)}: {attribute(one.path.rpartition("/")[2])}">'
            f'{icon("check", self._icons)}<span class="wide-only">{escaped(words.viewed)}</span></button>'
        )
        if one.new_path is not None:
            said = attribute(words.see_file.replace("{name}", one.new_path.rpartition("/")[2]))
            acts += (
                f'<a class="button bare slim square" href="{escaped(self._addresses.new(one.new_path))}" '
                f'aria-label="{said}">{icon("file", self._icons)}</a>'
            )
        letter = (
            f'<span class="op {one.op}" title="{attribute(words.of_op(one.op))}" aria-hidden="true">{one.op}</span> '
            f'<span class="sr">{escaped(words.of_op(one.op))}</span> '
        )
        return Markup(
            f'<section class="change" id="{address}" aria-label="{attribute(one.path)}"{_written_out(one.path)}>'
            f'<div class="file-acts"><div>{acts}</div></div>\n'
            f"<details{'' if folded else ' open'}><summary>{_turning(self._icons)}{letter}"
            f'<span class="name cut" dir="auto">{self._name(one)}</span> {self._kinds(one)}<span class="grow"></span>'
            f"{why}{counts}</summary>\n{self._inside(one, address, in_time=in_time)}</details></section>\n"
        )

    def _name(self, one: FileDifference) -> str:
        if one.op in (Op.RENAMED, Op.COPIED) and one.old_path is not None:
            return f"{named(one.old_path)} → {_parted(one.path)}"
        return _parted(one.path)

    def _kinds(self, one: FileDifference) -> str:
        """What the file is, where it is not just a file, or was something else."""
        old, new, words = one.old_kind, one.new_kind, self._words
        if old is not None and new is not None and old != new:
            match old, new:
                case EntryKind.FILE, EntryKind.EXECUTABLE:
                    said = words.now_executable
                case EntryKind.EXECUTABLE, EntryKind.FILE:
                    said = words.not_executable
                case _:
                    said = words.became.replace("{old}", words.of_kind(old)).replace("{new}", words.of_kind(new))
        else:
            kind = new or old
            if kind is None or kind is EntryKind.FILE:
                return ""
            said = words.of_kind(kind)
        return f'<span class="tag">{escaped(said)}</span>'

    def _inside(self, one: FileDifference, address: str, *, in_time: bool) -> str:
        found = changes.rows(one.hunks) if one.hunks else []
        body = self._lines(one, found, address, in_time=in_time) if found else ""
        if one.properties:
            body += changes.properties(one.properties, address, two=self._two, icons=self._icons, words=self._words)
        table = changes.diff_table(Markup(body), one.path, two=self._two, words=self._words) if body else ""
        return f"{self._instead(one)}{table}"

    def _lines(self, one: FileDifference, found: list[Row], address: str, *, in_time: bool) -> str:
        shown_so = self._known.get(known_as(one)) if self._known else None
        if shown_so is None and in_time:
            shown_so = coloured(one, found)
        old, new = shown_so or (None, None)
        write = changes.two_columns if self._two else changes.unified
        shown = self._addresses.more
        more = (lambda gap: shown(gap, address)) if shown is not None else None
        return write(found, address, changes.Drawing(old, new, more, self._icons, self._words))

    def _instead(self, one: FileDifference) -> str:
        """What stands where there are no lines."""
        words = self._words
        if one.hunks:
            return ""
        links = []
        if one.cut:
            said = words.too_large
            if self._addresses.everything:
                links.append((self._addresses.everything, words.show_all))
            raw = self._addresses.raw(one.path)
            links += [(raw, words.as_text)] if raw else []
        elif one.binary and one.path.lower().endswith(_PICTURES):
            return self._pictures(one)
        elif one.binary:
            said = words.binary
            if one.old_path is not None:
                links.append((self._addresses.old(one.old_path), words.before))
            if one.new_path is not None:
                links.append((self._addresses.new(one.new_path), words.after))
        elif one.properties:
            return ""
        elif one.op in (Op.RENAMED, Op.COPIED) or one.old_id == one.new_id or _is_other_kind(one):
            said = words.nothing_but_name
        elif self._ignore_space and one.op is Op.MODIFIED:
            said = words.white_space
        else:
            said = words.no_lines
        after = "".join(f' <a href="{escaped(href)}">{escaped(text)}</a>' for href, text in links)
        return f'<p class="fold">{escaped(said)}{after}</p>'

    def _pictures(self, one: FileDifference) -> str:
        """A picture as it was beside what it is: fetched when somebody comes near, in places that are there before."""
        found = []
        for path, page, content, word in (
            (one.old_path, self._addresses.old, self._addresses.old_raw, self._words.before),
            (one.new_path, self._addresses.new, self._addresses.new_raw, self._words.after),
        ):
            if path is not None:
                link = f'<a href="{escaped(page(path))}">{escaped(word)}</a>'
                said = f"{attribute(word)}: {attribute(path.rpartition('/')[2])}"
                found.append(
                    f'<figure><figcaption class="small">{link}</figcaption>'
                    f'<img src="{escaped(content(path))}" alt="{said}" loading="lazy" decoding="async"></figure>'
                )
        return f'<div class="pictures">{"".join(found)}</div>'


def _is_other_kind(one: FileDifference) -> bool:
    return one.old_kind is not None and one.new_kind is not None and one.old_kind != one.new_kind


def _written_out(path: str) -> str:
    """What the file is called by comments, where its label does not say that."""
    return "" if path.isprintable() else f' data-path="{escaped(typeable(path))}"'


def _turning(icons: str) -> str:
    return f'<svg class="i turn" aria-hidden="true"><use href="{escaped(icons)}#right"/></svg>'


def _parted(path: str) -> str:
    if not path:
        return "."  # the root of a Subversion repository, whose properties changed
    above, slash, last = path.rpartition("/")
    return f"<span>{named(above)}/</span>{named(last)}" if slash else named(last)
