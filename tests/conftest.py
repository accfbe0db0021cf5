# SPDX-License-Identifier: GPL-3.0-or-later
"""Real servers and real clients for the tests: everything runs in throw-away directories on free ports."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from types import ModuleType

import hypothesis
import pytest

from tests.support import passwords, postgresql, scratch, tracing
from tests.support.clients import Api, Git
from tests.support.hg_client import Hg
from tests.support.servers import Server

# A server is several processes that import everything: it is compiled once, whatever the surroundings say, not by each.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
scratch.choose()
Server.is_copied = True
passwords.cost_little()

# The same examples each time, however slow the machine: a failure must not depend on luck.
hypothesis.settings.register_profile(
    "trivium",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],  # a second of the clock for the first examples
)
hypothesis.settings.load_profile("trivium")


_OUTSIDE = ("scenarios", "browser", "fuzz")
"""Rooms of tests that look at servers from outside."""


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """All processes load the same: what runs meanwhile is measured in the first of them."""
    if getattr(session.config, "workerinput", {}).get("workerid", "gw0") != "gw0":
        tracing.put_aside()
    try:
        return (yield)
    finally:
        tracing.take_up()


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Measure coverage in what tests do, not in what pytest does: that is most of the time between short tests."""
    tracing.put_aside()
    try:
        return (yield)
    finally:
        tracing.take_up()


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(request: pytest.FixtureRequest) -> Generator[None, object, object]:
    with _measured(request.node if isinstance(request.node, pytest.Item) else request._pyfuncitem):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    with _measured(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Of a property only the first examples are measured, and not how they are found."""
    handle = getattr(pyfuncitem.obj, "hypothesis", None)
    if handle is None:
        with _measured(pyfuncitem):
            return (yield)
    inner = handle.inner_test
    if _is_measured(pyfuncitem):
        handle.inner_test = tracing.traced_at_first(inner)
    try:
        return (yield)
    finally:
        handle.inner_test = inner


def _measured(item: pytest.Item) -> contextlib.AbstractContextManager[None]:
    return tracing.traced() if _is_measured(item) else contextlib.nullcontext()


def _is_measured(item: pytest.Item) -> bool:
    return _runs_the_program(item.module)  # type: ignore[attr-defined]


@functools.cache
def _runs_the_program(module: ModuleType) -> bool:
    """Coverage is measured where the program may run in this process.

    From outside it runs in others, and in commands (`Server.trivium`), unless the file of the test calls it as well.
    """
    assert module.__file__
    room = Path(module.__file__).relative_to(Path(__file__).parent).parts[0]
    return room not in _OUTSIDE or any(_is_ours(value) for value in vars(module).values())


def _is_ours(value: object) -> bool:
    place = getattr(value, "__name__" if isinstance(value, ModuleType) else "__module__", "")
    return isinstance(place, str) and place.partition(".")[0] == "trivium"


_DATABASES = frozenset(["empty_database", "prepared_database", "prepared"])
"""The fixtures at the bottom of all that have such databases."""
_MAKERS = frozenset(["postgresql", "Server"])
"""What a file imports that makes them."""
_SQLITE_ONLY = pytest.mark.skip(reason="about SQLite's own ways")
_cluster = pytest.StashKey[postgresql.Cluster]()


def pytest_configure(config: pytest.Config) -> None:
    """With `DB=postgresql` each process that runs tests has a server of PostgreSQL.

    One for all would not do: what is delivered of events waits for every transaction of a server, in any database.
    """
    runs_tests = hasattr(config, "workerinput") or not config.getoption("numprocesses", None)
    if not runs_tests:
        tracing.never()  # who hands tests out does nothing that is measured
    elif postgresql.wanted():
        config.stash[_cluster] = postgresql.start_for_all()


def pytest_unconfigure(config: pytest.Config) -> None:
    if (cluster := config.stash.get(_cluster, None)) is not None:
        cluster.remove()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On another database run what asks one: everything else is the same there."""
    if not postgresql.wanted():
        return
    same = [item for item in items if not _asks_a_database(item)]
    config.hook.pytest_deselected(items=same)
    items[:] = [item for item in items if _asks_a_database(item)]
    for item in items:
        if item.get_closest_marker("sqlite_only") is not None:
            item.add_marker(_SQLITE_ONLY)


def _asks_a_database(item: pytest.Item) -> bool:
    """Whether a test has one that may be on PostgreSQL: by its fixtures, or because its file makes one by itself."""
    makes = not _MAKERS.isdisjoint(vars(item.module))  # type: ignore[attr-defined]
    return makes or not _DATABASES.isdisjoint(getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Server:
    """What is set up once and copied for each server; it never runs."""
    made = Server(tmp_path_factory.mktemp("prepared") / "data")
    made.set_up()
    return made


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, prepared: Server) -> Iterator[Server]:
    """A server that the tests of one process share; they keep out of each other's way by names of their own."""
    running = prepared.copied(tmp_path_factory.mktemp("trivium") / "data")
    running.start()
    yield running
    running.remove()


@pytest.fixture
def own_server(tmp_path: Path, prepared: Server) -> Iterator[Server]:
    """A server of this test alone, set up but not started: for tests that configure or end it."""
    alone = prepared.copied(tmp_path / "data")
    yield alone
    alone.remove()


@pytest.fixture(scope="session")
def root(server: Server) -> Api:
    """The API as the first super-admin."""
    return server.api(server.admin_key)


@pytest.fixture
def git(tmp_path: Path) -> Git:
    """The git client, with a home of its own."""
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    return Git(home)


@pytest.fixture
def hg(tmp_path: Path) -> Hg:
    """The hg client, with a home of its own."""
    home = tmp_path / "hg-home"
    home.mkdir(exist_ok=True)
    return Hg(home)


@pytest.fixture(autouse=True, scope="session")
def needed_programs() -> None:
    """Under CI a missing program is a failure, not a skip."""
    missing = [program for program in ("git", "curl") if shutil.which(program) is None]
    if missing and os.environ.get("CI"):
        pytest.fail(f"missing: {missing}")
