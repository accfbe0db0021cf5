# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports and forks that a worker carries out (system.md 4, decisions.md A22): a real queue and a real worker."""

from __future__ import annotations

import base64
import contextlib
import itertools
import os
import signal
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import postgresql
from tests.support.browser import Browser
from tests.support.clients import Api, Git, Person
from tests.support.held import held_program, held_repository
from tests.support.metrics import WATCHED, metrics
from tests.support.processes import are_gone, kill_all
from tests.support.queues import Redis, Worker, broker, ended, wait_for_state
from tests.support.servers import Server
from tests.support.waiting import until, until_counted
from trivium.access.levels import Level
from trivium.assembly import open_site
from trivium.cli.workers import NAME_OF_JOBS
from trivium.forge.accounts import users as accounts
from trivium.forge.jobs.job import moment
from trivium.forge.pushes.queued_pulls import submit_pull
from trivium.forge.repositories import finding as repositories
from trivium.forge.repositories import queued
from trivium.forge.repositories.requests import ForkRequest
from trivium.settings import Settings

SECRET = "s3cr3t-of-the-import"
OFTEN = {"TRIVIUM_HOUSEKEEPING_INTERVAL": "1"}
"""A process with this looks at what waits once in a second."""


class Yard:
    """A server, a queue and workers that belong together."""

    def __init__(self, server: Server, redis: Redis) -> None:
        self.server = server
        self.redis = redis
        self.environment = {"TRIVIUM_USE_CELERY": "true", "TRIVIUM_BROKER_URL": redis.url}
        self.workers: list[Worker] = []

    def work(self, *options: str, **environment: str) -> Worker:
        """A worker, alone: one that a test left would take the jobs of the next."""
        self.close()
        worker = Worker(self.server, self.environment | environment, "--concurrency", "1", *options)
        self.workers.append(worker)
        return worker

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()
        self.workers.clear()


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory, prepared: Server) -> Iterator[Yard]:
    """A server with a queue and without a worker, which the tests of this file share."""
    directory = tmp_path_factory.mktemp("jobs")
    with broker(directory) as redis:
        server = prepared.copied(directory / "data")
        made = Yard(server, redis)
        server.start(**made.environment)
        api = server.api(server.admin_key)
        api("create_repo", repo_name="source", repo_type="git")
        # Git is not started for a copy of what never had a ref: here it is, to be held.
        (server.root / "source" / "packed-refs").touch()
        yield made
        made.close()
        server.stop()


@pytest.fixture
def api(yard: Yard) -> Iterator[Api]:
    yield yard.server.api(yard.server.admin_key)
    yard.close()  # no worker takes the jobs of the next test


@pytest.fixture
def worker(yard: Yard) -> Iterator[Worker]:
    running = yard.work()
    yield running
    running.kill()


def _person(api: Api, server: Server, name: str) -> Api:
    made = api("create_user", username=name, email=f"{name}@example.org", password="password-1")
    server.permit(name, "hg.create.repository")
    server.permit(name, "hg.fork.repository")
    return server.api(made["user"]["api_key"])


def test_a_fork_is_made_by_the_worker(yard: Yard, api: Api, worker: Worker, git: Git, tmp_path: Path) -> None:
    answer = api("fork_repo", repoid="source", fork_name="deep/down/fork")
    assert answer["success"] is True
    assert answer["msg"] == "Created fork of `source` as `deep/down/fork`"
    assert str(uuid.UUID(answer["task"])) == answer["task"]
    assert ended(yard.server, answer["task"]) == ("done", None)
    made = api("get_repo", repoid="deep/down/fork")
    task = api("get_task", task_id=answer["task"])
    assert (task["state"], task["repo_id"], task["user"]) == ("done", made["repo_id"], "root")
    assert made["fork_of"] == "source"


def test_what_is_created_empty_is_there_at_once(api: Api) -> None:
    assert api("create_repo", repo_name="at-once", repo_type="git")["task"] is None
    assert api("get_repo", repoid="at-once")["repo_name"] == "at-once"


def test_an_import_keeps_its_password_to_itself(yard: Yard, api: Api, tmp_path: Path) -> None:
    server = yard.server
    address = f"{server.url}/source".replace("://", f"://root:{SECRET}@")
    answer = api("create_repo", repo_name="imported", repo_type="git", clone_uri=address)
    rows = repr(server.query("SELECT * FROM jobs WHERE id = ?", answer["task"]))
    held = yard.redis.content()
    assert SECRET not in rows
    assert answer["task"].encode() in held
    assert SECRET.encode() not in held
    worker = yard.work()
    # Its own server is fetched from as who asked, whatever the address says (decisions.md W10).
    assert ended(server, answer["task"]) == ("done", None)
    assert server.query("SELECT secret FROM jobs WHERE id = ?", answer["task"]) == [(None,)]
    assert api("get_repo", repoid="imported")["clone_uri"].endswith(
        "root:*****@" + server.url.partition("//")[2] + "/source"
    )
    worker.kill()
    assert SECRET not in worker.log.read_text() + server.log.read_text()


def test_what_is_being_created_is_known_to_those_whom_it_concerns(yard: Yard, api: Api) -> None:
    server = yard.server
    ann, bob = _person(api, server, "ann"), _person(api, server, "bob")
    api("update_repo", repoid="source", private=False)
    task = ann("fork_repo", repoid="source", fork_name="anns")["task"]
    assert task is not None
    for caller in (ann, api):
        answer = caller.envelope("get_repo", repoid="anns")
        assert answer["error"] == "repository `anns` does not exist"
        assert answer["error_detail"] == f"it is being created, by the task {task}"
        assert caller("get_task", task_id=task)["state"] == "queued"
    hidden, missing = (bob.envelope("get_repo", repoid=name) for name in ("anns", "nowhere"))
    assert "error_detail" not in hidden and "error_detail" not in missing
    assert hidden["error"].replace("anns", "nowhere") == missing["error"]
    assert bob.error("get_task", task_id=task) == f"task `{task}` does not exist"
    other = str(uuid.uuid4())
    assert bob.error("get_task", task_id=other) == f"task `{other}` does not exist"
    # The name is taken.
    assert bob.error("create_repo", repo_name="ANNS", repo_type="hg") == "repo `ANNS` already exist"
    assert bob.error("fork_repo", repoid="source", fork_name="anns") == "repo `anns` already exist"
    api("create_repo", repo_name="to-rename", repo_type="git")
    api.error("update_repo", repoid="to-rename", name="anns")
    api.error("create_repo_group", group_name="anns")
    assert server.administer("jobs", "cancel", task) == "Cancelled.\n"
    assert "error_detail" not in ann.envelope("get_repo", repoid="anns")
    assert api("create_repo", repo_name="anns", repo_type="git")["task"] is None


def test_of_two_creations_of_one_name_one_wins(yard: Yard, api: Api) -> None:
    answers: list[dict[str, object]] = []
    barrier = threading.Barrier(6)

    def ask() -> None:
        barrier.wait()
        answers.append(api.envelope("fork_repo", repoid="source", fork_name="wanted-by-many"))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [answer["result"] for answer in answers if answer["error"] is None]
    assert len(won) == 1
    assert {answer["error"] for answer in answers} == {None, "repo `wanted-by-many` already exist"}
    worker = yard.work()
    task = won[0]["task"]  # type: ignore[index]
    assert ended(yard.server, task) == ("done", None)
    worker.kill()


def test_a_worker_killed_in_the_middle_leaves_nothing_and_another_goes_on(yard: Yard, api: Api, tmp_path: Path) -> None:
    program, begun, go = held_program("git", tmp_path)
    first = yard.work(TRIVIUM_GIT_PATH=str(program))
    task = api("fork_repo", repoid="source", fork_name="survivor")["task"]
    until(begun.exists)
    wait_for_state(yard.server, task, "running")
    first.kill()
    second = yard.work(**OFTEN)
    go.touch()
    assert ended(yard.server, task) == ("done", None)
    assert yard.server.query("SELECT attempts FROM jobs WHERE id = ?", task) == [(2,)]
    assert len(yard.server.journal("repository.create", "survivor")) == 1
    until(lambda: list((yard.server.root / ".staging").iterdir()) == [])
    second.kill()


def test_processes_of_a_worker_end_with_it(yard: Yard, api: Api, tmp_path: Path) -> None:
    program, begun, go = held_program("git", tmp_path)
    worker = yard.work(TRIVIUM_GIT_PATH=str(program))
    task = api("fork_repo", repoid="source", fork_name="orphan")["task"]
    until(begun.exists)
    children = worker.kill_master()
    until(lambda: are_gone(children))
    go.touch()
    with contextlib.suppress(ProcessLookupError):
        kill_all(children)
    another = yard.work(**OFTEN)
    assert ended(yard.server, task) == ("done", None)
    another.kill()


def test_what_runs_is_cancelled_and_leaves_nothing(yard: Yard, api: Api, tmp_path: Path) -> None:
    server = yard.server
    git, git_begun, git_goes = held_program("git", tmp_path)
    svnadmin, svn_begun, svn_goes = held_program("svnadmin", tmp_path)
    for kind in ("hg", "svn"):
        api("create_repo", repo_name=f"{kind}-source", repo_type=kind)
    worker = yard.work(TRIVIUM_GIT_PATH=str(git), TRIVIUM_SVNADMIN_PATH=str(svnadmin))
    with held_repository(server.root / "hg-source"):
        for kind, begun in (("git", git_begun.exists), ("svn", svn_begun.exists), ("hg", None)):
            source = "source" if kind == "git" else f"{kind}-source"
            task = api("fork_repo", repoid=source, fork_name=f"unwanted-{kind}")["task"]
            wait_for_state(server, task, "running")
            if begun is not None:
                until(begun)
            assert "Asked to end" in server.administer("jobs", "cancel", task)
            asked = api("get_task", task_id=task)
            # It looks twice a second whether it shall end: it may have done so by now.
            assert asked["cancelling"] is True or asked["state"] == "cancelled"
            # Nothing goes on by itself: it is ended in the middle.
            assert ended(server, task) == ("cancelled", None)
            assert api.error("get_repo", repoid=f"unwanted-{kind}") == f"repository `unwanted-{kind}` does not exist"
    until(lambda: list((server.root / ".staging").iterdir()) == [])
    for go in (git_goes, svn_goes):
        go.touch()
    assert server.administer("jobs", "retry", task) == "It begins again.\n"
    assert ended(server, task) == ("done", None)
    worker.kill()


def _settings(server: Server) -> Settings:
    """Those of a process of our own beside the server."""
    database = "" if server.database is None else postgresql.address_of(server.database)
    return Settings(data=server.data, database_url=database)


def _pull(yard: Yard, name: str) -> str:
    """Have a repository pulled, as a page does; returns the id of the job."""
    server = yard.server
    settings = replace(_settings(server), use_celery=True, broker_url=yard.redis.url, min_free_bytes=0)
    site = open_site(settings)
    try:
        host, _, port = server.url.partition("//")[2].partition(":")
        with site.store.read() as db:
            caller = accounts.find(db, "root").as_caller("127.0.0.1")
            repository = repositories.find(db, caller, name, Level.ADMIN)
        task = submit_pull(replace(site, listening=(host, int(port))), caller, repository)
    finally:
        site.close()
    assert task is not None
    return task


def test_a_repository_is_pulled_by_a_job(yard: Yard, api: Api, git: Git, tmp_path: Path) -> None:
    server, work = yard.server, tmp_path / "work"

    def push(message: str) -> None:
        git.commit(work, message)
        git.run("push", "--quiet", "origin", "HEAD", cwd=work)

    def last() -> str:
        return str(api("get_repo", repoid="mirror")["last_changeset"]["message"]).strip()

    api("create_repo", repo_name="upstream", repo_type="git")
    git.run("clone", "--quiet", server.clone_url("upstream", server.administrator), str(work))
    push("first")
    program, begun, go = held_program("git", tmp_path)
    worker = yard.work(TRIVIUM_GIT_PATH=str(program))
    go.touch()
    task = api("create_repo", repo_name="mirror", repo_type="git", clone_uri=f"{server.url}/upstream")["task"]
    assert ended(server, task) == ("done", None)
    push("second")
    for file in (begun, go):
        file.unlink()
    unwanted = _pull(yard, "mirror")
    until(begun.exists)
    server.administer("jobs", "cancel", unwanted)
    assert ended(server, unwanted) == ("cancelled", None)
    assert last() == "first"
    go.touch()
    task = _pull(yard, "mirror")
    assert ended(server, task) == ("done", None)
    assert last() == "second"
    assert "1 moved" in server.administer("jobs", "show", task)
    assert len(server.journal("remote.pull", "mirror")) == 1
    assert server.journal("remote.pull_failed", "mirror") == []
    assert server.under_way() == []
    api("delete_repo", repoid="upstream")
    task = _pull(yard, "mirror")
    reason = "the remote server knows no repository at this address"
    assert ended(server, task) == ("failed", reason)
    assert len(server.journal("remote.pull_failed", "mirror")) == 1
    worker.kill()


def test_a_worker_told_to_end_leaves_what_it_does_to_another(yard: Yard, api: Api, tmp_path: Path) -> None:
    program, begun, go = held_program("git", tmp_path)
    worker = yard.work(TRIVIUM_GIT_PATH=str(program))
    task = api("fork_repo", repoid="source", fork_name="handed-on")["task"]
    until(begun.exists)
    # It does not wait for the end of the copy.
    assert worker.stop() == 0
    assert not go.exists()
    # The pause until it begins again is for whoever is still at work there.
    yard.server.execute("UPDATE jobs SET due_on = ? WHERE id = ? AND state = 'queued'", moment(-1), task)
    another = yard.work(**OFTEN)
    assert ended(yard.server, task) == ("done", None)
    another.kill()


def test_the_worker_acts_as_who_asked_with_the_rights_that_they_have_then(yard: Yard, api: Api) -> None:
    server = yard.server
    eve = _person(api, server, "eve")
    api("grant_user_permission", repoid="source", userid="eve", perm="repository.read")
    gone = eve("fork_repo", repoid="source", fork_name="eves")["task"]
    assert gone is not None
    api("update_user", userid="eve", active=False)
    worker = yard.work()
    state, reason = ended(server, gone)
    assert (state, reason) == ("failed", "the account that asked for it is not active any more")
    assert api("get_task", task_id=gone)["reason"] == reason
    assert api.error("get_repo", repoid="eves") == "repository `eves` does not exist"
    worker.kill()


def test_a_message_that_was_lost_is_sent_again(yard: Yard, api: Api) -> None:
    task = api("fork_repo", repoid="source", fork_name="lost-and-found")["task"]
    # The server holds its connections: if it found the broker away, it would do the next jobs itself for a while.
    yard.redis.forget()
    assert task.encode() not in yard.redis.content()
    # It has been sent for long enough: nobody need wait until that is so.
    yard.server.execute("UPDATE jobs SET sent_on = ? WHERE id = ?", moment(-60), task)
    worker = yard.work(**OFTEN)
    assert ended(yard.server, task) == ("done", None)
    worker.kill()


def test_what_the_queue_does_not_bring_is_done_all_the_same(yard: Yard, api: Api) -> None:
    """Celery may hear nothing more once its broker was away."""
    worker = yard.work(**OFTEN)
    worker.hold_master()
    tasks = [api("fork_repo", repoid="source", fork_name=f"unheard-{number}")["task"] for number in range(3)]
    # They were sent long ago: nobody need wait until that is so.
    yard.server.execute("UPDATE jobs SET sent_on = ? WHERE state = 'queued'", moment(-60))
    assert [ended(yard.server, task) for task in tasks] == [("done", None)] * 3
    worker.hold_master(held=False)
    # It hears of them now, and nothing is done twice.
    later = api("fork_repo", repoid="source", fork_name="heard")["task"]
    assert ended(yard.server, later) == ("done", None)
    assert yard.server.query("SELECT DISTINCT attempts FROM jobs WHERE subject LIKE ?", "unheard-%") == [(1,)]
    worker.kill()


def test_the_worker_makes_pages_ahead_of_their_visitors(yard: Yard, api: Api, git: Git, tmp_path: Path) -> None:
    server, work = yard.server, tmp_path / "work"
    made = api("create_repo", repo_name="looked-at", repo_type="git")
    assert made["success"]
    git.run("clone", "--quiet", server.clone_url("looked-at", server.administrator), str(work))
    git.commit(work, "first")
    git.run("push", "--quiet", "origin", "HEAD", cwd=work)
    number = api("get_repo", repoid="looked-at")["repo_id"]
    ours = "kind = 'look_after_repository' AND repository_id = ?"
    until(lambda: server.query(f"SELECT id FROM jobs WHERE {ours}", number) != [])
    server.execute(f"UPDATE jobs SET due_on = ? WHERE {ours}", moment(-1), number)
    yard.work(**OFTEN)
    kept = server.data / "cache" / str(number)
    until(lambda: any(b'<section class="change"' in one.read_bytes() for one in kept.glob("answer-*")))


def test_without_a_broker_the_request_does_the_work(own_server: Server, git: Git, tmp_path: Path) -> None:
    with broker(tmp_path) as redis:
        environment = {"TRIVIUM_USE_CELERY": "true", "TRIVIUM_BROKER_URL": redis.url}
        own_server.start("--workers", "1", **environment, **WATCHED, **OFTEN)
        api = own_server.api(own_server.admin_key)
        api("create_repo", repo_name="source", repo_type="git")
        queued = api("fork_repo", repoid="source", fork_name="queued")["task"]
        assert queued is not None
        assert (metrics(own_server)["queue_up"], metrics(own_server)["queue_lost_total"]) == (1, 0)
        redis.pause()
        assert api("fork_repo", repoid="source", fork_name="frozen")["task"] is None
        assert api("get_repo", repoid="frozen")["fork_of"] == "source"
        # What waits in a queue that cannot be reached is done here.
        assert ended(own_server, queued) == ("done", None)
        work, browser = git.new_work(), Browser(own_server.url)
        browser.sign_in(own_server.administrator)

        def push(message: str) -> None:
            git.commit(work, message)
            git.run("push", "--quiet", own_server.clone_url("source", own_server.administrator), "master", cwd=work)
            assert api("get_repo", repoid="source")["last_changeset"]["message"].strip() == message
            assert message in browser.get("/source/changelog").page.text

        # Whoever reads or pushes does not notice.
        push("while it is frozen")
        redis.go_on()
        redis.kill()
        push("while it is dead")
        assert api("fork_repo", repoid="source", fork_name="dead")["task"] is None
        assert api("get_repo", repoid="dead")["fork_of"] == "source"
        assert own_server.query("SELECT count(*) FROM jobs WHERE subject IN ('frozen', 'dead')") == [(0,)]
        assert "the broker cannot be reached" in own_server.log.read_text()
        assert metrics(own_server)["queue_up"] == 0
        lost = metrics(own_server)["queue_lost_total"]
        assert lost >= 1
        redis.start()
        numbers = itertools.count()
        until(lambda: api("fork_repo", repoid="source", fork_name=f"again-{next(numbers)}")["task"] is not None)
        assert metrics(own_server)["queue_up"] == 1
        # Also when nobody needs it: a look tells.
        redis.kill()
        until(lambda: metrics(own_server)["queue_lost_total"] > lost)


def _process_for_jobs(server: Server) -> list[int]:
    found = []
    for pid in server.children():
        with contextlib.suppress(OSError):  # it has ended
            if Path(f"/proc/{pid}/comm").read_text().strip() == NAME_OF_JOBS:
                found.append(pid)
    return found


def test_a_crowd_of_jobs_has_a_process_of_its_own_which_may_die(own_server: Server) -> None:
    own_server.start("--workers", "1", **OFTEN)
    api = own_server.api(own_server.admin_key)
    api("create_repo", repo_name="source", repo_type="git")
    names = [f"fork{number}" for number in range(100)]
    own_server.stop()  # else it might do them one by one, as fast as they are asked for: no crowd
    with contextlib.closing(open_site(_settings(own_server))) as site:
        with site.store.read() as db:
            root = accounts.find(db, own_server.admin).as_caller("127.0.0.1")
            source = repositories.find(db, root, "source", Level.READ)
        for name in names:
            queued.fork(site, root, source, ForkRequest(name=name), waits=False)
    own_server.start("--workers", "1", **OFTEN)
    api = own_server.api(own_server.admin_key)
    until(lambda: _process_for_jobs(own_server))
    for pid in _process_for_jobs(own_server):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    done = "SELECT count(*) FROM jobs WHERE state = 'done'"
    until_counted(lambda: int(own_server.query(done)[0][0]), len(names))
    assert {one["repo_name"] for one in api("get_repos")} == {"source", *names}
    until(lambda: not _process_for_jobs(own_server))


def test_the_programs_say_what_they_lack(yard: Yard) -> None:
    server = yard.server
    refused = server.trivium("worker", "--data", str(server.data), check=False)
    assert refused.returncode == 2
    assert b"use_celery is not set" in refused.stderr
    refused = server.trivium("worker", "--data", str(server.data), check=False, TRIVIUM_USE_CELERY="1")
    assert refused.returncode == 2
    assert b"no queue is named" in refused.stderr


def test_jobs_are_listed(yard: Yard, api: Api) -> None:
    task = api("fork_repo", repoid="source", fork_name="to-list")["task"]
    listed = yard.server.administer("jobs", "list", "--state", "queued")
    assert any(line.startswith(f"{task}  queued") and "to-list" in line for line in listed.splitlines())
    shown = yard.server.administer("jobs", "show", task)
    assert "kind:" in shown and "fork_repository" in shown and "root from 127.0.0.1" in shown
    yard.server.administer("jobs", "cancel", task)
    assert yard.server.trivium("jobs", "show", "--data", str(yard.server.data), "nothing", check=False).returncode == 1


def test_pages_and_clients_are_told_to_wait(yard: Yard, api: Api, git: Git, tmp_path: Path) -> None:
    server = yard.server
    cyd = _person(api, server, "cyd")
    api("grant_user_permission", repoid="source", userid="cyd", perm="repository.read")
    task = cyd("fork_repo", repoid="source", fork_name="cyds/own")["task"]
    cyds, other = Browser(server.url), Browser(server.url)
    cyds.sign_in(Person(0, "cyd", "password-1", cyd.key, cyd))
    other.sign_in(server.administrator)
    waiting = f"/cyds/own/repo_creating?task_id={task}"
    for address in ("/cyds/own", "/cyds/own/files/tip/"):
        for browser in (cyds, other):
            answer = browser.get(address)
            assert (answer.status, answer.location) == (302, waiting)
    for _ in range(2):  # it may be loaded anew
        page = cyds.get(waiting)
        assert page.status == 200 and page.headers["refresh"] == "2"
        assert "cyds/own" in page.page.text and "Waits for its turn" in page.page.text
    assert cyds.get(f"/cyds/own/crepo_check?task_id={task}").body == b'{"result":true}'.replace(b"true", b"false")
    # Whoever may not know of it learns nothing: it is as what does not exist.
    stranger = Browser(server.url)
    for path in ("", "/repo_creating", f"/repo_creating?task_id={task}", "/crepo_check?task_id=None"):
        found, missing = (stranger.get(f"/{name}{path}") for name in ("cyds/own", "xxxx/xxx"))
        assert found.status == missing.status == 302
        assert found.location.replace("cyds", "xxxx").replace("own", "xxx") == missing.location
    _person(api, server, "dan")
    dan = Browser(server.url)
    dan.sign_in(Person(0, "dan", "password-1", "", api))
    for path in ("", f"/repo_creating?task_id={task}", f"/crepo_check?task_id={task}"):
        assert dan.get(f"/cyds/own{path}").status == 404
    assert "cyds/own" in cyds.get("/_admin/my_account/jobs").page.text
    assert "cyds/own" not in dan.get("/_admin/my_account/jobs").page.text
    assert "cyds/own" in other.get("/_admin/jobs").page.text
    assert dan.get("/_admin/jobs").status == 403
    # Version-control clients.
    assert server.api(cyd.key).post("", method="GET", path="/cyds/own/info/refs?service=git-upload-pack")[0] == 401
    for person, status in (("cyd:password-1", 503), ("dan:password-1", 404), (f"root:{server.admin_password}", 503)):
        basic = base64.b64encode(person.encode()).decode()
        headers = {"Authorization": f"Basic {basic}", "Accept": "application/mercurial-0.1"}
        path = "/cyds/own.git/info/refs?service=git-upload-pack"
        found = server.api(cyd.key).post("", method="GET", path=path, headers=headers)
        assert found[0] == status
        assert ("retry-after" in found[1]) is (status == 503)
        # Mercurial's clients show what is answered with a success.
        said = server.api(cyd.key).post("", method="GET", path="/cyds/own?cmd=capabilities", headers=headers)[2]
        assert (b"is being created" in said) is (status == 503)
    worker = yard.work()
    assert ended(server, task) == ("done", None)
    worker.kill()
    done = cyds.get(waiting)
    assert (done.status, done.location) == (302, "/cyds/own")
    assert cyds.get(f"/cyds/own/crepo_check?task_id={task}").body == b'{"result":true}'
    assert cyds.get("/cyds/own").status == 200


def test_a_creation_that_failed_tells_why(yard: Yard, api: Api) -> None:
    server = yard.server
    api("create_repo", repo_name="short-lived", repo_type="git")
    task = api("fork_repo", repoid="short-lived", fork_name="of-nothing")["task"]
    api("delete_repo", repoid="short-lived")
    worker = yard.work()
    state, reason = ended(server, task)
    assert (state, reason) == ("failed", "something that it needs is gone, or may not be used any more")
    worker.kill()
    browser = Browser(server.url)
    browser.sign_in(server.administrator)
    page = browser.get(f"/of-nothing/repo_creating?task_id={task}")
    assert page.status == 200 and "refresh" not in page.headers
    assert reason in page.page.text
    german = browser.get(f"/of-nothing/repo_creating?task_id={task}", Accept_Language="de").page.text
    assert "etwas, das dafür nötig ist, gibt es nicht mehr" in german and str(reason) not in german
    answer = browser.get(f"/of-nothing/crepo_check?task_id={task}")
    assert (answer.status, answer.location) == (302, "/")
    assert f"of-nothing could not be created: {reason}" in browser.get("/").page.text
    assert browser.get("/of-nothing").status == 404
    listed = browser.get("/_admin/my_account/jobs?state=failed")
    assert reason in listed.page.text


def test_jobs_are_cancelled_and_begun_again_in_pages(yard: Yard, api: Api) -> None:
    server = yard.server
    task = api("fork_repo", repoid="source", fork_name="on-and-off")["task"]
    browser = Browser(server.url)
    browser.sign_in(server.administrator)
    page = browser.get("/_admin/my_account/jobs").page
    token = page.token
    answer = browser.post(f"/_admin/jobs/{task}/cancel", {"csrf_token": token})
    assert (answer.status, answer.location) == (302, "/_admin/my_account/jobs")
    assert api("get_task", task_id=task)["state"] == "cancelled"
    answer = browser.post(f"/_admin/jobs/{task}/again", {"csrf_token": token, "all": "1"})
    assert (answer.status, answer.location) == (302, "/_admin/jobs")
    assert api("get_task", task_id=task)["state"] == "queued"
    eda = _person(api, server, "eda")
    edas = Browser(server.url)
    edas.sign_in(Person(0, "eda", "password-1", eda.key, eda))
    token = edas.get("/_admin/my_account/password").page.token
    assert edas.post(f"/_admin/jobs/{task}/cancel", {"csrf_token": token}).status == 404
    browser.post(f"/_admin/jobs/{task}/cancel", {"csrf_token": browser.get("/_admin/jobs").page.token})
    assert api("get_task", task_id=task)["state"] == "cancelled"


def test_beat_sees_to_what_is_done_regularly_where_no_server_runs(prepared: Server, tmp_path: Path, yard: Yard) -> None:
    alone = prepared.copied(tmp_path / "alone" / "data")
    before = "2000-01-01T00:00:00.000"
    alone.execute("INSERT INTO schedules (name, next_run) VALUES ('forget_jobs', ?)", before)
    worker = Worker(alone, yard.environment | {"TRIVIUM_BROKER_URL": yard.redis.url[:-1] + "1"}, "--beat")
    try:
        until(lambda: alone.query("SELECT next_run FROM schedules WHERE name = 'forget_jobs'") != [(before,)])
        until(lambda: alone.query("SELECT count(*) FROM jobs") == [(0,)])
        assert not list(tmp_path.glob("**/celerybeat*"))
    finally:
        worker.kill()
