# SPDX-License-Identifier: GPL-3.0-or-later
"""`/_admin/metrics`: what programs read that watch a server, in the text format of Prometheus (system.md 2.8).

It needs no account, no session and, for most of it, no database: it has to tell of a database that is away. What one
worker answers holds for all (`procs/tallies.py`).
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from trivium import __version__
from trivium.errors import TriviumError
from trivium.forge.site import Site
from trivium.forge.upkeep.figures import Figures, figures
from trivium.http.addresses import ClientAddresses, is_allowed
from trivium.http.asgi import TEXT, Receive, Scope, Send, key_in_headers, respond
from trivium.http.crew import Crew
from trivium.procs.tallies import DOORS, STATUSES, Tallies

_ADDRESS: Final = "/_admin/metrics"
_FORMAT: Final = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")
_NOT_KEPT: Final = (b"cache-control", b"no-store")
_CHALLENGE: Final = (b"www-authenticate", b"Bearer")

Samples = Sequence[tuple[Mapping[str, str], float]]
"""Numbers, each with its labels."""


class Metrics:
    """One worker's entrance for them; there is none where neither metrics_token nor metrics_addresses is set."""

    def __init__(self, site: Site, tallies: Tallies, *, crew: Crew) -> None:
        settings = site.settings
        self._site = site
        self._tallies = tallies
        self._crew = crew
        self._token = settings.metrics_token.encode()
        self._networks = settings.metrics_addresses
        self._addresses = ClientAddresses(settings.proxy_networks, settings.client_address_header)

    def answers(self, path: str) -> bool:
        """Whether a request is for this door."""
        return path == _ADDRESS and bool(self._token or self._networks)

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            await respond(send, 405, headers=(TEXT, (b"allow", b"GET, HEAD")))
        elif self._admits(scope):
            text = await self._crew.run(self._text)
            await respond(send, 200, text if scope["method"] == "GET" else b"", (_FORMAT, _NOT_KEPT))
        elif self._token:
            await respond(send, 401, b"Send the token: Authorization: Bearer <metrics_token>\n", (TEXT, _CHALLENGE))
        else:
            await respond(send, 403, b"Your address is not among metrics_addresses.\n")

    def _admits(self, scope: Scope) -> bool:
        if self._token and hmac.compare_digest(key_in_headers(scope).encode(), self._token):
            return True
        return bool(self._networks) and is_allowed(self._addresses.of(scope), self._networks)

    def _text(self) -> bytes:
        try:
            with self._site.store.read() as db:
                known: Figures | None = figures(db, self._site)
        except TriviumError:
            known = None
        lines: list[str] = []
        for name, kind, about, samples in self._all(known):
            lines += [f"# HELP trivium_{name} {about}", f"# TYPE trivium_{name} {kind}"]
            lines += [f"trivium_{name}{_labels(labels)} {value:.10g}" for labels, value in samples]
        return "\n".join([*lines, ""]).encode()

    def _all(self, known: Figures | None) -> Iterator[tuple[str, str, str, Samples]]:
        """Name, kind, meaning and numbers of everything there is to tell."""
        sums, settings = self._tallies.sums(), self._site.settings
        yield "info", "gauge", "The version that runs.", [({"version": __version__}, 1)]
        yield (
            "requests_total",
            "counter",
            "Requests since the server started, by the door that answered and the class of the status.",
            [({"door": door, "status": status}, sums[f"{door} {status}"]) for door in DOORS for status in STATUSES],
        )
        yield (
            "work_waiting",
            "gauge",
            "Pieces of long work that wait for their turn.",
            [({"for": "reading"}, sums["waiting to read"]), ({"for": "others"}, sums["waiting for others"])],
        )
        yield "database_up", "gauge", "Whether the database could be asked just now.", [({}, known is not None)]
        if self._site.store.in_use is not None:
            yield (
                "database_connections",
                "gauge",
                "Connections to the database that are in use.",
                [({"for": "reading"}, sums["reading"]), ({"for": "writing"}, sums["writing"])],
            )
            limit = [({}, settings.database_connections)]
            yield "database_connections_limit", "gauge", "As many of them there may be, for all workers.", limit
        if settings.use_celery:
            yield (
                "queue_up",
                "gauge",
                "Whether all workers of the server reached the queue when they asked last.",
                [({}, not sums["queue away"])],
            )
            lost = [({}, sums["queue lost"])]
            yield "queue_lost_total", "counter", "How often a worker of the server found the queue gone.", lost
        if known is not None:
            yield from _of_the_database(known)


def _of_the_database(known: Figures) -> Iterator[tuple[str, str, str, Samples]]:
    yield (
        "jobs",
        "gauge",
        "Jobs that wait, run, or failed and are kept.",
        [({"state": state.value}, count) for state, count in known.jobs.items()],
    )
    waits = [({}, known.longest_wait)]
    yield "jobs_longest_wait_seconds", "gauge", "For how long the job waits that has waited longest.", waits
    kinds = [({"kind": kind}, count) for kind, count in known.repositories.items()]
    yield "repositories", "gauge", "Repositories.", kinds
    yield "repositories_damaged", "gauge", "Those whose last check found damage.", [({}, known.damaged)]
    yield "users", "gauge", "Accounts.", [({}, known.users)]
    behind = [({"subscriber": name}, count) for name, count in known.behind.items()]
    yield "events_behind", "gauge", "Events that a subscriber has not come to yet.", behind
    left = [({"subscriber": name}, count) for name, count in known.undelivered.items()]
    yield "events_undelivered", "gauge", "Events that a subscriber could not take.", left


def _labels(labels: Mapping[str, str]) -> str:
    """Labels as the format has them; values are names of ours, without quotes."""
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}" if labels else ""
