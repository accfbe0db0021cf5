# SPDX-License-Identifier: GPL-3.0-or-later
"""The door of the pages: ASGI on one side, views on the other; only `sending.py` and `pieces.py` know ASGI besides."""

from __future__ import annotations

import contextlib
import secrets
from concurrent.futures import Executor
from contextlib import nullcontext
from functools import partial
from typing import Final
from urllib.parse import urlsplit

import structlog

from trivium.access.caller import Caller
from trivium.access.credentials import Authenticator
from trivium.access.places import NoPlace
from trivium.errors import TriviumError, WouldWait, full_disk_told
from trivium.forge.caches.makers import BeingMade
from trivium.forge.history.reading import History
from trivium.forge.site import Site
from trivium.forge.upkeep.activity import Activity
from trivium.http.addresses import ClientAddresses, neighbourhood, site_address
from trivium.http.asgi import Disconnected, Receive, Scope, Send, TooLarge, header, key_in_headers, read_body
from trivium.http.coding import takes_gzip
from trivium.http.crew import Crew
from trivium.http.rooms import Crowded, Room
from trivium.turns import LongWork, Pace, connection_at
from trivium.web.answers import Asked, Page, Refused, SignInNeeded
from trivium.web.cookies import cookies_of
from trivium.web.gate import Elsewhere, Gate, NoView, not_taken
from trivium.web.registering import Shape, View
from trivium.web.rendering import Ready, ready, refusal, sign_in_first
from trivium.web.repeats import Repeats
from trivium.web.sending import BUSY, Sender, encoded, respond
from trivium.web.static_files import static_files
from trivium.web.templating import templates
from trivium.web.texts import refused
from trivium.web.urls import parameters, query_of, segments_of, without_keys
from trivium.web.views import load
from trivium.web.visit import RepositoryVisit, TakesLong, Visit

_log = structlog.get_logger(__name__)

_MOST_FIELDS: Final = 1000
_FREE: Final = 64 << 10
"""Bytes of a form for which no room is needed."""
_ROOM_FOR_FORMS: Final = 8
_SHARE_OF_FORMS: Final = 2
"""Of the largest forms: as many as a worker holds at once, and as many of one network."""
_SENDING: Final = frozenset({"POST", "PUT", "DELETE"})
"""Methods that send a form. What browsers send is a POST, with `_method` in it (system.md 2.1)."""
_METHODS: Final = _SENDING | {"GET", "HEAD"}


class WebDoor:
    """One worker's entrance for browsers, feed readers and whoever fetches files."""

    def __init__(
        self,
        site: Site,
        authenticator: Authenticator,
        activity: Activity,
        *,
        crew: Crew,
        long_work: LongWork,
        downloads: Executor,
    ) -> None:
        """`downloads` are the threads that read what is sent piece by piece; they wait for clients."""
        load()
        templates()
        static_files()
        self._site = site
        self._activity = activity
        self._history = History(site)
        self._gate = Gate(site, authenticator, self._history)
        self._crew = crew
        self._repeats = Repeats(site.store)
        self._long_work = long_work
        settings = site.settings
        self._addresses = ClientAddresses(settings.proxy_networks, settings.client_address_header)
        self._root = settings.prefix
        self._sender = Sender(crew, downloads, settings.request_timeout)
        self._forms = Room(_ROOM_FOR_FORMS * settings.max_form_body, _SHARE_OF_FORMS * settings.max_form_body)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Answer a request. False: the repository that it is for has no page there; nothing was answered."""
        if scope["path"].startswith("/_static/"):
            await self._static(scope, send)
            return True
        asked = await self._asked(scope, receive, send)
        if asked is None:
            return True
        try:
            answer, visit = await self._answer(asked, receive)
        except NoView:
            return False
        if visit.session is not None:
            self._activity.saw(visit.session)
        elif answer.status == 304:
            self._repeats.remember(scope, visit, encoded(answer.headers))
        await self._sender.send(answer, visit, scope, receive, send)
        return True

    async def repeated(self, scope: Scope, send: Send) -> bool:
        """Answer a request that has been asked before, if the answer is that nothing has changed since."""
        headers = self._repeats.headers(scope)
        if headers is None:
            return False
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return True

    async def absent(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer that there is nothing at an address of a repository, for which no other door has something either."""
        asked = await self._asked(scope, receive, send, read=False)
        if asked is not None:
            answer, visit = await self._crew.run(self._wrong, asked, Refused(404, "There is no such page."), Shape.PAGE)
            await self._sender.send(answer, visit, scope, receive, send)

    async def _asked(self, scope: Scope, receive: Receive, send: Send, *, read: bool = True) -> Asked | None:
        """The request as views see it; None when it was answered, for it makes no sense.

        `read`: whether its form has still to be read.
        """
        raw_path = scope.get("raw_path", b"").partition(b"?")[0] or b"/"
        segments = segments_of(raw_path)
        method = scope["method"]
        if segments is None:
            await respond(send, 404, (), b"There is no such address.\n")
            return None
        if method not in _METHODS:
            await respond(send, 405, (("Allow", "GET, HEAD, POST"),), b"")
            return None
        form: dict[str, str] | None = {}
        if method in _SENDING and read:
            try:
                form = await self._form(scope, receive)
            except Crowded:
                await respond(send, 503, BUSY, b"The server is busy with other forms. Please try again.\n")
                return None
            except UnicodeDecodeError:
                # Of what is not UTF-8 something else would be stored than was sent, and nobody would hear of it.
                await respond(send, 400, (), b"The form is not UTF-8.\n")
                return None
            except (TooLarge, ValueError):
                await respond(send, 413, (), b"The form is too large.\n")
                return None
            except TimeoutError:
                raise Disconnected from None
            if method == "POST" and form and form.get("_method", "").upper() in ("PUT", "DELETE"):
                method = form["_method"].upper()
        query = query_of(scope["query_string"]) if scope["query_string"] else {}
        given = dict(reversed(scope["headers"]))  # of several with one name the first
        address = site_address(self._site.settings.base_url, scope)
        parts = urlsplit(address)
        origin = f"{parts.scheme}://{parts.netloc}"
        return Asked(
            method=method,
            segments=segments,
            query=query,
            address=self._addresses.of(scope),
            origin=origin,
            root=self._root,
            key=key_in_headers(scope) or query.get("auth_token", "") or query.get("api_key", ""),
            cookies=cookies_of(given.get(b"cookie", b"")),
            tags=given.get(b"if-none-match", b"").decode("latin-1")[:1000],
            only_if=given.get(b"if-match", b"").decode("latin-1")[:1000],
            languages=given.get(b"accept-language", b"").decode("latin-1"),
            by_script=given.get(b"x-requested-with") == b"XMLHttpRequest",
            own_origin=_is_own(scope, origin),
            page="" if method in ("GET", "HEAD") else _page_of(given.get(b"referer", b""), origin),
            form=form or {},
            unread=form is None,
            token=given.get(b"x-csrf-token", b"").decode("latin-1"),
            agent=given.get(b"user-agent", b"").decode("latin-1")[:200],
            raw_path=raw_path.decode("latin-1"),
            raw_query=scope["query_string"].decode("latin-1"),
            secure=parts.scheme == "https",
            partial=given.get(b"range", b"").decode("latin-1")[:200],
            partial_if=given.get(b"if-range", b"").decode("latin-1")[:200],
            id=secrets.token_hex(6),
        )

    async def _form(self, scope: Scope, receive: Receive) -> dict[str, str] | None:
        """The fields of a form; None for a body of another type."""
        kind = header(scope, b"content-type").partition(b";")[0].strip().lower()
        settings = self._site.settings
        whose = neighbourhood(self._addresses.of(scope))
        size = 0
        with contextlib.ExitStack() as held:

            def charge(count: int) -> None:
                nonlocal size
                self._forms.charge(held, min(count, size + count - _FREE), whose)
                size += count

            body = await read_body(
                receive,
                limit=settings.max_form_body,
                option="max_form_body",
                timeout=settings.request_timeout,
                idle_timeout=settings.body_idle_timeout,
                charge=charge,
            )
            if kind != b"application/x-www-form-urlencoded":
                return None if body else {}
            return parameters(body.decode(), _MOST_FIELDS, errors="strict")

    async def _answer(self, asked: Asked, receive: Receive) -> tuple[Ready, Visit]:
        """What is sent, made where there is time for it."""
        caller: Caller | None = None
        try:
            try:
                return self._serve(asked, Pace.AT_ONCE)
            except WouldWait:
                return await self._crew.run(self._serve, asked, Pace.SHORT)
        except TakesLong as error:
            caller, pace = error.caller, error.pace
        if caller is None:
            caller = (await self._crew.run(self._bare_visit, asked)).caller
        said = "The server is busy with other requests of yours. Please try again."
        try:
            return await self._long_work.run(pace, caller, receive, lambda: self._serve(asked, pace))
        except NoPlace:
            pass
        except BeingMade:
            said = "Somebody else has asked for this, and it takes long. Please try again."
        return await self._crew.run(self._wrong, asked, Refused(503, said, headers=BUSY), Shape.PAGE)

    def _bare_visit(self, asked: Asked) -> Visit:
        with self._site.store.read():
            return self._gate.bare_visit(asked, Pace.SHORT)

    def _wrong(self, asked: Asked, error: Refused, shape: Shape) -> tuple[Ready, Visit]:
        visit = self._bare_visit(asked)
        return refusal(error, visit, shape), visit

    def _serve(self, asked: Asked, pace: Pace) -> tuple[Ready, Visit]:
        """The answer at a pace; raises `WouldWait`, `TakesLong` and `BeingMade` when that does not suffice.

        Raises `NoView` when a repository has no such page. Nothing has happened yet after any of them.
        """
        view: View | None = None
        visit: Visit | None = None
        sitting = self._history.sitting() if pace >= Pace.LONG else nullcontext()
        with connection_at(self._site.store, pace), sitting:
            try:
                visit, view, given = self._gate.visit(asked, pace)
                if view.pace > pace:
                    raise TakesLong(visit.caller, view.pace) if view.pace >= Pace.LONG else WouldWait
                with full_disk_told():
                    found = self._site.store.again(partial(view.call, visit, **given))
                    if isinstance(found, Page) and (telling := self._gate.told(visit)) is not visit:
                        visit, found = telling, view.call(telling, **given)  # not one that was at hand
                    answer = ready(found, visit)
                self._note(visit, view)
                return answer, visit
            except Elsewhere as error:
                visit = self._gate.bare_visit(asked, pace)
                return ready(error.redirect, visit), visit
            except SignInNeeded as error:
                visit = self._gate.bare_visit(asked, pace)
                return sign_in_first(error, visit), visit
            except NoView:
                raise
            except Refused as error:
                return self._refusal(asked, pace, view, _or_method(error, visit))
            except TriviumError as error:
                told = refused(error)
                if told.status >= 500:
                    _log.warning("a page failed", request=asked.id, path=asked.raw_path, why=str(error))
                return self._refusal(asked, pace, view, _or_method(told, visit))
            except (WouldWait, TakesLong, BeingMade):
                raise
            except Exception:
                # Whatever went wrong, the visitor learns nothing of our insides, and the log everything but secrets.
                _log.exception("a page failed", request=asked.id, method=asked.method, path=asked.raw_path)
                failed = Refused(500, "Something went wrong here. An administrator finds the reason in the log.")
                return self._refusal(asked, pace, view, failed)

    def _note(self, visit: Visit, view: View) -> None:
        """Remember where somebody was: what they visited last is on the first page."""
        if isinstance(visit, RepositoryVisit) and visit.session is not None and view.shape is Shape.PAGE:
            self._activity.visited(visit.caller, visit.repository.id)

    def _refusal(self, asked: Asked, pace: Pace, view: View | None, error: Refused) -> tuple[Ready, Visit]:
        visit = self._gate.bare_visit(asked, pace)
        shape = view.shape if view is not None else Shape(error.shape or Shape.PAGE)
        if shape is Shape.PAGE and asked.by_script and asked.method in _SENDING:
            shape = Shape.JSON  # scripts that send forms are told in their own way, whatever came of it
        if shape is Shape.PAGE:
            visit = self._gate.told(visit)
        return refusal(error, visit, shape), visit

    async def _static(self, scope: Scope, send: Send) -> None:
        """A file of ours: for ever the same under this address."""
        files = static_files()
        _, _, rest = scope["path"].removeprefix("/_static/").partition("/")
        found = files.files.get(rest)
        if found is None:
            await respond(send, 404, (), b"There is no such file.\n", head_only=scope["method"] == "HEAD")
            return
        if scope["method"] not in ("GET", "HEAD"):
            await respond(send, 405, (("Allow", "GET, HEAD"),), b"A file is only read.\n")
            return
        current = scope["path"] == f"{files.root}/{rest}"
        headers = [
            ("Content-Type", found.type),
            ("Cache-Control", "public, max-age=31536000, immutable" if current else "public, max-age=60"),
        ]
        content = found.content
        if found.compressed is not None:
            headers.append(("Vary", "Accept-Encoding"))
            if takes_gzip(scope):
                content = found.compressed
                headers.append(("Content-Encoding", "gzip"))
        await respond(send, 200, headers, content, head_only=scope["method"] == "HEAD")


def _or_method(error: Refused, visit: Visit | None) -> Refused:
    """What was wrong: where there is nothing to be read, that something can be sent (system.md 2.1)."""
    if error.status == 404 and isinstance(visit, RepositoryVisit) and visit.others:
        return not_taken(visit.others)
    return error


def _page_of(referer: bytes, origin: str) -> str:
    """The path and query of a page that is at this origin and can be looked at again; of any other nothing."""
    path, _, query = referer.removeprefix(origin.encode()).partition(b"?")
    if not referer.startswith(origin.encode()) or not path.startswith(b"/") or not path.isascii():
        return ""
    rest = without_keys(query_of(query))
    return path.decode() + (f"?{rest}" if rest else "")


def _is_own(scope: Scope, origin: str) -> bool:
    """Whether a browser says that a page of ours sends this; one that says nothing is believed."""
    site = header(scope, b"sec-fetch-site")
    if site:
        return site in (b"same-origin", b"none")
    sent_by = header(scope, b"origin")
    return not sent_by or sent_by.decode("latin-1") == origin
