# SPDX-License-Identifier: GPL-3.0-or-later
"""What the web face has so far: a sign of life, and a word for visitors."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from trivium.http.addresses import ClientAddresses
from trivium.settings import Settings


def web_app(settings: Settings) -> Starlette:
    """The pages of one worker."""
    addresses = ClientAddresses(settings.proxy_networks, settings.client_address_header)

    async def ping(request: Request) -> PlainTextResponse:
        """`pong[<instance_id>] => <client ip>` (system.md 2.8)."""
        return PlainTextResponse(f"pong[{settings.instance_id}] => {addresses.of(request.scope)}")

    async def front(_request: Request) -> PlainTextResponse:
        return PlainTextResponse("This is a Trivium server. Its API answers at /_admin/api.\n")

    return Starlette(routes=[Route("/", front), Route("/_admin/ping", ping)])
