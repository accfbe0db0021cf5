# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP connections with limits that the server library does not have: time for a head, and its size.

(security.md R-17, S-27 and section 6.) Everything else of HTTP is uvicorn's.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from trivium.settings import Settings


class _TooLarge(Exception):
    """Stops the parser."""


def limited_protocol(settings: Settings) -> type[HttpToolsProtocol]:
    """The protocol class for these settings."""

    class LimitedProtocol(HttpToolsProtocol):
        _timer: asyncio.TimerHandle | None = None
        _reading_head = True
        _head_bytes = 0
        _too_large = False

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._await_head()

        def connection_lost(self, exc: Exception | None) -> None:
            self._head_is_there()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            if self._reading_head:
                self._head_bytes += len(data)
            super().data_received(data)
            if self._reading_head and self._head_bytes > settings.max_header_bytes and not self._too_large:
                self._refuse()

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._head_bytes = 0
            if self._timer is None:
                self._await_head()

        def on_url(self, url: bytes) -> None:
            super().on_url(url)
            if len(self.url) > settings.max_header_bytes:
                self._too_large = True
                raise _TooLarge

        def on_header(self, name: bytes, value: bytes) -> None:
            super().on_header(name, value)
            self._head_bytes += len(name) + len(value) + 4
            if len(self.headers) > settings.max_headers or self._head_bytes > settings.max_header_bytes * 2:
                self._too_large = True
                raise _TooLarge

        def on_headers_complete(self) -> None:
            self._head_is_there()
            super().on_headers_complete()

        def send_400_response(self, msg: str) -> None:
            if self._too_large:
                self._refuse()
            else:
                super().send_400_response(msg)

        def _await_head(self) -> None:
            self._reading_head = True
            self._timer = self.loop.call_later(settings.header_timeout, self._too_slow)

        def _head_is_there(self) -> None:
            self._reading_head = False
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

        def _too_slow(self) -> None:
            if not self.transport.is_closing():
                self.transport.close()

        def _refuse(self) -> None:
            self._too_large = True
            text = b"The head of the request is too large (max_header_bytes, max_headers).\n"
            head = b"content-type: text/plain; charset=utf-8\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
            self.transport.write(STATUS_LINE[431] + head % len(text) + text)
            self.transport.close()

    return LimitedProtocol
