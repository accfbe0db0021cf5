# SPDX-License-Identifier: GPL-3.0-or-later
"""The changes that a page shows, in the form that the visitor wants: for changesets, ranges, comparisons and files.

What is made is kept as parts (web.md 5): the list of files, and their lines, some files at a time. Of more files than
`AT_ONCE` the lines are sent while they are made, from the first file on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import count, islice
from typing import Final
from urllib.parse import urlencode

import msgspec
import structlog
from markupsafe import Markup, escape

from trivium.forge.accounts.preferences import Layout
from trivium.forge.caches.makers import BeingMade
from trivium.forge.history import colours, differences
from trivium.forge.history.differences import AT_ONCE, Sides
from trivium.render.changes import Gap
from trivium.render.rows import changed_files
from trivium.render.sections import Addresses, Coloured, address_of, sections
from trivium.vcs.pages import MOST_CONTEXT, DiffOptions, FileDifference
from trivium.web.answers import HeaderList
from trivium.web.static_files import static_files
from trivium.web.templating import html
from trivium.web.urls import quoted
from trivium.web.visit import RepositoryVisit
from trivium.web.words import words_of

_log = structlog.get_logger(__name__)

_CONTEXT: Final = 3
_PIECE: Final = 16 << 10
"""Characters of lines that are sent together while more are made."""
_AT_ONCE_BYTES: Final = 512 << 10
"""Of a page with many files that is sent whole, once all of it is known."""
LAYOUT_COOKIE: Final = "trivium_layout"
"""In which layout changes were looked at last."""
_LAYOUTS: Final = frozenset(Layout)
_YES: Final = frozenset({"1", "true", "yes", "on"})


@dataclass(frozen=True, slots=True)
class Look:
    """How changes are shown."""

    two: bool
    """Both sides beside each other."""
    wrap: bool
    context: int
    ignore_space: bool
    full: bool
    """Whether more is shown than a page usually has."""
    of_page: tuple[tuple[str, str], ...] = ()
    """Parameters of the page itself, which its links keep."""
    layout: str = ""
    """The layout that the address asks for, if it does."""
    wrap_asked: bool | None = None

    def address(self, **other: object) -> str:
        """The address of the same page, relative to it, with something shown otherwise."""
        given = {
            "context": self.context if self.context != _CONTEXT else "",
            "ignorews": "1" if self.ignore_space else "",
            "fulldiff": "1" if self.full else "",
            "layout": self.layout,
            "wrap": "" if self.wrap_asked is None else str(int(self.wrap_asked)),
        }
        wanted = {**dict(self.of_page), **given, **other}
        return "?" + urlencode({name: value for name, value in wanted.items() if value not in ("", None)})


def look_of(visit: RepositoryVisit, *, two: bool | None = None, **of_page: str) -> Look:
    """How this visitor wants changes: by the address, else as they looked at some last, else as they prefer."""
    query = visit.query
    asked = query.get("layout", "")
    asked = asked if asked in _LAYOUTS else ""
    layout = asked or visit.asked.cookies.get(LAYOUT_COOKIE, "")
    if layout not in _LAYOUTS:
        layout = visit.preferences.diff_layout
    wrap = {"0": False, "1": True}.get(query.get("wrap", ""))
    return Look(
        two=layout == Layout.SPLIT if two is None else two,
        wrap=visit.preferences.wrap if wrap is None else wrap,
        context=context_of(query.get("context", "")),
        ignore_space=query.get("ignorews", "") in _YES,
        full=query.get("fulldiff", "") in _YES,
        of_page=tuple((name, value) for name, value in of_page.items() if value),
        layout=asked if two is None else "",
        wrap_asked=wrap,
    )


def context_of(text: str) -> int:
    """The lines of context that a parameter asks for."""
    if not text.isascii() or not text.isdigit():
        return _CONTEXT
    return min(int(text[:6]), MOST_CONTEXT)


def raw_options(visit: RepositoryVisit, path: str = "") -> DiffOptions:
    """What is wanted of a diff that is downloaded: it is never cut."""
    query = visit.query
    return DiffOptions(
        context=context_of(query.get("context", "")), ignore_space=query.get("ignorews", "") in _YES, path=path
    )


def remembered(visit: RepositoryVisit) -> HeaderList:
    """What keeps a layout that the address asks for."""
    layout = visit.query.get("layout", "")
    if layout not in _LAYOUTS or visit.keyed or visit.asked.cookies.get(LAYOUT_COOKIE) == layout:
        return ()
    return (visit.cookies.header(LAYOUT_COOKIE, layout),)


class Listing(msgspec.Struct, frozen=True):
    """The files that differ, as they are kept."""

    files: int
    more: int
    """Files beyond those that a page shows."""
    added: int | None
    """Lines; None where they were not counted yet."""
    deleted: int | None
    list: str
    """HTML."""
    compared: bool
    """Whether there are so few that their lines are one part."""


class Rest:
    """The lines of many files, sent while they are made, each piece with whole sections of files."""

    def __init__(self, pieces: Generator[bytes, None, None]) -> None:
        self._pieces = pieces
        self.put: Callable[[str], str] | None = None
        """What is put into each piece, if something is."""
        self.end: Callable[[], str] = str
        """What stands behind all of them."""

    def __iter__(self) -> Iterator[bytes]:
        with contextlib.closing(self._pieces):
            for piece in self._pieces:
                yield piece if self.put is None else _bytes(self.put(piece.decode("utf-8", "surrogateescape")))
            yield _bytes(self.end())


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes of a page."""

    listing: Listing
    added: int | None
    deleted: int | None
    list: Markup
    lines: Markup
    """Of all files; empty where they are sent later, as `rest`."""
    rest: Rest | None
    whole: bool
    """Whether all of it is kept as parts, so that the page stays as it is."""

    @property
    def many(self) -> bool:
        return self.listing.files > AT_ONCE


def changes_of(visit: RepositoryVisit, sides: Sides, look: Look, *, path: str = "") -> Changes:
    """The changes between two commits, as this visitor wants them; raises `TakesLong` where they have to be made."""
    return _Maker(visit, sides, look, path).changes()


class _Maker:
    """Makes, or finds, the parts of the changes of one page."""

    def __init__(self, visit: RepositoryVisit, sides: Sides, look: Look, path: str) -> None:
        self._visit, self._sides, self._look = visit, sides, look
        settings = visit.site.settings
        self._wanted = differences.options(
            settings,
            context=look.context,
            ignore_space=look.ignore_space,
            path=path,
            old_path=sides.old_path,
            full=look.full,
        )
        self._icons = f"{visit.asked.root}{static_files().root}/icons.svg"
        wanted = self._wanted
        self._key: tuple[Hashable, ...] = (
            *(sides.old, sides.new, sides.other.id if sides.other else 0),
            *(wanted.context, wanted.ignore_space, quoted(wanted.path), wanted.per_file, wanted.total),
            *(() if wanted.old_path is None else ("from", quoted(wanted.old_path))),
            *(look.two, look.full, look.address(), visit.root, self._root_of_new, self._icons),
        )

    @property
    def _root_of_new(self) -> str:
        other = self._sides.other
        return self._visit.root if other is None else self._visit.urls.repository(other.name)

    def changes(self) -> Changes:
        made: list[str] = []
        visit = self._visit

        def make() -> str:
            found = differences.listed(visit.history, visit.repository, self._sides, self._wanted)
            if found.compared:
                made.append(self._written(found.files))
            return msgspec.json.encode(_listing(found, self._icons)).decode()

        listing = msgspec.json.decode(visit.part("changed", *self._key, make=make), type=Listing)
        shown = html(listing.list)
        if listing.compared:
            lines = visit.part("lines", *self._key, 0, make=lambda: made[0] if made else self._written(self._again()))
            whole = self._find("lines", 0) is not None
            return Changes(listing, listing.added, listing.deleted, shown, html(lines), None, whole)
        counted = self._find("counted")
        if counted is None:
            return Changes(listing, None, None, shown, Markup(), Rest(self._rest(listing)), whole=False)
        added, deleted = msgspec.json.decode(counted, type=tuple[int, int])
        known = self._known(listing)
        rest = Rest(self._rest(listing)) if known is None else None
        return Changes(listing, added, deleted, shown, html(known or ""), rest, whole=True)

    def _known(self, listing: Listing) -> str | None:
        """The lines of all files, where they are kept and not too much to be sent at once."""
        found: list[str] = []
        size = 0
        for at in range(_count(listing)):
            part = self._find("lines", at)
            if part is None or (size := size + len(part)) > _AT_ONCE_BYTES:
                return None
            found.append(part)
        return "".join(found)

    def _again(self) -> tuple[FileDifference, ...]:
        return differences.listed(self._visit.history, self._visit.repository, self._sides, self._wanted).files

    def _written(self, files: Iterable[FileDifference]) -> str:
        return "".join(self._sections(files))

    def _sections(self, files: Iterable[FileDifference]) -> Iterator[str]:
        """The lines of files, one file after the other as they come."""
        look, visit, sides = self._look, self._visit, self._sides
        old = f"{visit.root}/files/{sides.old}/"
        new = f"{self._root_of_new}/files/{sides.new}/"
        between = urlencode({"diff1": sides.old or "", "diff2": sides.new, "diff": "raw"})
        raw = f"{visit.root}/diff/"

        # There are hundreds of gaps, and one address but for a number in it.
        before, after = look.address(context="#").split("context=%23")

        def more(gap: Gap, address: str) -> str:
            wanted = min(look.context + gap.hidden, MOST_CONTEXT)
            return f"{before}context={wanted}{after}#{address}n{gap.new}"

        addresses = Addresses(
            new=lambda path: new + quoted(path),
            old=lambda path: old + quoted(path),
            raw=lambda path: f"{raw}{quoted(path)}?{between}" if sides.old_path is None else "",
            more=more,
            everything="" if look.full else look.address(fulldiff=1),
            old_raw=lambda path: f"{visit.root}/raw/{sides.old}/{quoted(path)}",
            new_raw=lambda path: f"{self._root_of_new}/raw/{sides.new}/{quoted(path)}",
        )
        return sections(
            files,
            addresses,
            two=look.two,
            ignore_space=look.ignore_space,
            open_all=look.full,
            icons=self._icons,
            words=words_of(visit.language),
            known=self._colours,
        )

    @cached_property
    def _colours(self) -> dict[str, Coloured]:
        """Colours that were made after the push; a page that is shown otherwise finds others by itself."""
        sides = self._sides
        if sides.other is not None:
            return {}
        kept = self._visit.fragments.find(self._visit.repository.id, colours.colours_key(sides))
        return {} if kept is None else colours.read(kept)

    def _find(self, what: str, *more: Hashable) -> str | None:
        return self._visit.fragments.find(self._visit.repository.id, self._whole(what, *more))

    def _keep(self, made: str, what: str, *more: Hashable) -> None:
        with contextlib.suppress(BeingMade):  # somebody else keeps the same
            self._visit.fragments.made(self._visit.repository.id, self._whole(what, *more), lambda: made)

    def _whole(self, what: str, *more: Hashable) -> Hashable:
        return self._visit.part_key(what, *self._key, *more)

    def _rest(self, listing: Listing) -> Generator[bytes, None, None]:
        """The lines of many files, sent while they are made. What goes wrong now can only be said in their place."""
        parts = _count(listing)
        at = 0
        while at < parts and (found := self._find("lines", at)) is not None:
            at += 1
            yield _bytes(found)
        if at == parts:
            return
        try:
            yield from self._made(at)
        except Exception:
            # The head of the page is gone; whoever reads on must be told that it is not all.
            visit = self._visit
            _log.exception("the rest of a page failed", request=visit.asked.id, path=visit.asked.raw_path)
            said = visit.text("Something went wrong here: the other changes are not shown.")
            yield f'<p class="note bad" role="alert">{escape(said)}</p>'.encode()

    def _made(self, first: int) -> Iterator[bytes]:
        visit = self._visit
        found = differences.streamed(visit.history, visit.repository, self._sides, self._wanted, first * AT_ONCE)
        told = _Told()
        with contextlib.closing(found):
            for at in count(first):
                part: list[str] = []
                sent = 0
                for section in self._sections(told.of(islice(found, AT_ONCE))):
                    part.append(section)
                    # The first file is sent by itself, what follows in pieces that are worth it.
                    if (at == first and len(part) == 1) or sum(map(len, part[sent:])) >= _PIECE:
                        yield _bytes("".join(part[sent:]))
                        sent = len(part)
                if not part:
                    break
                if told.complete:
                    self._keep("".join(part), "lines", at)
                if sent < len(part):
                    yield _bytes("".join(part[sent:]))
        if told.complete and first == 0:
            self._keep(msgspec.json.encode((told.added, told.deleted)).decode(), "counted")


class _Told:
    """What is known of the files that were compared so far."""

    def __init__(self) -> None:
        self.added = self.deleted = 0
        self.complete = True
        """Whether nothing was left out of them."""

    def of(self, files: Iterable[tuple[FileDifference, bool]]) -> Iterator[FileDifference]:
        for one, complete in files:
            self.added += one.added or 0
            self.deleted += one.deleted or 0
            self.complete = self.complete and complete
            yield one


def _count(listing: Listing) -> int:
    """Of how many parts the lines of many files are."""
    return -(-(listing.files - listing.more) // AT_ONCE)


def _listing(found: differences.Listed, icons: str) -> Listing:
    files = found.files
    by_folder = sorted(files, key=lambda one: one.path.rpartition("/")[0].encode("utf-8", "surrogateescape"))
    rows = changed_files(
        ((one.path or ".", one.op.value, f"#{address_of(one.path)}", 0) for one in by_folder), icons=icons
    )
    return Listing(
        files=len(files) + found.more,
        more=found.more,
        added=sum(one.added or 0 for one in files) if found.compared else None,
        deleted=sum(one.deleted or 0 for one in files) if found.compared else None,
        list=str(rows),
        compared=found.compared,
    )
