# SPDX-License-Identifier: GPL-3.0-or-later
"""Who looks at what: all that a view is given. The gate makes it; it asks the database nothing by itself."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any, Concatenate, NamedTuple, ParamSpec, TypeVar

import msgspec

from trivium.access.caller import Caller
from trivium.access.credentials import Authenticator
from trivium.access.levels import Level
from trivium.access.sessions import Session
from trivium.forge.accounts.preferences import Preferences
from trivium.forge.groups.repo_groups import RepoGroup
from trivium.forge.groups.tree import GroupTrees
from trivium.forge.history.reading import History, Moment
from trivium.forge.jobs.job import Job
from trivium.forge.repositories.finding import Repository
from trivium.forge.repositories.state import Present, State
from trivium.forge.site import Site
from trivium.forge.site_settings import SiteLook, look_at_hand
from trivium.language import Language
from trivium.turns import Pace
from trivium.vcs.abilities import Abilities
from trivium.web.answers import Asked, PageAtHand
from trivium.web.cookies import Cookies
from trivium.web.fragments import Fragments
from trivium.web.urls import Urls

if TYPE_CHECKING:
    from sqlalchemy import Connection

P = ParamSpec("P")
T = TypeVar("T")


class TakesLong(Exception):
    """The answer has to be made, and this thread has no time for that; nothing has happened yet."""

    def __init__(self, caller: Caller | None = None, pace: Pace = Pace.LONG) -> None:
        super().__init__(f"the answer has to be made at the pace {pace.name}")
        self.caller = caller
        """Who waits for it, where that is known."""
        self.pace = pace
        """At which it is made: `LONG` or `WAITING`."""


class Question(NamedTuple):
    """What was asked of the database, and what it said."""

    ask: Callable[..., Any]
    given: tuple[Any, ...]
    more: Mapping[str, Any]
    answer: Any


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """One request for a page of the site."""

    site: Site
    history: History
    fragments: Fragments
    trees: GroupTrees
    """What this worker knows of the groups that somebody may read."""
    authenticator: Authenticator
    asked: Asked
    caller: Caller
    session: Session | None
    keyed: bool
    """Whether a key in the request says who it is: then there is no session, and nothing can be changed."""
    pace: Pace
    language: Language
    preferences: Preferences
    urls: Urls
    cookies: Cookies
    said: tuple[str, ...] = ()
    """What this page tells once: what happened before."""
    form_secret: bytes = b""
    """What tokens of forms are made from; empty: a form cannot be sent."""
    rights: State | None = None
    """The state of all rights for which a visit of the first page was admitted; None: nobody asked."""
    questions: list[Question] = msgspec.field(default_factory=list)
    """What was asked so far (`ask`)."""

    @property
    def query(self) -> Mapping[str, str]:
        return self.asked.query

    @property
    def form(self) -> Mapping[str, str]:
        return self.asked.form

    @property
    def signed_in(self) -> bool:
        return not self.caller.anonymous

    @property
    def look(self) -> SiteLook:
        """What every page shows of the site."""
        return look_at_hand(self.site, self.session.stamp.version if self.session is not None else None)

    def url(self, view: str, *given: str, **query: object) -> str:
        """The address of a view, without the server."""
        return self.urls.to(view, *given, **query)

    def text(self, message: str, **values: Any) -> str:
        """A text in the visitor's language."""
        return self.language.text(message, **values)

    def ask(self, question: Callable[Concatenate[Connection, Caller, P], T], *given: P.args, **more: P.kwargs) -> T:
        """The answer of the core to a question about the database, for this visitor.

        All questions of a view that is not `LONG` share the connection of the gate.
        """
        with self.site.store.read() as db:
            answer = question(db, self.caller, *given, **more)
        self.questions.append(Question(question, given, more, answer))
        return answer

    def page_key(self, state: Hashable) -> Hashable:
        """All that a page depends on beside what goes into it when it is sent: its own state, who looks, and how."""
        asked, caller, session = self.asked, self.caller, self.session
        return (
            *(state, asked.raw_path, asked.raw_query, asked.origin, asked.root, asked.by_script),
            *(self.keyed, caller.user_id, caller.username, caller.super_admin),
            *(session.stamp.version if session is not None else 0, self.language.code, self.preferences),
            session.unread if session is not None else 0,
            getattr(self, "repository", None),
            self.look,
        )

    def page_at_hand(self, state: Hashable) -> PageAtHand | None:
        """The page that a view answered with before as `Page(tag=state)`, if nothing can be different in it now.

        A view asks for it as soon as it knows the state of its page, before it collects what the page shows.
        """
        if self.said or self.asked.key:
            return None
        found = self.fragments.pages.find(self.page_key(state))
        return None if found is None else PageAtHand(found)

    def take_a_moment(self) -> None:
        """Say that what follows is more than a few look-ups: raises `WouldWait` where a thread should do it."""
        self.site.store.take_time()

    def take_time(self) -> None:
        """Say that what follows takes long: raises `TakesLong` where there is no time for it."""
        if self.pace < Pace.LONG:
            raise TakesLong(self.caller)


class GroupVisit(Visit, frozen=True, kw_only=True):
    """One request for the page of a group that the visitor may read."""

    group: RepoGroup


class PendingVisit(Visit, frozen=True, kw_only=True):
    """One request for a page of a repository that is being created, or was not (system.md 4)."""

    job: Job


class RepositoryVisit(Visit, frozen=True, kw_only=True):
    """One request for a page of a repository that the visitor may read."""

    repository: Repository
    moment: Moment | None = None
    """The state of its history, once somebody has asked for it (`now`)."""
    present: Present | None = None
    """The state for which the gate knows the repository; None where it was looked up by itself."""
    others: tuple[str, ...] = ()
    """The methods that the address takes, should there be nothing that this one asks for."""

    @property
    def level(self) -> Level:
        return Level(self.repository.level)

    @property
    def abilities(self) -> Abilities:
        return self.site.back_ends[self.repository.kind].abilities

    @property
    def root(self) -> str:
        """The address of the repository, without the server and without a slash at the end."""
        return self.urls.repository(self.repository.name)

    def now(self) -> Moment:
        """The state of the repository's history: the same for all of this visit."""
        if self.moment is None:
            msgspec.structs.force_setattr(self, "moment", self.history.now(self.repository))
        assert self.moment is not None
        return self.moment

    def part_key(self, *key: Hashable) -> tuple[Hashable, ...]:
        """What a part is kept under: all that it depends on beside the site's settings that are read at the start."""
        return (self.language.code, self.look.ids, *key)

    def part(self, *key: Hashable, make: Callable[[], str]) -> str:
        """A finished part of the page: kept under its key, or made now, by one at a time.

        Nothing about the visitor and the site goes into it but the language and how ids are written, and the key says
        all that it depends on. Raises `TakesLong` where it has to be made and there is no time for it, and
        `BeingMade`.
        """
        whole = self.part_key(*key)
        found = self.fragments.find(self.repository.id, whole)
        if found is None:
            self.take_time()
            found = self.fragments.made(self.repository.id, whole, make)
        return found
