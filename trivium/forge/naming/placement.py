# SPDX-License-Identifier: GPL-3.0-or-later
"""How something new gets its place in the tree: built aside, then put there by one rename (security.md 5)."""

from __future__ import annotations

import contextlib
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trivium.errors import Invalid
from trivium.forge.site import Site
from trivium.store.intents import Move
from trivium.tree.disk import Tree, remove_tree, sync_directory, sync_tree


@contextlib.contextmanager
def staging(site: Site) -> Iterator[Path]:
    """A directory aside, for building something; its remains are removed at the end."""
    aside = site.tree.staging / f"{site.worker.id}-{secrets.token_hex(8)}"
    aside.mkdir(mode=0o750)
    try:
        yield aside
    finally:
        remove_tree(aside)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a name will stand: `anchor` is the deepest directory on the way that exists, `below` what is new.

    Of several new directories only the outermost is renamed, with the others inside it. Directories that exist
    without a row in the database, such as an administrator's, are used as they are.
    """

    anchor: Path
    below: tuple[str, ...]

    @classmethod
    def plan(cls, tree: Tree, path: str) -> Placement:
        place = tree.path_of(path)
        segments = place.relative_to(tree.root).parts
        anchor = tree.root
        for depth, segment in enumerate(segments):
            try:
                # One look: between two of them a directory may be moved away.
                state = (anchor / segment).lstat()
            except (FileNotFoundError, NotADirectoryError):
                return cls(anchor, segments[depth:])
            anchor = anchor / segment
            if not stat.S_ISDIR(state.st_mode):
                raise Invalid("something else stands in the repository root under this name", about="name")
        return cls(anchor, ())

    def stage_directory(self, aside: Path) -> list[Move]:
        """Build the directory of a group."""
        if not self.below:
            return []
        aside.joinpath(*self.below).mkdir(mode=0o750, parents=True)
        sync_tree(aside)
        return [Move(aside / self.below[0], self.anchor / self.below[0])]

    @contextlib.contextmanager
    def arranged(self, aside: Path, built: Path) -> Iterator[list[Move]]:
        """The move that puts a repository, built at `aside/…`, in its place with the directories of its new groups.

        If the block fails, the repository is where it was built, for another try.
        """
        if not self.below:
            raise Invalid(
                "a directory that is not registered stands in the repository root under this name", about="name"
            )
        if len(self.below) == 1:
            yield [Move(built, self.anchor / self.below[0])]
            return
        groups = aside / "groups"
        inside = groups.joinpath(*self.below)
        inside.parent.mkdir(mode=0o750, parents=True)
        built.rename(inside)
        for directory in [*inside.parent.relative_to(groups).parents, inside.parent.relative_to(groups)]:
            sync_directory(groups / directory)
        try:
            yield [Move(groups / self.below[0], self.anchor / self.below[0])]
        except BaseException:
            inside.rename(built)
            remove_tree(groups)
            raise
