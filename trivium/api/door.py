# SPDX-License-Identifier: GPL-3.0-or-later
"""`POST /_admin/api`: the envelope (api-users.md 1), every outcome of it HTTP 200 (decisions.md A10)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

import msgspec
import structlog

from trivium.access.addresses import ClientAddresses
from trivium.access.credentials import Authenticator, CredentialsRefused, Reason
from trivium.access.keys import Role
from trivium.api.methods import registry
from trivium.api.openrpc import DISCOVER, document
from trivium.api.registry import Call, Pace
from trivium.api.remembered import Remembered
from trivium.api.texts import INTERNAL, Refusal
from trivium.asgi import Disconnected, Receive, Scope, Send, TooLarge, header, read_body, respond
from trivium.crew import Crew
from trivium.errors import WouldWait
from trivium.forge.history import History
from trivium.forge.site import Site

_log = structlog.get_logger(__name__)

PATHS: Final = frozenset({"/_admin/api", "/_admin/api/"})

_AT_ONCE: Final = 4 << 10
"""Bytes up to which a request is read on the event loop."""

_HEADERS: Final = ((b"content-type", b"application/json; charset=utf-8"), (b"cache-control", b"no-store"))
_PARSE_ERROR: Final = "JSON parse error ERR:"
_MISSING_KEY: Final = "Incorrect JSON data. Missing 'api_key or auth_token'"

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")


class ApiDoor:
    """One worker's entrance for the API."""

    def __init__(self, site: Site, authenticator: Authenticator, *, crew: Crew, slow: Executor) -> None:
        self._site = site
        self._authenticator = authenticator
        self._crew = crew
        self._slow = slow
        self._settings = site.settings
        self._addresses = ClientAddresses(site.settings.proxy_networks, site.settings.client_address_header)
        self._remembered = Remembered()
        self._history = History(site)
        self._document: dict[str, Any] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await self._answer(scope, receive)
        except TimeoutError as error:
            raise Disconnected from error
        await respond(send, 200, answer, _HEADERS)

    async def _answer(self, scope: Scope, receive: Receive) -> bytes:
        if scope["method"] != "POST":
            return _envelope(None, error=f'unsupported request method "{scope["method"]}". Please use POST')
        try:
            body = await read_body(
                receive,
                limit=self._settings.max_api_body,
                option="max_api_body",
                idle_timeout=self._settings.body_idle_timeout,
            )
        except TooLarge as error:
            return _envelope(None, error=f"{_PARSE_ERROR} the body is larger than {error.option}")
        if not body:
            length = header(scope, b"content-length")
            text = "Content-Length is 0" if length else "Empty body, No Content-Length in request"
            return _envelope(None, error=text)
        answer = self._serve(scope, body, Pace.AT_ONCE) if len(body) <= _AT_ONCE else Pace.SHORT
        if answer is Pace.SHORT:
            answer = await self._crew.run(self._serve, scope, body, Pace.SHORT)
        if answer is Pace.LONG:
            loop = asyncio.get_running_loop()
            answer = await loop.run_in_executor(self._slow, self._serve, scope, body, Pace.LONG)
        assert isinstance(answer, bytes)
        return answer

    def _serve(self, scope: Scope, body: bytes, pace: Pace) -> bytes | Pace:
        """The answer to a request body; or the pace that it needs, when that may take longer than `pace` allows.

        Runs in a thread unless the pace is `AT_ONCE`. Nothing has happened yet when it is to be asked again.
        """
        request_id: Any = None
        try:
            request = _parsed(body, self._settings.max_api_depth)
            request_id = request.get("id")
            method = registry.find(request.get("method"))
            needed = method.pace if method is not None else Pace.SHORT
            if needed > pace:
                return needed
            with self._connection(pace):
                return _envelope(request_id, result=self._result(scope, request))
        except WouldWait:
            return Pace.SHORT
        except Refusal as refusal:
            return _envelope(request_id, error=refusal.text)
        except Exception:
            # Whatever went wrong, the caller learns nothing of our insides, and the log everything but secrets.
            _log.exception("an API call failed")
            return _envelope(request_id, error=INTERNAL)

    def _connection(self, pace: Pace) -> AbstractContextManager[object]:
        """One connection for all that a short call looks up; a long one keeps none while bytes move."""
        match pace:
            case Pace.AT_ONCE:
                return self._site.store.glance()
            case Pace.SHORT:
                return self._site.store.read()
            case Pace.LONG:
                return nullcontext()

    def _result(self, scope: Scope, request: Mapping[str, Any]) -> Any:
        key = _key_of(request, scope)
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
        name, given = request["method"], request["args"]
        if name == DISCOVER:
            self._document = self._document or document(registry)
            return self._document
        method = registry.find(name)
        if method is None:
            shown = name if isinstance(name, str) else msgspec.json.encode(name).decode()
            raise Refusal(f"No such method: {shown}")
        given = given if isinstance(given, dict) else {}
        base_url = self._base_url(scope)
        return method(Call(self._site, caller, stamp, self._remembered, self._history, base_url, given))

    def _base_url(self, scope: Scope) -> str:
        """The configured address of the server, or the one under which this request reached it."""
        if self._settings.base_url:
            return self._settings.base_url.rstrip("/")
        host = header(scope, b"host").decode("latin-1")
        return f"{scope.get('scheme', 'http')}://{host if _is_host(host) else 'localhost'}"


def _is_host(host: str) -> bool:
    return bool(host) and all(character.isalnum() or character in ".-:[]" for character in host) and host.isascii()


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


def _parsed(body: bytes, max_depth: int) -> dict[str, Any]:
    """The JSON object of a request; raises `Refusal` with the parser's words and position, never with the body."""
    if _depth(body) > max_depth:
        raise Refusal(f"{_PARSE_ERROR} the value is nested too deeply (max_api_depth)")
    try:
        request = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(f"{_PARSE_ERROR}{_reason(error)}") from error
    if not isinstance(request, dict):
        raise Refusal(f"{_PARSE_ERROR}the request is not a JSON object")
    return request


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"invalid UTF-8 (byte {error.start})"
    return str(error)


def _depth(body: bytes) -> int:
    """How deep a JSON text nests; an upper bound where brackets are few, which costs nothing."""
    opened = body.count(b"[") + body.count(b"{")
    if opened <= 32:
        return opened
    deepest = depth = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", body)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _key_of(request: Mapping[str, Any], scope: Scope) -> Any:
    """The key of the body, or of a header where the body has none (decisions.md A9)."""
    present = [request[name] for name in ("api_key", "auth_token") if name in request]
    given = [key for key in present if key is not None and key != ""]
    key = given[0] if given else "" if present else _key_of_headers(scope)
    if key == "":
        raise Refusal(_MISSING_KEY)
    return key


def _key_of_headers(scope: Scope) -> str:
    token = header(scope, b"x-rc-auth-token")
    if token:
        return token.decode("latin-1")
    scheme, _, value = header(scope, b"authorization").partition(b" ")
    return value.strip().decode("latin-1") if scheme.lower() == b"bearer" else ""


def _envelope(request_id: Any, *, result: Any = None, error: str | None = None) -> bytes:
    return msgspec.json.encode({"id": request_id, "result": result, "error": error})
