# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever opens connections and says nothing takes none from others."""

from __future__ import annotations

import resource
import subprocess
import sys
from dataclasses import dataclass, field
from ipaddress import ip_network

import pytest

from trivium.http.connections import Connections

DESCRIPTORS = 1024
PROXY = "10.0.0.1"


@dataclass(eq=False)
class Line:
    """A connection from somewhere."""

    held: Connections
    address: str
    is_idle: bool = True
    ended: bool = field(default=False)

    def open(self) -> bool:
        return self.held.admit(self, self.address)

    def give_up(self) -> None:
        assert self.is_idle
        self.ended = True
        self.held.forget(self, self.address)


@pytest.fixture
def held() -> Connections:
    return Connections(DESCRIPTORS, [ip_network("10.0.0.0/8")])


def opened(held: Connections, count: int, address: str, *, idle: bool = True) -> list[Line]:
    """Connections that were taken, of so many that were tried."""
    tried = [Line(held, address, idle) for _ in range(count)]
    return [line for line in tried if line.open()]


def test_silent_connections_of_one_network_take_no_place_of_others(held: Connections) -> None:
    silent = opened(held, 2000, "192.0.2.1")
    assert sum(not line.ended for line in silent) <= DESCRIPTORS // 4
    others = opened(held, 100, "192.0.2.2", idle=False)
    assert len(others) == 100
    assert not any(line.ended for line in others)


def test_the_newest_connection_of_a_network_is_served_while_an_older_one_is_idle(held: Connections) -> None:
    lines = opened(held, 500, "192.0.2.1")
    assert lines[0].ended
    assert not lines[-1].ended


def test_a_network_whose_connections_are_all_in_use_gets_no_more(held: Connections) -> None:
    lines = opened(held, 1000, "2001:db8:1:2::1", idle=False)
    assert len(lines) <= DESCRIPTORS // 4
    assert not opened(held, 1, "2001:db8:1:2::2", idle=False)
    assert opened(held, 1, "2001:db8:1:3::2", idle=False)
    lines[0].is_idle = True
    assert opened(held, 1, "2001:db8:1:2::2", idle=False)
    assert lines[0].ended


def test_many_networks_leave_descriptors_for_files_and_room_for_newcomers(held: Connections) -> None:
    lines = [line for number in range(100) for line in opened(held, 20, f"192.0.2.{number}")]
    assert sum(not line.ended for line in lines) <= DESCRIPTORS - 512
    assert opened(held, 1, "198.51.100.1", idle=False)


def test_what_comes_through_a_trusted_proxy_has_no_part_of_its_own(held: Connections) -> None:
    assert len(opened(held, 500, PROXY, idle=False)) == 500


def test_connections_that_ended_are_forgotten(held: Connections) -> None:
    for _ in range(5):
        for line in opened(held, 200, "192.0.2.1", idle=False):
            held.forget(line, line.address)
            held.forget(line, line.address)
    assert not held._held
    assert held._count == 0
    refused = Line(held, "192.0.2.9")
    held.forget(refused, refused.address)


def test_a_worker_takes_the_descriptors_that_it_may_have() -> None:
    asked = (
        "from trivium.http.connections import take_descriptors as t; import resource as r; print(t(), *r.getrlimit(7))"
    )
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))

    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, check=True, preexec_fn=few)
    taken, soft, _ = map(int, done.stdout.split())
    assert taken == soft == (65536 if hard == resource.RLIM_INFINITY else min(hard, 65536))
