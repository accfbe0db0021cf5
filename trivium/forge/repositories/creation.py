# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories are created: empty, from another server, or as a fork (api-repos.md 4).

Every repository is built aside and appears complete, with its rows, in one step. A kill at any moment leaves a usable
repository or nothing at all. No lock is held and no connection is kept while bytes move.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, func, select

from trivium.access.caller import Caller
from trivium.access.errands import ERRAND, write_errand
from trivium.access.levels import Level
from trivium.access.permissions import allows_globally, global_permissions
from trivium.egress.policy import Myself, RemoteUrl, admit_remote, parse_remote
from trivium.egress.remote import Received, TransferLimits
from trivium.errors import AlreadyExists, Busy, Forbidden, Invalid, Kind, NotFound, OwnerReserved, RepositoryFull
from trivium.forge.accounts import users as accounts
from trivium.forge.accounts.users import User
from trivium.forge.caches.files import RepositoryCache
from trivium.forge.events.repositories import ForkFailed, ImportFailed
from trivium.forge.groups import repo_groups
from trivium.forge.jobs.running import Work
from trivium.forge.naming.placement import Placement, staging
from trivium.forge.repositories import finding as repositories
from trivium.forge.repositories.failed_transfers import failures_told
from trivium.forge.repositories.finding import Repository
from trivium.forge.repositories.import_turns import import_turn
from trivium.forge.repositories.new import NewRepository, insert_repository
from trivium.forge.repositories.requests import CreationRequest, ForkRequest
from trivium.forge.site import Site
from trivium.names import is_clean_text, key_of, last_segment, parent_of, path_of
from trivium.store.intents import carry_out, undo_all
from trivium.store.tables import DEFAULT_USER_ID
from trivium.store.tables import repositories as table
from trivium.tree.disk import room_of, sync_tree
from trivium.tree.kernel_locks import RepositoryLock
from trivium.vcs.abilities import Act
from trivium.vcs.values import History

_TRIES: Final = 5


class _Replan(Exception):
    """Somebody created a group on the way in the meantime."""


def create(
    site: Site,
    caller: Caller,
    asked: CreationRequest,
    *,
    clone_uri: str | None = None,
    work: Work | None = None,
    counted: bool = True,
) -> str:
    """Create a repository with the groups on the way to it; returns its full name.

    With `clone_uri` it starts with the history found there. `work` is the job that does it, if one does; it ends
    together with the creation. `counted` as for `import_turn`.
    """
    wanted, owning = admitted(site, caller, asked, clone_uri=clone_uri, but_job=_id_of(work))
    back_end = site.back_ends[wanted.kind]
    if wanted.remote is None:
        _build(site, caller, wanted, owning, back_end.create, work)
        return wanted.path
    telling = failures_told(site, caller, ImportFailed, wanted.path, remote=wanted.remote)
    # What a job does was counted when it was asked for.
    with import_turn(site, caller, counted=counted and work is None), telling:
        back_end.abilities.check(Act.IMPORT)
        remote = admit_remote(site.settings, wanted.remote, myself=myself(site, caller))

        def load(target: Path) -> None:
            back_end.import_from(remote, target, transfer_limits(site, target, work))

        _build(site, caller, wanted, owning, load, work)
    return wanted.path


def admitted(
    site: Site, caller: Caller, asked: CreationRequest, *, clone_uri: str | None = None, but_job: str = ""
) -> tuple[NewRepository, User]:
    """What `create` makes, and for whom; raises whatever can be refused before anything is fetched.

    The name may be reserved by the job `but_job`.
    """
    path = path_of(asked.name)
    wanted = NewRepository(
        path=path,
        kind=asked.kind,
        description=asked.description or last_segment(path),
        private=asked.private,
        landing_rev=asked.landing_rev,
        enable_statistics=asked.enable_statistics,
        enable_locking=asked.enable_locking,
        enable_downloads=asked.enable_downloads,
        permissions_of_group=asked.copy_permissions,
        remote=parse_remote(clone_uri) if clone_uri else None,
        imported=bool(clone_uri),
    )
    return wanted, _admit(site, caller, wanted, asked.owner, but_job)


def fork(site: Site, caller: Caller, source: Repository, asked: ForkRequest, *, work: Work | None = None) -> str:
    """Make an independent copy of a repository with its whole history; returns its full name.

    A fork of a private repository is private, unless somebody who administers the source says otherwise explicitly
    (decisions.md A12). `work` as for `create`.
    """
    wanted, owning = admitted_fork(site, caller, source, asked, but_job=_id_of(work))
    back_end = site.back_ends[source.kind]

    def check() -> None:
        if work is not None:
            work.check()
        site.tree.check_space()

    def copy(target: Path) -> None:
        # A rename or deletion of the source waits until its history is copied.
        with RepositoryLock(site.tree.locks, source.id).shared(site.settings.exclusive_timeout):
            with site.store.read() as db:
                present = repositories.find(db, caller, source.id, Level.READ)
            path = site.tree.path_of(present.name)
            site.tree.check_space(room_of(path))
            back_end.fork(path, target, check)

    with failures_told(site, caller, ForkFailed, wanted.path):
        _build(site, caller, wanted, owning, copy, work)
    return wanted.path


def admitted_fork(
    site: Site, caller: Caller, source: Repository, asked: ForkRequest, *, but_job: str = ""
) -> tuple[NewRepository, User]:
    """What `fork` makes, and for whom; as `admitted`."""
    with site.store.read() as db:
        if not allows_globally(db, caller, "hg.fork.repository"):
            raise Forbidden
    private = asked.private
    if source.private and not (private is False and source.level >= Level.ADMIN):
        private = True
    path = path_of(asked.name)
    wanted = NewRepository(
        path=path,
        kind=source.kind,
        description=asked.description or last_segment(path),
        private=bool(private),
        landing_rev=asked.landing_rev,
        permissions_of=source if asked.copy_permissions else None,
        fork_of=source,
    )
    return wanted, _admit(site, caller, wanted, asked.owner, but_job)


def _id_of(work: Work | None) -> str:
    return work.job.id if work is not None else ""


def import_history(
    site: Site,
    caller: Caller,
    *,
    name: str,
    kind: str,
    owner: object,
    private: bool,
    remote: RemoteUrl,
    load: Callable[[Path], None],
) -> str:
    """Create a repository from what `load` fetches from `remote` to the path that it is given; returns its full name.

    For an administrator's imports, which leave no address to pull from later.
    """
    path = path_of(name)
    wanted = NewRepository(
        path=path,
        kind=kind,
        description=last_segment(path),
        private=private,
        landing_rev="rev:tip",
        imported=True,
    )
    owning = _admit(site, caller, wanted, owner)
    with failures_told(site, caller, ImportFailed, path, remote=remote):
        _build(site, caller, wanted, owning, load)
    return path


def myself(site: Site, caller: Caller) -> Myself:
    """The server as a remote of its own, for what `caller` lets it fetch (decisions.md W10)."""
    errand = write_errand(site.ring, caller, site.settings.import_timeout)
    return Myself(site.listening, site.ring.import_mark, ERRAND, errand)


def transfer_limits(site: Site, target: Path | None = None, work: Work | None = None) -> TransferLimits:
    """What a transfer into the repository at `target` may take, for the job `work` if one does it."""
    most, received = site.settings.max_repo_bytes, Received()

    def check() -> None:
        """Raises `StorageFull`, and `Cancelled`, also while bytes move."""
        if work is not None:
            work.check()
            work.tell(received.size >> 10, None, "KiB")
        site.tree.check_space()
        if most and target is not None and room_of(target) > most:
            raise RepositoryFull("the repository takes more room than max_repo_bytes")

    return TransferLimits(site.settings.remote_timeout, site.settings.import_timeout, check, received)


def _admit(site: Site, caller: Caller, wanted: NewRepository, owner: object, but_job: str = "") -> User:
    """Refuse whatever can be refused before work begins, in the documented order; returns the owner."""
    with site.store.read() as db:
        check_may_create(db, caller, wanted.path)
        owning = _chosen_owner(db, caller, owner)
        if is_clean_text(wanted.path):
            _check_new(db, wanted, but_job)
        _check_number(db, site, caller, owning)
    wanted.check(site)
    site.tree.check_space()
    return owning


def _check_number(db: Connection, site: Site, caller: Caller, owner: User) -> None:
    """Refuse more repositories than an owner may have; super-admins may go beyond that."""
    if not caller.super_admin:
        check_number(db, site, owner)


def check_number(db: Connection, site: Site, owner: User) -> None:
    """Raise `Invalid` when an account owns as many repositories as allowed (max_repos_per_user)."""
    most = site.settings.max_repos_per_user
    if not most:
        return
    owned = db.execute(select(func.count()).select_from(table).where(table.c.owner_id == owner.id)).scalar_one()
    if owned >= most:
        raise Invalid(
            "%(owner)s owns %(owned)s repositories, and may not have more (max_repos_per_user)",
            about="owner",
            owner=owner.username,
            owned=owned,
        )


def _chosen_owner(db: Connection, caller: Caller, given: object) -> User:
    if given is None:
        return accounts.by_id(db, caller.user_id)
    if not caller.super_admin:
        raise OwnerReserved
    owner = accounts.find(db, given)
    if owner.id == DEFAULT_USER_ID:
        raise Invalid("the user default owns nothing", about="owner")
    return owner


def check_may_create(db: Connection, caller: Caller, path: str) -> None:
    """Raise unless the caller may create a repository of this name (api-repos.md 4, create_repo)."""
    if caller.super_admin:
        return
    granted = global_permissions(db, caller)
    creates = granted["hg.create"] == "hg.create.repository"
    parent = parent_of(path)
    if not parent:
        if not creates:
            raise Forbidden
        return
    if not creates:
        _check_administers(db, caller, path)
        return
    above = repo_groups.ancestry(db, caller, path)
    if above.deepest is None:
        return
    level = above.deepest.level
    if level >= Level.ADMIN:
        return
    in_groups = granted["hg.create.write_on_repogroup"].endswith("true")
    if level < Level.WRITE or not in_groups:
        raise NotFound(Kind.REPO_GROUP, parent)
    if above.missing and granted["hg.repogroup.create"] != "hg.repogroup.create.true":
        raise NotFound(Kind.REPO_GROUP, parent)


def _check_administers(db: Connection, caller: Caller, path: str) -> None:
    """Raise unless the caller administers the deepest group on the way to `path`, without telling which groups exist.

    If the caller may read no group on the way, a missing group and a hidden one look the same.
    """
    on_the_way = repo_groups.existing_above(db, caller, path)
    if on_the_way and on_the_way[0].level >= Level.ADMIN:
        return
    if any(group.level >= Level.READ for group in on_the_way):
        raise NotFound(Kind.REPO_GROUP, parent_of(path))
    raise Forbidden


def _check_new(db: Connection, wanted: NewRepository, but_job: str = "") -> None:
    """Refuse a taken name: a repository's with a message of its own, a group's as unusable."""
    try:
        repo_groups.check_name_free(db, wanted.path, but_job=but_job)
    except AlreadyExists as error:
        if error.kind is Kind.REPO_GROUP:
            raise Invalid("a repository group has this name", about="name") from error
        parent = db.execute(select(table.c.fork_of_id).where(table.c.name_key == key_of(wanted.path))).scalar()
        is_fork = wanted.fork_of is not None and parent is not None
        raise AlreadyExists(Kind.REPOSITORY, wanted.path, is_fork=is_fork) from error


def _build(
    site: Site,
    caller: Caller,
    wanted: NewRepository,
    owner: User,
    build: Callable[[Path], None],
    work: Work | None = None,
) -> None:
    """Build a repository aside and put it in its place."""
    back_end = site.back_ends[wanted.kind]
    with staging(site) as aside:
        built = aside / "repository"
        build(built)
        if not wanted.imported and wanted.fork_of is None:
            history = History(back_end.empty_changeset(), "")
        else:
            history = back_end.history(built, aside / "cache")
        sync_tree(built)
        if work is not None:
            work.check()
        for _ in range(_TRIES):
            try:
                repository_id = _place(site, caller, wanted, owner, aside, built, history, work)
            except _Replan:
                continue
            if work is not None:
                work.ended()
            RepositoryCache(site, repository_id).adopt(aside / "cache")
            return
    raise Busy("the groups on the way keep changing")


def _place(
    site: Site,
    caller: Caller,
    wanted: NewRepository,
    owner: User,
    aside: Path,
    built: Path,
    history: History,
    work: Work | None,
) -> int:
    placement = Placement.plan(site.tree, wanted.path)
    if not placement.below:
        # What stands there may be on its way to a row, or to somewhere else: look again when nothing is under way.
        with site.store.write(told_apart=True) as db:
            undo_all(db, site.tree)
            _check_new(db, wanted, _id_of(work))
            placement = Placement.plan(site.tree, wanted.path)

    def insert_rows(db: Connection) -> int:
        check_may_create(db, caller, wanted.path)
        _check_new(db, wanted, _id_of(work))
        _check_number(db, site, caller, owner)
        if Placement.plan(site.tree, wanted.path) != placement:
            raise _Replan
        repository_id = insert_repository(db, site, caller, wanted, owner, history)
        if work is not None:
            # With the rows of the repository: a kill leaves a job that is done, or one that begins again.
            work.ends(db, repository_id)
        return repository_id

    with placement.arranged(aside, built) as moves:
        try:
            return carry_out(site.store, site.tree, worker=site.worker.id, moves=moves, change=insert_rows, adds=True)
        except AlreadyExists as error:
            if error.name == wanted.path:
                raise
            raise _Replan from error
