# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between two changesets: which files, and what they hold before and after."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from mercurial import copies, match, node

from trivium.vcs.hg.server.graph import ancestor, holding
from trivium.vcs.hg.server.objects import Repository
from trivium.vcs.hg.server.reading import content_of
from trivium.vcs.hg.values import Difference
from trivium.vcs.values import LARGEST_COMPARED

_NOTHING: Final = (None, b"")


def differing(
    repositories: Sequence[Repository], old: bytes, new: bytes, path: bytes, renames: bool
) -> list[Difference]:
    """The files that differ, ordered by path; an empty `old` is the empty tree, an empty `path` everything."""
    before, after = _contexts(repositories, old, new)
    is_wanted = wanted(path)
    copied = _copied(repositories, before, after) if old and renames else {}
    return list(_differing(before.manifest(), after.manifest(), copied, is_wanted))


def differences(
    repositories: Sequence[Repository], old: bytes, new: bytes, path: bytes, renames: bool
) -> tuple[list[Difference], Iterator[bytes | None]]:
    """The same, and of each file what it holds before and after.

    A content is None where there is no file, where it is too large, and where both are the same.
    """
    before, after = (context.repo() for context in _contexts(repositories, old, new))
    found = differing(repositories, old, new, path, renames)
    return found, _contents(before, after, found)


def _contents(before: Repository, after: Repository, found: list[Difference]) -> Iterator[bytes | None]:
    for one in found:
        unlike = one.old_id != one.new_id
        for repository, path, file_id in ((before, one.old_path, one.old_id), (after, one.new_path, one.new_id)):
            yield content_of(repository, path, file_id, LARGEST_COMPARED) if file_id and unlike else None


def wanted(path: bytes) -> Callable[[bytes], bool]:
    """Whether a file is at this path or below it; every one, when it is empty."""
    prefix = path + b"/"
    return lambda name: not path or name == path or name.startswith(prefix)


def matcher(path: bytes) -> Any:
    """The same as Mercurial asks it."""
    return match.predicatematcher(wanted(path)) if path else match.always()


def _contexts(repositories: Sequence[Repository], old: bytes, new: bytes) -> tuple[Any, Any]:
    if not old:
        (second,) = holding(repositories, new)
        return second[node.nullid], second[new]
    first, second = holding(repositories, old, new)
    return first[old], second[new]


def _copied(repositories: Sequence[Repository], before: Any, after: Any) -> Mapping[bytes, bytes]:
    """What files were called before, by what they are called after."""
    found: Mapping[bytes, bytes]
    if before.repo() is not after.repo():
        # One repository does not know both. What the newer side did since they parted is in its own history.
        base = ancestor(repositories, before.node(), after.node())
        if not base:
            return {}
        before = after.repo()[base]
    found = copies.pathcopies(before, after)
    return found


def _differing(
    old: Any, new: Any, copied: Mapping[bytes, bytes], is_wanted: Callable[[bytes], bool]
) -> Iterator[Difference]:
    changes = {path: sides for path, sides in _changes(old, new).items() if is_wanted(path)}
    sources = {
        path: source
        for path, source in sorted(copied.items())
        if path in changes and changes[path][0][0] is None and source in old and is_wanted(source)
    }
    renamed: dict[bytes, bytes] = {}
    for path, source in sources.items():
        if source in changes and changes[source][1][0] is None:
            renamed.setdefault(source, path)
    for path, ((old_id, old_flags), (new_id, new_flags)) in sorted(changes.items()):
        if new_id is None:
            if path not in renamed:
                yield Difference("D", path, old_id, old_flags)
        elif old_id is not None:
            yield Difference("M", path, old_id, old_flags, path, new_id, new_flags)
        elif path in sources:
            source = sources[path]
            op = "R" if renamed.get(source) == path else "C"
            yield Difference(op, source, old[source], old.flags(source), path, new_id, new_flags)
        else:
            yield Difference("A", new_path=path, new_id=new_id, new_flags=new_flags)


def _changes(old: Any, new: Any) -> Mapping[bytes, Any]:
    """Each path at which two manifests differ, with the id and flags on both sides; they may be of unlike kinds."""
    if type(old) is type(new):
        return dict(old.diff(new))
    one, other = ({path: (file_id, flags) for path, file_id, flags in side.iterentries()} for side in (old, new))
    return {
        path: (one.get(path, _NOTHING), other.get(path, _NOTHING))
        for path in one.keys() | other.keys()
        if one.get(path) != other.get(path)
    }
