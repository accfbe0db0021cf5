# SPDX-License-Identifier: GPL-3.0-or-later
"""The door of the pages: the only file of them that knows ASGI (web.md 3.1)."""

from __future__ import annotations

import asyncio
import gzip
import secrets
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import nullcontext
from dataclasses import replace
from functools import lru_cache, partial
from typing import Final
from urllib.parse import urlsplit

import structlog

from trivium.access.caller import Caller
from trivium.access.credentials import Authenticator
from trivium.access.places import NoPlace, Places
from trivium.errors import TriviumError, WouldWait
from trivium.forge.caches.makers import BeingMade
from trivium.forge.history.reading import History
from trivium.forge.site import Site
from trivium.forge.upkeep.activity import Activity
from trivium.http.addresses import ClientAddresses, site_address
from trivium.http.asgi import Disconnected, Receive, Scope, Send, TooLarge, header, key_in_headers, read_body
from trivium.http.crew import Crew
from trivium.turns import LongWork, Pace, connection_at
from trivium.vcs.budget import waited_for
from trivium.web.answers import Asked, Page, Refused, SignInNeeded
from trivium.web.cookies import cookies_of
from trivium.web.gate import Elsewhere, Gate, NoView
from trivium.web.registering import Shape, View
from trivium.web.rendering import Ready, ready, refusal, sign_in_first
from trivium.web.static_files import static_files
from trivium.web.templating import templates
from trivium.web.texts import refused
from trivium.web.urls import parameters, query_of, segments_of
from trivium.web.views import load
from trivium.web.visit import RepositoryVisit, TakesLong, Visit

_log = structlog.get_logger(__name__)

_COMPRESSED_FROM: Final = 1 << 10
"""Bytes of a page; smaller ones go as they are."""
_COMPRESSED_AT_ONCE: Final = 128 << 10
"""Bytes that the event loop compresses itself: in two milliseconds or so."""
_COMPRESSIBLE: Final = (b"text/html", b"application/json", b"application/atom", b"application/rss")
_MOST_OF_A_FORM: Final = 1 << 20
_MOST_FIELDS: Final = 1000
_AHEAD: Final = 4
"""Pieces of a content that are read before somebody has taken the first."""
_DOWNLOADS: Final = 8
"""Contents of one account that are sent at once in one worker; more wait."""
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE"})
_PIECE: Final = 256 << 10
_NOTICED: Final = 0.1
"""Seconds between two looks whether a client is still there."""
_BUSY: Final = (("Retry-After", "5"),)


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
        self._long_work = long_work
        self._downloads = downloads
        settings = site.settings
        self._addresses = ClientAddresses(settings.proxy_networks, settings.client_address_header)
        self._root = urlsplit(settings.base_url).path.rstrip("/") if settings.base_url else ""
        self._places = Places(
            each=_DOWNLOADS, shared=4 * _DOWNLOADS, firsts=2 * _DOWNLOADS, patience=settings.request_timeout
        )

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
        await self._send(answer, visit, scope, receive, send)
        return True

    async def absent(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer that there is nothing at an address of a repository, for which no other door has something either."""
        asked = await self._asked(scope, receive, send, read=False)
        if asked is not None:
            answer, visit = await self._crew.run(self._wrong, asked, Refused(404, "There is no such page."), Shape.PAGE)
            await self._send(answer, visit, scope, receive, send)

    async def _asked(self, scope: Scope, receive: Receive, send: Send, *, read: bool = True) -> Asked | None:
        """The request as views see it; None when it was answered, for it makes no sense.

        `read`: whether its form has still to be read.
        """
        raw_path = scope.get("raw_path", b"").partition(b"?")[0] or b"/"
        segments = segments_of(raw_path)
        method = scope["method"]
        if segments is None:
            await _respond(send, 404, (), b"There is no such address.\n")
            return None
        if method not in _METHODS:
            await _respond(send, 405, (("Allow", "GET, HEAD, POST"),), b"")
            return None
        form: dict[str, str] = {}
        if method == "POST" and read:
            try:
                form = await self._form(scope, receive)
            except (TooLarge, ValueError):
                await _respond(send, 413, (), b"The form is too large.\n")
                return None
            except TimeoutError:
                raise Disconnected from None
            if form.get("_method", "").upper() in ("PUT", "DELETE"):
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
            languages=given.get(b"accept-language", b"").decode("latin-1"),
            by_script=given.get(b"x-requested-with") == b"XMLHttpRequest",
            own_origin=_is_own(scope, origin),
            form=form,
            token=given.get(b"x-csrf-token", b"").decode("latin-1"),
            agent=given.get(b"user-agent", b"").decode("latin-1")[:200],
            raw_path=raw_path.decode("latin-1"),
            raw_query=scope["query_string"].decode("latin-1"),
            secure=parts.scheme == "https",
            partial=given.get(b"range", b"").decode("latin-1")[:200],
            partial_if=given.get(b"if-range", b"").decode("latin-1")[:200],
            id=secrets.token_hex(6),
        )

    async def _form(self, scope: Scope, receive: Receive) -> dict[str, str]:
        kind = header(scope, b"content-type").partition(b";")[0].strip().lower()
        settings = self._site.settings
        body = await read_body(
            receive,
            limit=_MOST_OF_A_FORM,
            option="a form",
            timeout=settings.request_timeout,
            idle_timeout=settings.body_idle_timeout,
            charge=lambda _: None,
        )
        if kind != b"application/x-www-form-urlencoded":
            return {}
        return parameters(body.decode("utf-8", "replace"), _MOST_FIELDS)

    async def _answer(self, asked: Asked, receive: Receive) -> tuple[Ready, Visit]:
        """What is sent, made where there is time for it."""
        caller: Caller | None = None
        try:
            try:
                return self._serve(asked, Pace.AT_ONCE)
            except WouldWait:
                return await self._crew.run(self._serve, asked, Pace.SHORT)
        except TakesLong as error:
            caller = error.caller
        if caller is None:
            caller = (await self._crew.run(self._bare_visit, asked)).caller
        said = "The server is busy with other requests of yours. Please try again."
        try:
            return await self._long_work.run(Pace.LONG, caller, receive, lambda: self._serve(asked, Pace.LONG))
        except NoPlace:
            pass
        except BeingMade:
            said = "Somebody else has asked for this, and it takes long. Please try again."
        return await self._crew.run(self._wrong, asked, Refused(503, said, headers=_BUSY), Shape.PAGE)

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
        sitting = self._history.sitting() if pace >= Pace.LONG else nullcontext()
        with connection_at(self._site.store, pace), sitting:
            try:
                visit, view, given = self._gate.visit(asked, pace)
                if view.pace > pace:
                    raise TakesLong(visit.caller) if view.pace >= Pace.LONG else WouldWait
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
                return self._refusal(asked, pace, view, error)
            except TriviumError as error:
                told = refused(error)
                if told.status >= 500:
                    _log.warning("a page failed", request=asked.id, path=asked.raw_path, why=str(error))
                return self._refusal(asked, pace, view, told)
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
        if shape is Shape.PAGE:
            visit = self._gate.told(visit)
        return refusal(error, visit, shape), visit

    async def _send(self, answer: Ready, visit: Visit, scope: Scope, receive: Receive, send: Send) -> None:
        head_only = scope["method"] == "HEAD"
        if not isinstance(answer.content, bytes):
            wanted = b"gzip" in header(scope, b"accept-encoding")
            sent = _compressed(answer, wanted=wanted) if _is_compressible(answer) and answer.length is None else answer
            error = await self._stream(sent, visit, receive, send, head_only=head_only)
            if error is None:
                return
            shape = Shape.PAGE if _is_page(answer) else Shape.BODY
            answer = await self._crew.run(refusal, error, visit, shape)
        content = answer.content
        assert isinstance(content, bytes)
        headers = list(answer.headers)
        if len(content) >= _COMPRESSED_FROM and _is_compressible(answer):
            headers.append(("Vary", "Accept-Encoding"))
            if b"gzip" in header(scope, b"accept-encoding"):
                content = await self._squeezed(
                    answer.packed or partial(gzip.compress, content, 1, mtime=0), len(content)
                )
                headers.append(("Content-Encoding", "gzip"))
        await _respond(send, answer.status, headers, content, head_only=head_only)

    async def _squeezed(self, pack: Callable[[], bytes], size: int) -> bytes:
        """A page, compressed: one that is large by a thread, for the event loop has no time for it."""
        return pack() if size <= _COMPRESSED_AT_ONCE else await self._crew.run(pack)

    async def _stream(
        self, answer: Ready, visit: Visit, receive: Receive, send: Send, *, head_only: bool
    ) -> Refused | None:
        """Send a content piece by piece, as its reader takes them, from a thread that reads it.

        What is told instead is returned, where nothing was sent yet. Nothing more is read once the client is gone.
        """
        assert not isinstance(answer.content, bytes)
        headers = _encoded(answer.headers)
        if answer.length is not None:
            headers.append((b"content-length", str(answer.length).encode()))
        start = {"type": "http.response.start", "status": answer.status, "headers": headers}
        if head_only:
            _close(answer.content)
            await send(start)
            await send({"type": "http.response.body", "body": b""})
            return None
        started = False
        try:
            async with self._places.place(visit.caller, brief=False):
                pieces = _Pieces(answer.content)
                reading = asyncio.get_running_loop().run_in_executor(self._downloads, pieces.read)
                watching = asyncio.create_task(_watch(receive, pieces))
                try:
                    while (piece := await pieces.next()) is not None:
                        if not started:
                            await send(start)
                            started = True
                        await send({"type": "http.response.body", "body": piece, "more_body": True})
                    if not started:
                        await send(start)
                    await send({"type": "http.response.body", "body": b""})
                finally:
                    watching.cancel()
                    pieces.stop()
                    await reading
        except NoPlace:
            _close(answer.content)
            return Refused(503, "The server is busy with other requests of yours. Please try again.", headers=_BUSY)
        except TriviumError as error:
            if not started:
                return refused(error)
            # The connection ends, so that nobody takes the beginning for the whole.
            _log.warning("an answer broke off", request=visit.asked.id, path=visit.asked.raw_path, why=str(error))
            raise Disconnected from error
        return None

    async def _static(self, scope: Scope, send: Send) -> None:
        """A file of ours: for ever the same under this address."""
        files = static_files()
        _, _, rest = scope["path"].removeprefix("/_static/").partition("/")
        found = files.files.get(rest)
        if found is None or scope["method"] not in ("GET", "HEAD"):
            await _respond(send, 404, (), b"There is no such file.\n")
            return
        current = scope["path"] == f"{files.root}/{rest}"
        headers = [
            ("Content-Type", found.type),
            ("Cache-Control", "public, max-age=31536000, immutable" if current else "public, max-age=60"),
        ]
        content = found.content
        if found.compressed is not None:
            headers.append(("Vary", "Accept-Encoding"))
            if b"gzip" in header(scope, b"accept-encoding"):
                content = found.compressed
                headers.append(("Content-Encoding", "gzip"))
        await _respond(send, 200, headers, content, head_only=scope["method"] == "HEAD")


class _Pieces:
    """A content that a thread reads while the event loop sends it, never far ahead."""

    def __init__(self, content: Iterable[bytes]) -> None:
        self._content = content
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue()
        self._room = threading.Semaphore(_AHEAD)
        self._stopped = threading.Event()
        self._gone = False

    def read(self) -> None:
        """Read all of it; runs in a thread, which waits while nobody takes what was read."""
        end: BaseException | None = None
        iterator = iter(self._content)
        try:
            with waited_for(lambda: not self._stopped.is_set()):
                for piece in iterator:
                    self._room.acquire()
                    if self._stopped.is_set():
                        return
                    if piece:
                        self._loop.call_soon_threadsafe(self._ready.put_nowait, piece)
                    else:
                        self._room.release()
        except BaseException as error:  # it is raised again where it is waited for
            end = error
        finally:
            _close(iterator)
            self._loop.call_soon_threadsafe(self._ready.put_nowait, end)

    async def next(self) -> bytes | None:
        """The next piece; None at the end. Raises what went wrong."""
        found = await self._ready.get()
        if self._gone:
            return None
        if isinstance(found, BaseException):
            raise found
        self._room.release()
        return found

    def stop(self) -> None:
        """Nobody takes any more."""
        self._stopped.set()
        self._room.release()

    def leave(self) -> None:
        """The client is gone: there is no next piece, whatever has been read already."""
        self._gone = True
        self.stop()
        self._ready.put_nowait(None)


async def _watch(receive: Receive, pieces: _Pieces) -> None:
    """Stop reading once the client goes away: what is sent to nobody costs as much as anything else."""
    while (await receive())["type"] != "http.disconnect":
        await asyncio.sleep(_NOTICED)
    pieces.leave()


def _close(content: object) -> None:
    close = getattr(content, "close", None)
    if close is not None:
        close()


def _is_page(answer: Ready) -> bool:
    return any(name == "Content-Type" and value.startswith("text/html") for name, value in answer.headers)


def _is_compressible(answer: Ready) -> bool:
    kind = next((value for name, value in answer.headers if name == "Content-Type"), "")
    return kind.encode().startswith(_COMPRESSIBLE)


def _compressed(answer: Ready, *, wanted: bool) -> Ready:
    """A content that is sent piece by piece, compressed by the thread that reads it; each piece can be shown."""
    assert not isinstance(answer.content, bytes)
    headers = (*answer.headers, ("Vary", "Accept-Encoding"))
    if not wanted:
        return replace(answer, headers=headers)
    return replace(answer, headers=(*headers, ("Content-Encoding", "gzip")), content=_gzip(answer.content))


def _gzip(pieces: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(1, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    iterator = iter(pieces)
    try:
        for piece in iterator:
            yield packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH)
        yield packer.flush()
    finally:
        _close(iterator)


def _is_own(scope: Scope, origin: str) -> bool:
    """Whether a browser says that a page of ours sends this; one that says nothing is believed."""
    site = header(scope, b"sec-fetch-site")
    if site:
        return site in (b"same-origin", b"none")
    sent_by = header(scope, b"origin")
    return not sent_by or sent_by.decode("latin-1") == origin


def _encoded(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [_encoded_one(one) for one in headers]


@lru_cache(maxsize=1024)
def _encoded_one(one: tuple[str, str]) -> tuple[bytes, bytes]:
    """Most pages have the same few headers."""
    name, value = one
    if not value.isprintable():  # a line end would begin a header of somebody else's
        value = "".join(character if character.isprintable() else "?" for character in value)
    return name.lower().encode("latin-1"), value.encode("latin-1", "replace")


async def _respond(
    send: Send, status: int, headers: Iterable[tuple[str, str]], content: bytes, *, head_only: bool = False
) -> None:
    found = _encoded(headers)
    if not any(name == b"content-type" for name, _ in found) and status != 304:
        found.append((b"content-type", b"text/plain; charset=utf-8"))
    if status != 304:
        found.append((b"content-length", str(len(content)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": found})
    await send({"type": "http.response.body", "body": b"" if head_only else content})
