# SPDX-License-Identifier: GPL-3.0-or-later
"""One gate for pages, parts, JSON, bodies and feeds: whose request it is, what it is about, and whether they may.

The order is that of web.md 3.3. What is hidden is answered like what does not exist (security.md S-14): with the
way to the sign-in for visitors, with 404 for whoever has signed in (decisions.md W2). A key that opens the view, whose
owner may not read the repository, gets 403 (system.md 1.4), and so it does where there is no repository.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from trivium.access.caller import Caller, anonymous
from trivium.access.credentials import Authenticator, CredentialsRefused, Reason
from trivium.access.keys import Role
from trivium.access.levels import Level
from trivium.access.sessions import Session
from trivium.errors import Busy, NotFound
from trivium.forge.accounts import sessions
from trivium.forge.accounts.preferences import parsed
from trivium.forge.groups import repo_groups
from trivium.forge.groups.tree import GroupTrees
from trivium.forge.history.reading import History
from trivium.forge.jobs import finding as jobs
from trivium.forge.jobs import reservations
from trivium.forge.jobs.job import Job
from trivium.forge.repositories import finding
from trivium.forge.repositories.finding import Repository
from trivium.forge.repositories.state import Present, State, state_of
from trivium.forge.site import Site
from trivium.language import language, wanted
from trivium.names import MAX_DEPTH, is_clean_text
from trivium.turns import Pace
from trivium.web.answers import Asked, Redirect, Refused, SignInNeeded
from trivium.web.cookies import Cookies
from trivium.web.fragments import Fragments
from trivium.web.registering import Match, View, Who, every_view, matching, named
from trivium.web.tokens import is_right
from trivium.web.urls import Urls, is_of_site, is_permanent, quoted, quoted_segment, without_keys
from trivium.web.visit import GroupVisit, PendingVisit, RepositoryVisit, Visit
from trivium.web.ways import Way, Ways
from trivium.web.whitelist import Whitelist

if TYPE_CHECKING:
    from sqlalchemy import Connection

_DEEPEST: Final = 12
"""Segments of a repository's name that are looked for among former names."""
SIGN_IN_TO_SEE: Final = "You need to be signed in to view this page"
SIGN_IN_TO_ACT: Final = "You need to be a registered user to perform this action"
FORGED: Final = (
    "Cross-site request forgery detected, request denied. "
    "Open the page again and send the form once more; it may have stood there for too long."
)
_NO_FORM: Final = "A form is sent as application/x-www-form-urlencoded."
_NOT_THAT: Final = "What is here now is something else."
_NO_RIGHT: Final = "You may not do this in this repository."
_NOT_READABLE: Final = "You may not read this repository."
_NOT_FOUND: Final = "There is nothing at this address, or you may not see it."
_SAFE: Final = frozenset({"GET", "HEAD"})
_LONGEST_COOKIE: Final = 200


class NoView(Refused):
    """A repository that the visitor may read has no page at this address: perhaps it is for another door."""

    def __init__(self) -> None:
        super().__init__(404, _NOT_FOUND)


@dataclass(frozen=True, slots=True)
class _Who:
    """Whose request it is."""

    caller: Caller | None
    """None: nobody has said so, and visitors may not look."""
    session: Session | None = None
    keyed: bool = False
    refused_at: str = ""
    """The client's address, where a right key may not be used from it."""
    must_change: bool = False


class Gate:
    """One worker's gate."""

    def __init__(self, site: Site, authenticator: Authenticator, history: History) -> None:
        self._site = site
        self._authenticator = authenticator
        self._history = history
        self._fragments = Fragments(site)
        self._ways = Ways()
        self._trees = GroupTrees()
        self._whitelist = Whitelist(site.settings.key_views, (view.word for view in every_view()))

    def visit(self, asked: Asked, pace: Pace) -> tuple[Visit, View, dict[str, str]]:
        """Who may see what: the visit that the view is given.

        Raises `Refused`, `SignInNeeded`, `Elsewhere`, and `WouldWait` in a `Store.glance`.
        """
        segments = asked.segments
        if not segments or is_of_site(segments[0]):
            return self._site_view(asked, pace, matching(segments, of_repository=False))
        return self._inside(asked, pace)

    def bare_visit(self, asked: Asked, pace: Pace) -> Visit:
        """The visit of whoever asks, whatever it is for: for a page that says what is wrong."""
        who = self._who(asked)
        return self._made(asked, pace, who, who.caller or anonymous(asked.address))

    def told(self, visit: Visit) -> Visit:
        """The same visit for a page, which tells what was to be told once: nobody gets it again.

        Raises `WouldWait` in a `Store.glance` if there is something.
        """
        asked, session = visit.asked, visit.session
        if asked.method != "GET" or asked.by_script or asked.key:
            return visit
        if session is None:
            said = visit.cookies.told(self._site.ring, asked.cookies)
        else:
            try:
                said = sessions.take_flash(self._site, session) or ""
            except Busy:
                said = ""  # nothing can be written, as on a full disk: the page is shown, and this with a later one
        return msgspec.structs.replace(visit, said=(said,)) if said else visit

    def _site_view(self, asked: Asked, pace: Pace, matches: list[Match]) -> tuple[Visit, View, dict[str, str]]:
        if not matches:
            raise Refused(404, _NOT_FOUND)
        view, given = _allowed(matches, asked.method)
        rights = None if asked.segments or self._session_cookie(asked) else self._rights()
        who = self._who(asked, view)
        if view.about_repository:
            return self._named(asked, pace, who, view, given)
        with _wanted(view):
            caller = self._admitted(view, who)
            visit = self._made(asked, pace, who, caller)
            self._check(view, who, visit)
        return visit if rights is None else msgspec.structs.replace(visit, rights=rights), view, given

    def _rights(self) -> State:
        """The state of all rights, before anything else is looked up that will count for it."""
        with self._site.store.read() as db:
            return state_of(db)

    def _named(
        self, asked: Asked, pace: Pace, who: _Who, view: View, given: dict[str, str]
    ) -> tuple[Visit, View, dict[str, str]]:
        """A view at an address of the site that names the repository which it is about."""
        caller = who.caller or anonymous(asked.address)
        named_in = msgspec.structs.replace(asked, segments=tuple(given.pop("repository").split("/")))
        found = self._repository(caller, named_in)
        if found is None and who.caller is not None and (name := self._former(caller, named_in)):
            address = Urls(asked.origin, asked.root).to(view.name, name)
            raise Elsewhere(Redirect(address, status=_moved_status(asked)))
        if found is None or found[1] or found[0].level < Level.READ or who.caller is None:
            raise self._absent(who, asked)
        return self._about(asked, pace, who, caller, None, found[0], view, given)

    def _inside(self, asked: Asked, pace: Pace) -> tuple[Visit, View, dict[str, str]]:
        """A repository's view, or the page of a group."""
        who, way = self._way(asked)
        caller = who.caller or anonymous(asked.address)
        if way is not None:
            repository, rest = way.repository, asked.segments[way.segments :]
        else:
            found = self._repository(caller, asked)
            if found is None:
                return self._group(asked, pace, who, caller)
            repository, rest = found
        matches = matching(rest, of_repository=True)
        if who.keyed:
            wanted_view = _taking(matches, asked.method)
            # A key that does not open the view is as good as none.
            who = self._who(asked, wanted_view) if wanted_view is not None else self._visitor(asked)
            again = who.caller or anonymous(asked.address)
            if again != caller:
                caller = again
                with self._site.store.read() as db:
                    repository = finding.by_id(db, caller, repository.id)
        if repository.level < Level.READ or who.caller is None:
            raise self._absent(who, asked)
        if not matches:
            raise NoView
        view, given = _allowed(matches, asked.method)
        visit, view, given = self._about(asked, pace, who, caller, way, repository, view, given)
        if others := _more_exact(matches, view):
            visit = msgspec.structs.replace(visit, others=others)
        return visit, view, given

    def _about(
        self,
        asked: Asked,
        pace: Pace,
        who: _Who,
        caller: Caller,
        way: Way | None,
        repository: Repository,
        view: View,
        given: dict[str, str],
    ) -> tuple[Visit, View, dict[str, str]]:
        """A view about a repository that the caller may read."""
        if caller.anonymous and (view.users_only or not _may(repository, view)):
            raise SignInNeeded(SIGN_IN_TO_ACT if _may(repository, view) else SIGN_IN_TO_SEE)
        with _wanted(view):
            if not _may(repository, view):
                raise Refused(403, _NO_RIGHT if repository.level else _NOT_READABLE)
            moment, present = (way.moment, way.present) if way is not None else (None, None)
            about = {"repository": repository, "moment": moment, "present": present}
            visit = self._made(asked, pace, who, caller, RepositoryVisit, **about)
            self._check(view, who, visit)
        if view.possible is not None and not view.possible(self._site.back_ends[repository.kind].abilities):
            said = f"Action not supported for {repository.kind}."
            raise Elsewhere(Redirect(visit.url("summary.summary", repository.name), said))
        return visit, view, given

    def _way(self, asked: Asked) -> tuple[_Who, Way | None]:
        """Whose request it is, and the repository that it leads into, where that is remembered and still counts."""
        if asked.key:
            return self._who(asked), None
        by_cookie = self._session_cookie(asked)
        who = self._who(asked) if by_cookie else None
        with self._site.store.read() as db:
            led = self._ways.present(db, asked.segments)
            if led is not None:
                name, present = led
                whose: Hashable = who.caller if who is not None else asked.address
                way = self._ways.known(whose, name, present)
                if way is None:
                    # All that follows is looked up after the state that it will count for.
                    who = who or self._who(asked)
                    if who.caller is None:
                        return who, None
                    way = self._looked_up(who.caller, asked, name, present)
                    if way is None:
                        return who, None
                    self._ways.remember(whose, name, way)
                return who or _Who(way.caller), way
        return who or self._who(asked), None

    def _looked_up(self, caller: Caller, asked: Asked, name: tuple[str, ...], present: Present) -> Way | None:
        """The repository that an address leads into, if that is the one with this state."""
        found = self._repository(caller, asked)
        if found is None or asked.segments[: len(asked.segments) - len(found[1])] != name:
            return None
        return Way(present, caller, found[0], len(name))

    def _group(self, asked: Asked, pace: Pace, who: _Who, caller: Caller) -> tuple[Visit, View, dict[str, str]]:
        name = "/".join(asked.segments)
        view = named("home.group")
        if who.keyed:
            # A key that does not open it is as good as none.
            who = self._who(asked, view) if self._opens(view) else self._visitor(asked)
            caller = who.caller or anonymous(asked.address)
        with self._site.store.read() as db:
            group = None
            if who.caller is not None and _may_be_a_name(name):
                group = repo_groups.by_name(db, caller, name)
            if group is None and who.caller is not None:
                if moved := self._moved(db, caller, asked):
                    raise Elsewhere(moved)
                if not who.keyed and (job := self._pending(db, caller, asked)):
                    return self._on_its_way(asked, pace, who, caller, job)
        if group is None or group.level < Level.READ:
            raise self._absent(who, asked)
        if asked.method not in _SAFE:
            raise Refused(405, "This address is only read.", headers=(("Allow", "GET, HEAD"),))
        visit = self._made(asked, pace, who, caller, GroupVisit, group=group)
        self._check(view, who, visit)
        return visit, view, {}

    def _pending(self, db: Connection, caller: Caller, asked: Asked) -> Job | None:
        """The job that creates what an address leads into, or that failed to: if the visitor may know of it."""
        if caller.anonymous:
            return None
        if (job := reservations.pending_above(db, caller, "/".join(asked.segments))) is not None:
            return job
        *name, last = asked.segments
        if last not in _OF_PENDING or "task_id" not in asked.query:
            return None
        try:
            job = jobs.find(db, caller, asked.query["task_id"])
        except NotFound:
            return None
        return job if job.reserves and job.subject == "/".join(name) else None

    def _on_its_way(
        self, asked: Asked, pace: Pace, who: _Who, caller: Caller, job: Job
    ) -> tuple[Visit, View, dict[str, str]]:
        """The page that tells how far a repository is, where any of it is asked for (system.md 4)."""
        visit = self._made(asked, pace, who, caller, PendingVisit, job=job)
        view = _OF_PENDING.get("/".join(asked.segments).removeprefix(job.subject).strip("/"))
        if view is None:
            if asked.method not in _SAFE:
                raise Refused(503, "The repository is being created.", headers=(("Retry-After", "10"),))
            raise Elsewhere(Redirect(visit.url("jobs.creating", job.subject, task_id=job.id)))
        found = named(view)
        if asked.method not in _SAFE:
            raise Refused(405, "This address is only read.", headers=(("Allow", "GET, HEAD"),))
        self._check(found, who, visit)
        return visit, found, {}

    def _repository(self, caller: Caller, asked: Asked) -> tuple[Repository, tuple[str, ...]] | None:
        """The repository that an address leads into, whatever the caller may do with it, and the rest of it."""
        segments = asked.segments
        with self._site.store.read() as db:
            try:
                if is_permanent(segments[0]):
                    return finding.find(db, caller, int(segments[0][1:]), Level.NONE), segments[1:]
                path = "/".join(segments)
                found = finding.find_above(db, caller, path[:_LONGEST_LOOKED_AT], Level.NONE)
            except NotFound:
                return None
        used, left = len(found.name), list(segments)
        while used > 0:
            taken = left.pop(0)
            used -= len(taken) + 1
        if found.level >= Level.READ:
            self._ways.led(segments[: len(segments) - len(left)], found)
        return found, tuple(left)

    def _moved(self, db: Connection, caller: Caller, asked: Asked) -> Redirect | None:
        """Where a repository is now that was called so, or whose name has an ending too many (decisions.md W3, W4)."""
        segments = asked.segments[:_DEEPEST]
        for count in range(1, len(segments) + 1):
            name = "/".join(segments[:count])
            if not _may_be_a_name(name):
                break
            repository = finding.by_former_name(db, caller, name) or self._with_ending(db, caller, name)
            if repository is not None:
                rest = "".join(f"/{quoted_segment(segment)}" for segment in asked.segments[count:])
                query = without_keys(asked.query)
                address = f"{asked.root}/{quoted(repository.name)}{rest}{'?' if query else ''}{query}"
                return Redirect(address, status=_moved_status(asked))
        return None

    def _former(self, caller: Caller, asked: Asked) -> str:
        """What the repository is called now that was called so; empty where the caller may read none."""
        name = "/".join(asked.segments)
        if not _may_be_a_name(name):
            return ""
        with self._site.store.read() as db:
            repository = finding.by_former_name(db, caller, name)
        return repository.name if repository is not None else ""

    def _with_ending(self, db: Connection, caller: Caller, name: str) -> Repository | None:
        """The repository whose address is a name with the customary ending, as somebody copies it from a clone."""
        for abilities in (back_end.abilities for back_end in self._site.back_ends.values()):
            short = name.removesuffix(abilities.ending)
            if short == name or not short:
                continue
            try:
                found = finding.find_above(db, caller, short, Level.READ)
            except NotFound:
                continue
            if found.name == short and self._site.back_ends[found.kind].abilities.ending == abilities.ending:
                return found
        return None

    def _who(self, asked: Asked, view: View | None = None) -> _Who:
        """Whose request it is: of a key's owner, of whoever signed in, or of a visitor.

        A key counts where it opens the view; before the view is known, it counts for any.
        """
        if asked.key:
            if view is not None and not self._opens(view):
                return self._visitor(asked)
            roles = (Role.HTTP, Role.FEED) if view is None or view.feed else (Role.HTTP,)
            try:
                caller, must_change = self._authenticator.by_web_key(asked.key, asked.address, roles)
            except CredentialsRefused as error:
                return self._visitor(asked, refused_at=asked.address if error.reason is Reason.ADDRESS else "")
            return _Who(caller, keyed=True, must_change=must_change)
        cookie = self._session_cookie(asked)
        if cookie:
            session = sessions.session_of(self._site, cookie, asked.address)
            if session is not None:
                return _Who(session.caller, session, must_change=session.must_change_password)
        return self._visitor(asked)

    def _session_cookie(self, asked: Asked) -> str:
        return self._cookies(asked).session_in(asked.cookies) if asked.cookies else ""

    def _cookies(self, asked: Asked) -> Cookies:
        return Cookies(self._site.settings, secure=asked.secure, root=asked.root)

    def _visitor(self, asked: Asked, refused_at: str = "") -> _Who:
        caller = None if refused_at else self._authenticator.visitor(asked.address)
        return _Who(caller, refused_at=refused_at)

    def _opens(self, view: View) -> bool:
        return view.feed or self._whitelist.lists(view.word)

    def _admitted(self, view: View, who: _Who) -> Caller:
        """Who sees a view of the site; raises `Refused` and `SignInNeeded`."""
        caller = who.caller
        if view.needs is Who.ANYBODY:
            return caller or anonymous("")
        if who.refused_at:
            raise SignInNeeded(f"IP {who.refused_at} not allowed")
        if caller is None:
            raise SignInNeeded(SIGN_IN_TO_SEE)
        if view.needs is Who.USER and caller.anonymous:
            raise SignInNeeded(SIGN_IN_TO_ACT)
        if view.needs is Who.SUPER_ADMIN and not caller.super_admin:
            raise SignInNeeded(SIGN_IN_TO_SEE) if caller.anonymous else Refused(403, "Only administrators see this.")
        return caller

    def _absent(self, who: _Who, asked: Asked) -> Exception:
        """What is answered where something does not exist or is hidden: it depends on nothing that does exist."""
        if asked.key and (view := self._opened_somewhere(asked)) is not None:
            return Refused(403, _NOT_READABLE, shape=view.shape)
        if who.refused_at:
            return SignInNeeded(f"IP {who.refused_at} not allowed")
        if who.caller is None or who.caller.anonymous:
            return SignInNeeded(SIGN_IN_TO_SEE)
        return Refused(404, _NOT_FOUND)

    def _opened_somewhere(self, asked: Asked) -> View | None:
        """The view that a right key opens at an address, wherever in that the repository's name ends."""
        for count in range(1, MAX_DEPTH + 1):
            view = _taking(matching(asked.segments[count:], of_repository=True), asked.method)
            if view is not None and self._opens(view) and self._who(asked, view).keyed:
                return view
        return None

    def _check(self, view: View, who: _Who, visit: Visit) -> None:
        """What else stands between somebody and a view that they may see."""
        asked = visit.asked
        if who.must_change and view.name not in _WITHOUT_CHANGE:
            raise Elsewhere(Redirect(visit.url("account.password"), "Please choose a new password first."))
        if view.script_only and not asked.by_script:
            raise Refused(400, "This is not a valid XMLHttpRequest (XHR) request")
        if asked.method not in _SAFE:
            token = asked.form.get("csrf_token") or asked.token
            if who.keyed or not asked.own_origin or not is_right(visit.form_secret, token):
                raise Refused(403, FORGED, values=_once_more(visit))
            if asked.unread:
                raise Refused(415, _NO_FORM)
            if asked.only_if not in ("", "*") or asked.tags == "*":
                raise Refused(412, _NOT_THAT)  # nothing that takes a form has a strong tag (RFC 9110, 13.1.1)

    def _made(
        self, asked: Asked, pace: Pace, who: _Who, caller: Caller, kind: type[Visit] = Visit, **about: Any
    ) -> Visit:
        """A visit of some kind; `about` is what only that has."""
        session, cookies = who.session, self._cookies(asked)
        if session is not None:
            secret = session.form_secret
            chosen = parsed(session.preferences)
        else:
            cookie = asked.cookies.get(cookies.forms, "")[:_LONGEST_COOKIE]
            secret = self._site.ring.digest(f"forms\n{cookie}") if cookie else b""
            chosen = parsed(cookies.preferred(asked.cookies))
        return kind(
            site=self._site,
            history=self._history,
            fragments=self._fragments,
            trees=self._trees,
            authenticator=self._authenticator,
            asked=asked,
            caller=caller,
            session=session,
            keyed=who.keyed,
            pace=pace,
            language=language(chosen.locale or wanted(asked.languages, self._site.settings.lang)),
            preferences=chosen,
            urls=Urls(asked.origin, asked.root),
            cookies=cookies,
            form_secret=secret,
            **about,
        )


def _may_be_a_name(text: str) -> bool:
    """Whether it is worth asking the database what is called so."""
    return len(text) <= _LONGEST_NAME and is_clean_text(text)


def _moved_status(asked: Asked) -> int:
    """With which somebody is led to where a repository is now: a form goes there with all that was typed into it."""
    return 302 if asked.method in _SAFE else 307


def _once_more(visit: Visit) -> dict[str, Any]:
    """What a page of ours sent after its session had ended and another had begun: it can be sent once more from there.

    Nothing is offered where no browser says that our own page sent it, and no password is written into a page.
    """
    asked = visit.asked
    if visit.session is None or asked.by_script or not asked.own_origin or not asked.page:
        return {}
    typed = {name: value for name, value in asked.form.items() if name != "csrf_token"}
    return {} if any("password" in name for name in typed) else {"typed": typed, "action": asked.root + asked.raw_path}


_OF_PENDING: Final = {"repo_creating": "jobs.creating", "crepo_check": "jobs.check"}
"""What a repository that is being created has at which address."""
_WITHOUT_CHANGE: Final = frozenset(
    {"account.password", "account.save_password", "sign_in.form", "sign_in.sign_in", "sign_in.sign_out"}
)
"""What somebody who must choose another password comes to all the same (system.md 6.5)."""
_LONGEST_NAME: Final = 1024
_LONGEST_LOOKED_AT: Final = 2048
"""Characters of a path among which a repository's name is looked for."""


class Elsewhere(Exception):
    """What was asked for is at another address."""

    def __init__(self, redirect: Redirect) -> None:
        super().__init__(redirect.address)
        self.redirect = redirect


@contextmanager
def _wanted(view: View) -> Iterator[None]:
    """Whatever is refused meanwhile is told in the form of what was wanted."""
    try:
        yield
    except Refused as error:
        error.shape = view.shape
        raise


def _allowed(matches: list[Match], method: str) -> Match:
    """The view that takes the method; raises `Refused` with what is allowed."""
    wanted_method = "GET" if method == "HEAD" else method
    for view, given in matches:
        if wanted_method in view.methods:
            return view, given
    raise not_taken({one for view, _ in matches for one in view.methods})


def not_taken(methods: Collection[str]) -> Refused:
    """What is answered to a request with another method."""
    allowed = ", ".join(sorted({*methods, *(("HEAD",) if "GET" in methods else ())}))
    return Refused(405, "This address does not take such a request.", headers=(("Allow", allowed),))


def _more_exact(matches: list[Match], view: View) -> tuple[str, ...]:
    """The methods of views for which this address was made, where it may also be all that is left of another rule."""
    if not view.takes_the_rest:
        return ()
    return tuple(method for other, _ in matches if not other.takes_the_rest for method in other.methods)


def _taking(matches: list[Match], method: str) -> View | None:
    """The view that takes the method, else the first one."""
    wanted_method = "GET" if method == "HEAD" else method
    return next((view for view, _ in matches if wanted_method in view.methods), matches[0][0] if matches else None)


def _may(repository: Repository, view: View) -> bool:
    assert isinstance(view.needs, Level)
    return repository.level >= view.needs
