# SPDX-License-Identifier: GPL-3.0-or-later
"""The application of one worker: settings → site → doors. Only this file knows all doors."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import structlog

from trivium.access.credentials import Authenticator
from trivium.access.keys import KeyRing, process_secret
from trivium.access.throttle import Throttle
from trivium.api.door import ApiDoor, is_api_path
from trivium.assembly import open_site
from trivium.errors import Busy, StartRefused, TriviumError
from trivium.forge.accounts.failed_sign_ins import journal_failure
from trivium.forge.events.delivery import Delivery
from trivium.forge.notifications import writing as notifications
from trivium.forge.sessions.transfers import Transfers
from trivium.forge.site import Site
from trivium.forge.upkeep import after_pushes
from trivium.forge.upkeep.activity import Activity
from trivium.forge.upkeep.recovery import recover_left
from trivium.http.addresses import ClientAddresses
from trivium.http.asgi import (
    ENCRYPTED_ONLY,
    SECURITY_HEADERS,
    TEXT,
    App,
    Disconnected,
    Message,
    Paced,
    Receive,
    Scope,
    Send,
    header,
    key_in_headers,
    respond,
)
from trivium.http.crew import Crew
from trivium.jobs.handlers.mails import ask_for_mails
from trivium.jobs.runner import Runner
from trivium.mail.notices import Notices
from trivium.procs.memory import give_back
from trivium.procs.priority import answer_soon
from trivium.procs.tallies import Tallies
from trivium.procs.wishes import for_jobs
from trivium.settings import Settings
from trivium.store.engine import Store
from trivium.turns import Pace
from trivium.web import views
from trivium.web.attachments import Attachments, is_attachment_path
from trivium.web.door import WebDoor
from trivium.web.metrics import Metrics
from trivium.web.static_files import static_files
from trivium.web.templating import templates
from trivium.web.urls import is_of_site
from trivium.wire.door import Door
from trivium.wire.git import door as git
from trivium.wire.git.requests import is_git_path
from trivium.wire.hg import door as hg
from trivium.wire.hg.requests import is_hg_request
from trivium.wire.svn import door as svn
from trivium.wire.svn.upstream import Upstream

_log = structlog.get_logger(__name__)

_ACTIVITY_EVERY: Final = 10.0
_LONG_CALLS: Final = 48
"""No fewer than the places for long work (`turns.LongWork`)."""
_DOWNLOADS: Final = 48
"""As many as there are places for (`web.door`)."""
_DOOR: Final = "trivium.door"
"""Where in the scope of a request stands which door it is for; it is the pages' without."""
_KEYED: Final = re.compile(rb"(?:^|&)(?:api_key|auth_token)=")
_PATIENT: Final = 16
"""Threads for slow work of version-control clients; further work waits its turn."""
_GIVE_BACK_EVERY: Final = 10.0
_TALLY_EVERY: Final = 5.0
_STATUSES: Final = ("none", "none", "2xx", "3xx", "4xx", "5xx")
"""The class of a status, as it is counted, by the status's first digit."""


def load(database: str) -> None:
    """Load, and do once, what every worker needs: for a process that forks workers and serves nobody itself.

    It opens nothing and starts no thread. `database` is the address of theirs, which need not exist.
    """
    views.load()
    templates()
    static_files()
    # These two load libraries when one is first made. Neither is used.
    KeyRing(process_secret())
    with contextlib.suppress(StartRefused):  # it is said by whoever uses it
        Store(database)


class Application:
    """The ASGI application."""

    def __init__(
        self,
        settings: Settings,
        *,
        listening: tuple[str, int] | None = None,
        supervisor: int | None = None,
        tallies: Tallies | None = None,
    ) -> None:
        self._tallies = tallies or Tallies()
        self._settings = settings
        self._headers = (*SECURITY_HEADERS, ENCRYPTED_ONLY) if settings.encrypted else SECURITY_HEADERS
        self._addresses = ClientAddresses(settings.proxy_networks, settings.client_address_header)
        self._prefix = settings.proxy_prefix.rstrip("/").encode()
        self._site: Site = open_site(settings, listening=listening)
        soon = answer_soon if settings.short_calls_first else None
        self._crew = Crew(settings.threads, "quick", prepare=soon)
        # A crew apart: short answers must not wait for the admission of clones.
        self._admission = Crew(settings.threads, "admission", prepare=soon)
        self._slow = ThreadPoolExecutor(settings.threads, thread_name_prefix="slow")
        # Transfers from other servers (also from this one) wait for bytes most of the time: many may do so at once.
        self._long = ThreadPoolExecutor(_LONG_CALLS, thread_name_prefix="long")
        # For waits of version-control clients that take longer than the disk: for a program, or for others' work.
        self._patient = ThreadPoolExecutor(_PATIENT, thread_name_prefix="patient")
        throttle = Throttle(settings.login_failures, settings.login_ip_failures, settings.login_lock_seconds)
        self._authenticator = Authenticator(self._site.store, self._site.ring, throttle, journal_failure)
        self._activity = Activity()
        self._api = ApiDoor(self._site, self._authenticator, crew=self._crew, slow=self._long)
        self._transfers = Transfers(
            self._site, self._activity, crew=self._admission, slow=self._slow, patient=self._patient
        )
        self._wire = Door(self._transfers, self._authenticator)
        self._apache = Upstream(self._site.svn.apache, idle=settings.vcs_timeout, supervisor=supervisor)
        # What browsers fetch piece by piece: each of these threads waits for whoever reads what it reads.
        self._downloads = ThreadPoolExecutor(_DOWNLOADS, thread_name_prefix="download")
        self._web = WebDoor(
            self._site,
            self._authenticator,
            self._activity,
            crew=self._crew,
            long_work=self._api.long_work,
            downloads=self._downloads,
        )
        self._attachments = Attachments(self._site, self._authenticator, crew=self._crew, slow=self._slow)
        self._chores = ThreadPoolExecutor(1, thread_name_prefix="chores")
        mails = Notices(self._site, partial(ask_for_mails, self._site))
        hearers = [mails.subscriber, notifications.subscriber(self._site), after_pushes.subscriber(self._site)]
        self._delivery = Delivery(self._site, hearers)
        self._metrics = Metrics(self._site, self._tallies, crew=self._crew)
        help_ = None if supervisor is None else partial(for_jobs(settings.data).make, supervisor)
        self._jobs = Runner(self._site, help_)
        self._site.jobs.wake = self._jobs.wake
        self._site.jobs.seen = self._queue_seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["scheme"] = "https" if self._settings.force_https else self._addresses.scheme_of(scope)
        if self._prefix:
            _take_away(scope, self._prefix)
        started = False
        status = 0
        began = time.monotonic()

        async def secured(message: Message) -> None:
            nonlocal started, status
            if message["type"] == "http.response.start":
                started = True
                status = message["status"]
                given = {name for name, _ in message["headers"]}
                more = [header for header in self._headers if header[0] not in given]
                message["headers"] = [*message["headers"], *more]
            await send(message)

        try:
            await self._dispatch(scope, receive, secured)
        except Disconnected:
            if started:
                raise _Aborted from None  # the server must close the connection: the answer is not complete
            # A client that is still there kept us waiting.
            await respond(secured, 408, b"The request did not arrive in time.\n", (TEXT, (b"connection", b"close")))
        except Busy as error:
            # Where a door could not even say so: its own words need the database.
            _log.warning("a request was put off", method=scope["method"], path=scope["path"], why=str(error))
            if started:
                raise _Aborted from None
            await respond(secured, 503, f"{error}\n".encode(), (TEXT, (b"retry-after", b"5")))
        except Exception:
            _log.exception("a request failed", method=scope["method"], path=scope["path"])
            if started:
                raise
            await respond(secured, 500, b"Internal server error\n")
        finally:
            self._tallies.count(f"{scope.get(_DOOR, 'web')} {_STATUSES[status // 100]}")
            if self._settings.access_log:
                # Never the query: it may hold a key (system.md 1.6).
                seconds = round(time.monotonic() - began, 4)
                _log.info("request", method=scope["method"], path=scope["path"], status=status, seconds=seconds)

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if is_api_path(path):
            scope[_DOOR] = "api"
            await self._api(scope, receive, send)
        elif self._metrics.answers(path):
            await self._metrics(scope, receive, send)
        elif scope["method"] in ("TRACE", "CONNECT"):
            await respond(send, 405, headers=(TEXT, (b"allow", b"GET, HEAD, POST")))
        elif not await self._web.repeated(scope, send):
            settings = self._settings
            paced = Paced(receive, send, rate=settings.min_transfer_rate, grace=settings.request_timeout)
            if is_attachment_path(path):
                await self._attachments(scope, paced.receive, paced.send)
                return
            serve = self._protocol_of(scope)
            if serve is not None:
                await serve(scope, paced.receive, paced.send)
            elif _has_basic(scope) and await svn.serve_file(self._wire, self._apache, scope, paced.receive, paced.send):
                return  # a program that reads by WebDAV (decisions.md W11); browsers sign in otherwise
            elif await self._web(scope, paced.receive, paced.send):
                return
            elif not await svn.serve_file(self._wire, self._apache, scope, paced.receive, paced.send):
                await self._web.absent(scope, paced.receive, paced.send)

    def _protocol_of(self, scope: Scope) -> App | None:
        """The door of the version-control system that a request belongs to; None for other requests."""
        if svn.is_svn_request(scope):
            # Before Git: a file in a Subversion repository may have the name of a service of Git.
            scope[_DOOR] = "svn"
            return partial(svn.serve, self._wire, self._apache)
        if is_git_path(scope["path"]):
            scope[_DOOR] = "git"
            return partial(git.serve, self._wire)
        if is_hg_request(scope):
            scope[_DOOR] = "hg"
            return partial(hg.serve, self._wire)
        if svn.is_svn_method(scope) and not _of_a_page(scope):
            scope[_DOOR] = "svn"
            return partial(svn.serve, self._wire, self._apache)
        return None

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        regular: list[asyncio.Task[None]] = []
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                # First of all: whatever is acknowledged from now on is delivered.
                await asyncio.get_running_loop().run_in_executor(self._chores, self._delivery.start)
                regular.append(asyncio.create_task(self._record_activity()))
                regular.append(asyncio.create_task(self._give_back()))
                regular.append(asyncio.create_task(self._tally()))
                self._jobs.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                for task in regular:
                    task.cancel()
                await asyncio.gather(*regular, return_exceptions=True)
                await asyncio.to_thread(self._jobs.close)
                self._close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _record_activity(self) -> None:
        while True:
            await asyncio.sleep(_ACTIVITY_EVERY)
            await asyncio.get_running_loop().run_in_executor(self._slow, self._write_activity)

    async def _give_back(self) -> None:
        """Give memory back after large work, and thoroughly once the worker has nothing to do."""
        before = 0
        tidy = True
        while True:
            await asyncio.sleep(_GIVE_BACK_EVERY)
            idle = self._api.long_work.count == before
            before = self._api.long_work.count
            if not (idle and tidy):
                trim = partial(give_back, thoroughly=idle)
                await asyncio.get_running_loop().run_in_executor(self._chores, trim)
            tidy = idle

    async def _tally(self) -> None:
        """Tell the other workers how much waits here, and how much of the database is in use."""
        while True:
            places, in_use = self._api.long_work.places, self._site.store.in_use
            self._tallies.put("waiting to read", places[Pace.LONG].waiting)
            self._tallies.put("waiting for others", places[Pace.WAITING].waiting)
            if in_use is not None:
                for name, count in zip(("reading", "writing"), in_use, strict=True):
                    self._tallies.put(name, count)
            await asyncio.sleep(_TALLY_EVERY)

    def _queue_seen(self, reached: bool) -> None:
        self._tallies.put("queue away", not reached)
        if not reached:
            self._tallies.count("queue lost")

    def _write_activity(self) -> None:
        try:
            self._activity.write(self._site, self._authenticator.used_tokens, self._authenticator.signed_in)
            recover_left(self._site)
        except TriviumError as error:
            _log.warning("activity was not recorded", why=str(error))

    def _close(self) -> None:
        self._delivery.stop()
        self._crew.close()
        self._admission.close()
        self._slow.shutdown()
        self._patient.shutdown()
        self._long.shutdown()
        self._downloads.shutdown()
        self._chores.shutdown()
        self._write_activity()
        self._site.close()


def _take_away(scope: Scope, prefix: bytes) -> None:
    """Let a request be for what is below the prefix, where the proxy has left that in its path."""
    raw_path = scope.get("raw_path", b"")
    if raw_path.startswith(prefix) and raw_path[len(prefix) : len(prefix) + 1] in (b"", b"/", b"?"):
        # It is plain ASCII: as many characters in the path as in what was sent.
        scope["raw_path"] = raw_path[len(prefix) :] if raw_path[len(prefix) : len(prefix) + 1] == b"/" else b"/"
        scope["path"] = scope["path"][len(prefix) :] or "/"


def _of_a_page(scope: Scope) -> bool:
    """Whether what may be WebDAV is for a page: who writes by that knows no cookie, no key, and nothing of ours."""
    first = scope["path"].lstrip("/").partition("/")[0]
    if scope["method"] not in ("PUT", "DELETE"):
        return is_of_site(first)
    if key_in_headers(scope) or _KEYED.search(scope["query_string"]):
        return True
    return is_of_site(first) or bool(header(scope, b"cookie"))


def _has_basic(scope: Scope) -> bool:
    return header(scope, b"authorization")[:6].lower() == b"basic "


class _Aborted(Exception):
    """Ends a connection in the middle of an answer."""
