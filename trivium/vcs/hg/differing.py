# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between two changesets of Mercurial: file by file for pages, and whole for downloads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trivium.vcs.budget import present
from trivium.vcs.diff.differences import Differences, Version, difference
from trivium.vcs.errors import NotPossible, UnknownPath
from trivium.vcs.hg.client import Stream
from trivium.vcs.hg.directories import id_of, kind_of, text_of_path
from trivium.vcs.hg.reader import Reader
from trivium.vcs.hg.values import Difference
from trivium.vcs.pages import MOST_CONTEXT, Apart, DiffOptions, FileDifference, Op
from trivium.vcs.paths import raw_path
from trivium.vcs.values import LARGEST_COMPARED


class Differing(Reader):
    """Two changesets beside each other."""

    def apart(self, old: tuple[str, str], new: tuple[str, str], limit: int) -> Apart:  # noqa: ARG002
        raise NotPossible("branches are no directories here")

    def differences(self, old: str | None, new: str, options: DiffOptions) -> Iterator[FileDifference]:
        asked = _between(old, new, options)
        if asked is None:
            return
        made = Differences(options)
        budget = present()
        with self._processes.stream("differences", *self._directories, **asked) as stream:
            found = stream.value(list[Difference])
            for number, one in enumerate(found):
                budget.spend(1, len(one.new_path or one.old_path))
                with budget.compare() as seconds:
                    late = seconds <= 0
                if late:
                    # Nothing that is left will be compared: then it need not be read either.
                    yield from (_told(each, cut=True) for each in found[number:])
                    return
                yield made.of(Op(one.op), *_versions(one, stream))

    def differing(self, old: str | None, new: str, options: DiffOptions) -> list[FileDifference]:
        asked = _between(old, new, options)
        if asked is None:
            return []
        found = self._processes.ask(list[Difference], "differing", *self._directories, **asked)
        budget = present()
        for one in found:
            budget.spend(1, len(one.new_path or one.old_path))
        return [_told(one) for one in found]

    def raw_diff(self, old: str | None, new: str, options: DiffOptions) -> Iterator[bytes]:
        """As `model.Snapshot.raw_diff`; the Mercurial process holds one file at a time."""
        asked = _between(old, new, options)
        if asked is not None:
            yield from self._told_whole("raw_diff", **asked, **_form(options))

    def patch(self, raw_id: str, options: DiffOptions) -> Iterator[bytes]:
        """As `model.Snapshot.patch`; `hg import` makes the same changeset of it, but for its branch."""
        asked = _files(options)
        yield from self._told_whole("patch", raw_id=bytes.fromhex(raw_id), **asked, **_form(options))

    def _told_whole(self, what: str, **asked: Any) -> Iterator[bytes]:
        with self._processes.stream(what, self._directory, **asked) as stream:
            yield from stream.pieces()


def _between(old: str | None, new: str, options: DiffOptions) -> dict[str, Any] | None:
    """What a request says; None when nothing can be at the path that is asked for."""
    try:
        return {"old": bytes.fromhex(old or ""), "new": bytes.fromhex(new), **_files(options)}
    except UnknownPath:
        return None


def _files(options: DiffOptions) -> dict[str, Any]:
    return {"path": raw_path(options.path), "renames": options.renames}


def _form(options: DiffOptions) -> dict[str, Any]:
    return {"context": min(max(options.context, 0), MOST_CONTEXT), "ignore_space": options.ignore_space}


def _told(one: Difference, **more: Any) -> FileDifference:
    """Which file it is, without a look at what it holds."""
    return difference(Op(one.op), *_sides(one), **more)


def _versions(one: Difference, stream: Stream) -> tuple[Version | None, Version | None]:
    """Both sides of a difference, with their contents as they come next."""
    contents = (stream.content(), stream.content())
    return _sides(one, *contents)


def _sides(
    one: Difference, old: bytes | None = None, new: bytes | None = None
) -> tuple[Version | None, Version | None]:
    return (
        _version(one.old_path, one.old_id, one.old_flags, old) if one.old_id else None,
        _version(one.new_path, one.new_id, one.new_flags, new) if one.new_id else None,
    )


def _version(path: bytes, file_id: bytes, flags: bytes, content: bytes | None) -> Version:
    # A content that is not told has more bytes than are compared.
    size = LARGEST_COMPARED + 1 if content is None else len(content)
    return Version(text_of_path(path), kind_of(flags), id_of(path, file_id), size, lambda: content or b"")
