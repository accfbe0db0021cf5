# SPDX-License-Identifier: GPL-3.0-or-later
"""`POST /_admin/api`: the envelope (api-users.md 1), every outcome of it HTTP 200 (decisions.md A10)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import structlog

from trivium.access.caller import Caller
from trivium.access.credentials import Authenticator, CredentialsRefused, Reason
from trivium.access.keys import Role
from trivium.access.places import NoPlace
from trivium.access.rates import Rates
from trivium.api.bodies import Bodies
from trivium.api.envelope import PARSE_ERROR, Answer, answer_of, envelope, key_given, key_of, parsed, shown_id
from trivium.api.methods import registry
from trivium.api.openrpc import DISCOVER, document
from trivium.api.outgoing import LARGE, Outgoing
from trivium.api.registry import Call
from trivium.api.remembered import Remembered
from trivium.api.sending import send_answer
from trivium.api.texts import INTERNAL, Refusal, detail_of, reason_of, why
from trivium.errors import Busy, DatabaseAway, TriviumError, WouldWait
from trivium.forge.caches.makers import BeingMade
from trivium.forge.history.reading import History
from trivium.forge.site import Site
from trivium.http.addresses import ClientAddresses, neighbourhood, site_address
from trivium.http.asgi import Receive, Scope, Send, TooLarge, header, key_in_headers
from trivium.http.crew import Crew
from trivium.http.rooms import Crowded
from trivium.turns import LongWork, Pace, connection_at

_log = structlog.get_logger(__name__)

_AT_ONCE: Final = 4 << 10
"""Bytes up to which a request is read on the event loop."""

_TRY_AGAIN: Final = ((b"retry-after", b"5"),)
_SHOWN_REASON: Final = 1000

_COUNTED: Final = "trivium.counted"
"""Marks the scope of a request that has been counted for `api_rate`."""
_PARSED_ID: Final = "trivium.parsed-id"
_PARSED_KEY: Final = "trivium.parsed-key"
"""Where the scope of a long call has its id and its key until its turn comes."""
_PAUSE: Final = 0.5
"""Seconds before a client hears that its body was too large."""

_PATH: Final = "/_admin/api"
_LONGEST_PATH: Final = 64


def is_api_path(path: str) -> bool:
    """Whether a request is for the API. Extra slashes do not matter, because scripts put addresses together."""
    if path == _PATH:
        return True
    return len(path) <= _LONGEST_PATH and [part for part in path.split("/") if part] == ["_admin", "api"]


@dataclass(slots=True)
class _Asked:
    """What is known of a call so far: for the log, and for deciding who may know a reason."""

    id: Any = None
    method: str = ""
    caller: Caller | None = None


class _TooOften(Exception):
    """More calls with one key than `api_rate` allows."""

    def __init__(self, wait: int) -> None:
        super().__init__(wait)
        self.wait = wait


class ApiDoor:
    """One worker's entrance for the API."""

    def __init__(self, site: Site, authenticator: Authenticator, *, crew: Crew, slow: Executor) -> None:
        self._site = site
        self._authenticator = authenticator
        self._crew = crew
        self._slow = slow
        self._settings = site.settings
        self._addresses = ClientAddresses(site.settings.proxy_networks, site.settings.client_address_header)
        self._bodies = Bodies(
            limit=self._settings.max_api_body,
            idle=self._settings.body_idle_timeout,
            deadline=self._settings.request_timeout,
        )
        self._rates = Rates(self._settings.data / "rates") if self._settings.api_rate else None
        self._outgoing = Outgoing(self._settings.data / "cache", self._settings.max_api_answer)
        self._remembered = Remembered()
        self._history = History(site)
        self.long_work = LongWork(self._settings, slow)
        self._document: dict[str, Any] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._answer(scope, receive)
        await send_answer(send, answer, slow=self._slow, patience=self._settings.request_timeout)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        if scope["method"] != "POST":
            return Answer(envelope(None, error=f'unsupported request method "{scope["method"]}". Please use POST'))
        try:
            beginning, whole = await self._bodies.beginning(receive)
            if whole:
                return await self._answer_to(scope, beginning, receive)
            address = self._addresses.of(scope)

            async def is_known(key: str) -> bool:
                return await self._crew.run(self._caller_of, key, address) is not None

            whose, header_key = neighbourhood(address), key_in_headers(scope)
            async with self._bodies.rest(
                receive, beginning, whose=whose, header_key=header_key, is_known=is_known
            ) as body:
                return await self._answer_to(scope, body, receive)
        except TooLarge as error:
            refused = Answer(envelope(None, error=f"{PARSE_ERROR} the body is larger than {error.option}"))
        except Busy as error:
            # Nobody could be asked whose call it is.
            return Answer(envelope(scope.get(_PARSED_ID), error=str(error)), 503, _TRY_AGAIN)
        except Crowded:
            said = f"{PARSE_ERROR} too many large bodies at once; try again"
            refused = Answer(envelope(None, error=said), 503, _TRY_AGAIN)
        # Nothing is held during the pause. Without it a client could send large bodies for nothing, without end.
        await asyncio.sleep(_PAUSE)
        return refused

    async def _answer_to(self, scope: Scope, body: bytes, receive: Receive) -> Answer:
        if not body:
            length = header(scope, b"content-length")
            text = "Content-Length is 0" if length else "Empty body, No Content-Length in request"
            return Answer(envelope(None, error=text))
        at_once = len(body) <= _AT_ONCE and self._site.store.can_glance
        answer = self._serve(scope, body, Pace.AT_ONCE) if at_once else Pace.SHORT
        if answer is Pace.SHORT:
            answer = await self._crew.run(self._serve, scope, body, Pace.SHORT)
        if isinstance(answer, Pace):
            answer = await self._serve_long(scope, body, receive, answer)
        assert isinstance(answer, Answer)
        return answer

    async def _serve_long(self, scope: Scope, body: bytes, receive: Receive, pace: Pace) -> Answer | Pace:
        """Serve a call that may take long, and give up its reading when the client goes away."""
        whose = scope[_PARSED_KEY], self._addresses.of(scope)
        try:
            with self._site.store.glance():
                caller = self._caller_of(*whose)
        except WouldWait:
            caller = await self._crew.run(self._caller_of, *whose)
        if caller is None:
            return await self._crew.run(self._serve, scope, body, pace)  # the answer says why the key is refused
        try:
            return await self.long_work.run(pace, caller, receive, lambda: self._serve(scope, body, pace))
        except NoPlace:
            said = "too many long calls of this user at once; try again"
        except BeingMade:
            said = "somebody else is making the same answer, and it takes long; try again"
        return Answer(envelope(scope[_PARSED_ID], error=said), 503, _TRY_AGAIN)

    def _caller_of(self, key: str, address: str) -> Caller | None:
        """The caller that a key lets in; None when it is refused."""
        try:
            return self._authenticator.by_key(key, address, Role.API)[0]
        except CredentialsRefused:
            return None

    def _serve(self, scope: Scope, body: bytes, pace: Pace) -> Answer | Pace:
        """The answer to a request body; or the pace that it needs, when it may take longer than `pace` allows.

        Runs in a thread unless the pace is `AT_ONCE`. Nothing has happened yet when it returns a pace, or when it
        raises `BeingMade`, as a `LONG` call may.
        """
        asked = _Asked()
        try:
            request = parsed(body, self._settings.max_api_depth)
            asked.id = request.get("id")
            method = registry.find(request.get("method"))
            needed = method.pace_of(request.get("args")) if method is not None else Pace.SHORT
            if needed > pace:
                scope[_PARSED_ID], scope[_PARSED_KEY] = asked.id, key_given(request, scope)
                return needed
            with connection_at(self._site.store, pace):
                result = self._site.store.again(lambda: self._result(scope, request, asked))
                answer = answer_of(asked.id, result)
            return self._waiting(scope, answer)
        except BeingMade:
            raise
        except Crowded:
            said = "too many large answers wait to be read; try again"
            return Answer(envelope(asked.id, error=said), 503, _TRY_AGAIN)
        except WouldWait:
            return Pace.SHORT
        except _TooOften as error:
            text = "Too many calls with this key in a minute (api_rate)"
            return Answer(envelope(asked.id, error=text), 429, ((b"retry-after", str(error.wait).encode()),))
        except Refusal as refusal:
            body = self._refused(refusal, asked)
            return Answer(body, 503, _TRY_AGAIN) if isinstance(reason_of(refusal), DatabaseAway) else Answer(body)
        except Busy as error:
            # Before a method had its word.
            return Answer(envelope(asked.id, error=str(error)), 503, _TRY_AGAIN)
        except Exception:
            # The caller learns nothing of our insides. The log gets everything but secrets.
            _log.exception("an API call failed", request=shown_id(asked.id), method=asked.method)
            return Answer(envelope(asked.id, error=INTERNAL))

    def _waiting(self, scope: Scope, answer: Answer) -> Answer:
        """An answer, in a file when it is large. Raises `Crowded` when too many of those wait to be read."""
        kept = answer.kept
        if kept is None and len(answer.body) < LARGE:
            return answer
        whose = neighbourhood(self._addresses.of(scope))
        if kept is None:
            kept = self._outgoing.put(answer.body, whose)
            return answer if kept is None else Answer(b"", kept=kept)
        if not kept.named:
            self._outgoing.count(kept, whose)
        return answer

    def _refused(self, refusal: Refusal, asked: _Asked) -> bytes:
        """A refusal, with its reason for those who may know it, and for the log."""
        caller = asked.caller
        reason = refusal.detail or reason_of(refusal)
        if reason is not None and caller is not None:
            _log.info(
                "an API call was refused",
                request=shown_id(asked.id),
                method=asked.method,
                user=caller.username,
                error=refusal.text,
                why=(why(reason) if isinstance(reason, TriviumError) else str(reason))[:_SHOWN_REASON],
            )
        detail = detail_of(refusal, super_admin=caller is not None and caller.super_admin)
        return envelope(asked.id, error=refusal.text, detail=detail)

    def _result(self, scope: Scope, request: Mapping[str, Any], asked: _Asked) -> Any:
        key = key_of(request, scope)
        for name in ("id", "method", "args"):
            if name not in request:
                raise Refusal(f"Incorrect JSON data. Missing '{name}'")
        address = self._addresses.of(scope)
        try:
            if not isinstance(key, str):
                raise CredentialsRefused(Reason.UNKNOWN)
            caller, stamp = self._authenticator.by_key(key, address, Role.API)
        except CredentialsRefused as error:
            raise Refusal(_refusal(error.reason, address)) from error
        asked.caller = caller
        if self._rates is not None and not scope.get(_COUNTED):
            scope[_COUNTED] = True  # a call that is repeated in a thread counts once
            if self._rates.count(self._site.ring.digest(key)) > self._settings.api_rate:
                raise _TooOften(self._rates.seconds_left())
        name, given = request["method"], request["args"]
        if name == DISCOVER:
            self._document = self._document or document(registry)
            return self._document
        method = registry.find(name)
        if method is None:
            shown = name if isinstance(name, str) else msgspec.json.encode(name).decode()
            raise Refusal(f"No such method: {shown}")
        asked.method = method.name
        given = given if isinstance(given, dict) else {}
        base_url = site_address(self._settings.base_url, scope, self._settings.prefix)
        return method(Call(self._site, caller, stamp, self._remembered, self._history, base_url, given))


def _refusal(reason: Reason, address: str) -> str:
    match reason:
        case Reason.INACTIVE:
            return "Request from this user not allowed"
        case Reason.ADDRESS:
            return f"Request from IP:{address} not allowed"
        case Reason.ROLE:
            return "API KEY has bad role for an API call"
        case _:
            return "Invalid API KEY"
