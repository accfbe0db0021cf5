# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTP POST, with TLS verified and redirects refused."""

import http.client
import ssl
import urllib.error
import urllib.request
from typing import IO

from trivium_client import host
from trivium_client.errors import CallFailed

CONNECT_SECONDS = 30.0
"""How long to wait for the connection and its TLS handshake."""
REPLY_SECONDS = 3600.0
"""How long the server may be silent: pull and rescan_repos say nothing until they are done."""


class _PlainConnection(http.client.HTTPConnection):
    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(REPLY_SECONDS)


class _TlsConnection(http.client.HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(REPLY_SECONDS)


class _PlainHandler(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_PlainConnection, req)


class _TlsHandler(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_TlsConnection, req, context=ssl.create_default_context())


class _RefuseRedirects(urllib.request.HTTPRedirectHandler):
    """Following one would hand the key to any server that the first one names, or turn the POST into a GET."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> None:
        raise CallFailed(f"{req.full_url} redirects to {newurl}, which is not followed: set --apihost accordingly")


def post(apihost: str, body: bytes) -> bytes:
    """Send `body` to the API of `apihost` and return the body of its answer, whose HTTP status has to be 200.

    Raises `CallFailed` with one line that says what happened.
    """
    request = urllib.request.Request(
        host.endpoint(apihost),
        data=body,
        headers={"Content-Type": "text/plain", "Accept": "application/json", "User-Agent": "rhodecode-api"},
        method="POST",
    )
    # No proxy can reach our own loopback interface, and none shall see a key that need not leave this machine.
    proxies = [urllib.request.ProxyHandler({})] if host.is_loopback(apihost) else []
    try:
        opener = urllib.request.build_opener(*proxies, _PlainHandler, _TlsHandler, _RefuseRedirects)
        with opener.open(request, timeout=CONNECT_SECONDS) as response:
            status: int = response.status
            answer: bytes = response.read()
    except urllib.error.HTTPError as error:
        error.close()
        raise CallFailed(f"{apihost} answered HTTP {_status(error.code)}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise CallFailed(f"Could not call {apihost}: {_reason(error)}") from None
    if status != http.client.OK:
        raise CallFailed(f"{apihost} answered HTTP {_status(status)}")
    return answer


def _status(code: int) -> str:
    return f"{code} {http.client.responses.get(code, '')}".rstrip()


def _reason(error: Exception) -> str:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return "timed out"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"the TLS certificate is not trusted: {cause.verify_message}"
    if isinstance(cause, http.client.IncompleteRead):
        return "the reply ended too early"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return str(cause) or type(cause).__name__
