# SPDX-License-Identifier: GPL-3.0-or-later
"""Mercurial as we use it: loaded with our configuration alone, repositories opened by directory, not by name."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final

# Before Mercurial looks: no configuration of the host or of a repository, no proxy, plain output (security.md S-6).
for _name in [name for name in os.environ if name.upper().startswith("HG") or name.lower().endswith("_proxy")]:
    del os.environ[_name]
os.environ |= {
    "HGRCPATH": "",
    "HGRCSKIPREPO": "1",
    "HGPLAIN": "+strictflags",
    "HGENCODING": "UTF-8",
    "LANGUAGE": "C",
    "HOME": "/nonexistent",
}

from mercurial import initialization  # noqa: E402

initialization.init()

from mercurial import bundle2, error, extensions, pathutil, phases, pushkey, vfs  # noqa: E402
from mercurial import ui as uimod  # noqa: E402
from mercurial.exchanges import bundle_caps  # noqa: E402
from mercurial.repo import factory  # noqa: E402

from trivium.vcs.hg.limits import HgLimits  # noqa: E402
from trivium.vcs.hg.server.objects import Repository  # noqa: E402
from trivium.vcs.hg.values import BOOKMARK, BRANCH, MOST_IDS, ZERO  # noqa: E402

_SETTINGS: Final = {
    b"web": {b"push_ssl": b"false", b"allow-push": b"*", b"allow-archive": b""},
    b"ui": {b"interactive": b"false", b"report_untrusted": b"false", b"clonebundles": b"false", b"ssh": b"false"},
    b"server": {b"validate": b"true", b"bundle1": b"false"},
    b"phases": {b"publish": b"true"},
    b"experimental": {b"evolution": b"", b"changegroup4": b"false"},
    b"subrepos": {b"allowed": b"false"},
}
_BY_DESCRIPTOR: Final = b"/proc/self/fd/"


def prepare(limits: HgLimits) -> Any:
    """The ui from which the uis of all requests are made; from now on Mercurial respects the limits."""
    from trivium.vcs.hg.server import bounds, commands, stored

    # A pushed bundle, or the answer to a pull, may tell a server to fetch more from an address of the sender's choice.
    # It may also bring the files of a store as they are, or entries of a cache (of tags), which nobody checks.
    for part in (b"remote-changegroup", b"stream2", b"stream3-exp", b"hgtagsfnodes"):
        bundle2.parthandlermapping.pop(part, None)
    bundle_caps.capabilities.pop(b"remote-changegroup", None)
    bounds.install(limits)
    commands.install()
    stored.look_at_beginnings()
    _keep_secrets()
    _keep_descriptors()
    base = uimod.ui.load()
    for section, values in _SETTINGS.items():
        for name, value in values.items():
            base.setconfig(section, name, value, b"trivium")
    extensions.loadall(base)
    extensions.populateui(base)
    return base


def _keep_secrets() -> None:
    """Refuse to publish a secret changeset by its id alone: a client that has it sends it, which publishes it."""
    push, listed = pushkey._namespaces[b"phases"]  # noqa: SLF001
    update = phases.updatephases

    def push_unless_secret(repository: Repository, key: bytes, old: bytes, new: bytes) -> Any:
        everything = repository.unfiltered()
        revision = everything.changelog.index.get_rev(bytes.fromhex(key.decode("ascii")))
        if revision is None or _is_secret(everything, revision):
            return False
        return push(repository, key, old, new)

    def update_unless_secret(repository: Repository, begin: Any, heads: Any, *arguments: Any, **named: Any) -> Any:
        everything = repository.unfiltered()
        revision_of = everything.changelog.index.get_rev
        shown = {
            phase: [
                one
                for one in heads[phase]
                if (found := revision_of(one)) is not None and not _is_secret(everything, found)
            ]
            for phase in phases.allphases
        }
        return update(repository, begin, shown, *arguments, **named)

    pushkey.register(b"phases", push_unless_secret, listed)
    phases.updatephases = update_unless_secret


def _is_secret(repository: Repository, revision: int) -> bool:
    return bool(repository._phasecache.phase(repository, revision) >= phases.secret)  # noqa: SLF001


def _keep_descriptors() -> None:
    """Let Mercurial use a directory by its descriptor instead of looking up its present name."""
    plain: Callable[..., None] = vfs.vfs.__init__

    def kept(
        self: Any,
        base: bytes,
        audit: bool = True,
        cacheaudited: bool = False,
        expandpath: bool = False,
        realpath: bool = False,
    ) -> None:
        plain(self, base, audit, cacheaudited, expandpath, realpath and not base.startswith(_BY_DESCRIPTOR))

    vfs.vfs.__init__ = kept


def by_descriptor(directory: int) -> bytes:
    """A path to an open directory, whatever it is called."""
    return _BY_DESCRIPTOR + b"%d" % directory


def open_repository(base: Any, directory: int, *, quiet: bool = True) -> Repository:
    """The repository in an open directory, which must stay open as long; hidden changesets included."""
    ui = base.copy()
    ui.setconfig(b"ui", b"quiet", b"true" if quiet else b"false", b"trivium")
    return factory.repository(ui, by_descriptor(directory)).unfiltered()


def published(repository: Repository) -> Repository:
    """The part of a repository that others may see: nothing secret, nothing hidden."""
    return repository.filtered(b"served")


class Watched:
    """Notes the changes of transactions in a repository, and makes them durable before they are acknowledged."""

    def __init__(self, repository: Repository) -> None:
        self.updates: list[tuple[str, str, str]] = []
        self._repository = repository
        watched = self
        audit = pathutil.pathauditor(repository.root, realfs=False)

        class WatchedRepository(repository.__class__):  # type: ignore[misc]
            """The repository with hooks into its transactions, as an extension would add them."""

            def file(self, path: bytes, *arguments: Any, **named: Any) -> Any:
                # This is called for every file that comes, whatever its changeset lists (`server.validate`).
                if self.currenttransaction() is not None:
                    audit(path)
                return super().file(path, *arguments, **named)

            def transaction(self, *arguments: Any, **named: Any) -> Any:
                outermost = self.currenttransaction() is None
                transaction = super().transaction(*arguments, **named)
                if outermost:
                    written: set[bytes] = set()
                    transaction.addfinalize(
                        b"~trivium",
                        lambda t: written.update(t._offsetmap, t._newfiles),  # noqa: SLF001
                    )
                    transaction.addvalidator(b"trivium", lambda t: watched.check(t))
                    transaction.addpostclose(b"~trivium", lambda t: watched.closed(t, written))
                return transaction

        repository.__class__ = WatchedRepository

    def check(self, transaction: Any) -> None:
        """Refuse changesets that would write where no client may (security.md S-6), and names of several lines."""
        changelog = self._repository.changelog
        audit = pathutil.pathauditor(self._repository.root, realfs=False)
        for revision in range(transaction.changes[b"origrepolen"], len(changelog)):
            entry = changelog.changelogrevision(revision)
            for path in entry.files:
                audit(path)
            _check_name(entry.extra.get(b"branch", b"default"), b"branch")
        for name, (_, new) in transaction.changes[b"bookmarks"].items():
            if new is not None:
                _check_name(name, b"bookmark")

    def closed(self, transaction: Any, written: set[bytes]) -> None:
        """A transaction is complete: make it durable, and remember its changes."""
        repository = self._repository
        _sync(repository, written)
        changelog = repository.changelog
        first = transaction.changes[b"origrepolen"]
        for revision in range(first, min(len(changelog), first + MOST_IDS)):
            branch = text_of(changelog.branchinfo(revision)[0])
            self.updates.append((BRANCH + branch, ZERO, changelog.node(revision).hex()))
        for revision in _published_by(transaction)[:MOST_IDS]:
            self.updates.append(
                (BRANCH + text_of(changelog.branchinfo(revision)[0]), ZERO, changelog.node(revision).hex())
            )
        for name, (old, new) in sorted(transaction.changes[b"bookmarks"].items()):
            before, after = (one.hex() if one else ZERO for one in (old, new))
            self.updates.append((BOOKMARK + text_of(name), before, after))
        if self.updates:
            repository.ui.status(b"Trivium: push completed\n")


def _published_by(transaction: Any) -> list[int]:
    """Changesets from before a transaction that others may see only since then."""
    known = transaction.changes[b"origrepolen"]
    found = []
    for revisions, (old, new) in transaction.changes[b"phases"]:
        if old is not None and old >= phases.secret and new < phases.secret:
            found += [revision for revision in revisions if revision < known]
    return found


def _check_name(name: bytes, kind: bytes) -> None:
    """Refuse a name that would be more than one line in the files that Mercurial keeps of them."""
    if not name or any(one in name for one in (b"\0", b"\n", b"\r")):
        raise error.Abort(b"the name of a %s must be one line" % kind)


def _sync(repository: Repository, written: set[bytes]) -> None:
    """Make what a transaction wrote durable: files and the directories that name them (security.md R-2)."""
    store, control = repository.svfs, repository.vfs
    files = {store.join(name) for name in written}
    files |= {store.join(name) for name in (b"00changelog.i", b"00manifest.i", b"fncache", b"phaseroots")}
    files |= {control.join(name) for name in (b"bookmarks", b"store/bookmarks")}
    directories = {store.base, control.base}
    for path in files:
        try:
            _sync_one(path)
        except FileNotFoundError:
            continue
        directories.add(os.path.dirname(path))  # noqa: PTH120
    for path in directories:
        _sync_one(path)


def _sync_one(path: bytes) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def text_of(raw: bytes) -> str:
    """Bytes of a message, name or path as text; what is not UTF-8 becomes replacement characters."""
    return raw.decode("utf-8", "replace")
