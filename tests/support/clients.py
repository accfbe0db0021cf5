# SPDX-License-Identifier: GPL-3.0-or-later
"""The clients that tests drive: the API over HTTP, and stock git."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit


class ApiError(AssertionError):
    """A call that was meant to succeed was refused."""


@dataclass
class Person:
    """A user that a test made."""

    id: int
    name: str
    password: str
    key: str
    api: Api


@dataclass
class Thing:
    """A repository, repository group or user group that a test made."""

    id: int
    name: str


class Api:
    """Calls of one user."""

    _ids = itertools.count(1)

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.key = key

    def post(
        self,
        body: bytes | str,
        *,
        method: str = "POST",
        path: str = "/_admin/api",
        headers: dict[str, str] | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        """A raw request; returns status, headers (lower-case names) and body."""
        target = urlsplit(self.url)
        connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=60)
        try:
            raw = body.encode() if isinstance(body, str) else body
            connection.request(method, path, body=raw, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def envelope(self, method: str, /, **args: Any) -> dict[str, Any]:
        """The whole answer to a call."""
        number = next(self._ids)
        request = {"id": number, "api_key": self.key, "method": method, "args": args}
        status, _, body = self.post(json.dumps(request))
        answer: dict[str, Any] = json.loads(body)
        assert status == 200
        assert set(answer) - {"error_detail"} == {"id", "result", "error"}
        assert "error_detail" not in answer or answer["error"]
        assert answer["id"] == number
        return answer

    def __call__(self, method: str, /, **args: Any) -> Any:
        """The result of a call that must succeed."""
        answer = self.envelope(method, **args)
        if answer["error"] is not None:
            raise ApiError(f"{method}({args}) said: {answer['error']}")
        return answer["result"]

    def served(self, method: str, /, **args: Any) -> Any:
        """The result of a call that succeeds by now; else None.

        For what each worker of a server finds out by itself, as that its database is back: until then it serves nobody,
        and says so with a status that `envelope` does not expect.
        """
        status, _, body = self.post(json.dumps({"id": 0, "api_key": self.key, "method": method, "args": args}))
        return json.loads(body)["result"] if status == 200 else None

    def error(self, method: str, /, **args: Any) -> str:
        """The error text of a call that must be refused."""
        answer = self.envelope(method, **args)
        assert answer["result"] is None, f"{method}({args}) succeeded: {answer['result']}"
        assert isinstance(answer["error"], str)
        return answer["error"]

    def full(self, repoid: object, revision: str) -> dict[str, Any]:
        """One changeset with everything."""
        found: dict[str, Any] = self("get_repo_changeset", repoid=repoid, revision=revision, details="full")
        return found

    def changed_files(self, repoid: object, revision: str) -> set[tuple[str, str]]:
        """What a changeset did to which files."""
        shown = self("get_repo_changeset", repoid=repoid, revision=revision, details="extended")
        return {(change["op"], change["filename"]) for change in shown["diff"]}

    def assert_revisions(self, repoid: object, expected: dict[str, str]) -> None:
        """Each of these texts is a revision of the repository, with this id."""
        found = {one: self("get_repo_changeset", repoid=repoid, revision=one)["raw_id"] for one in expected}
        assert found == expected

    def assert_names(self, repoid: object, expected: dict[str, dict[str, list[str]]]) -> None:
        """These revisions have these branches, bookmarks and tags."""
        assert {revision: self.full(repoid, revision)["refs"] for revision in expected} == expected

    def assert_list_agrees(self, repoid: object, ids: list[str]) -> None:
        """A repository has the changesets with these ids, and its list tells of each what it is told of alone."""
        for details in ("basic", "extended", "full"):
            call = {"repoid": repoid, "details": details}
            listed = self("get_repo_changesets", **call, start_rev="0", limit=-1)
            assert listed == [self("get_repo_changeset", **call, revision=raw_id) for raw_id in ids]
            assert [row["raw_id"] for row in listed] == ids

    def new_user(self, name: str | None = None, *, password: str = "s3cret-pw", **args: Any) -> Person:
        """Create a user (the caller is a super-admin) under a name that nobody else has."""
        name = name or unique("user")
        made = self("create_user", username=name, email=f"{name}@example.org", password=password, **args)["user"]
        return Person(made["user_id"], name, password, made["api_key"], Api(self.url, made["api_key"]))

    def new_repo(self, name: str | None = None, *, kind: str = "git", **args: Any) -> Thing:
        """Create an empty repository, usually for Git (whoever calls owns it, unless told otherwise)."""
        name = name or unique("repo")
        self("create_repo", repo_name=name, repo_type=kind, **args)
        return Thing(self("get_repo", repoid=name)["repo_id"], name)

    def new_repo_group(self, name: str | None = None, **args: Any) -> Thing:
        """Create a repository group."""
        made = self("create_repo_group", group_name=name or unique("group"), **args)["repo_group"]
        return Thing(made["group_id"], made["group_name"])

    def new_user_group(self, *members: Person, name: str | None = None, **args: Any) -> Thing:
        """Create a user group with these members."""
        made = self("create_user_group", group_name=name or unique("people"), **args)["user_group"]
        for member in members:
            assert self("add_user_to_user_group", usergroupid=made["users_group_id"], userid=member.id)["success"]
        return Thing(made["users_group_id"], made["group_name"])

    def rows_of(self, thing: Thing, method: str, argument: str) -> dict[str, str]:
        """The explicit permission rows on an object: who → what."""
        members = self(method, **{argument: thing.id})["members"]
        return {row["name"]: row["permission"] for row in members if row["origin"] == "permission"}

    def repo_rows(self, repository: Thing) -> dict[str, str]:
        return self.rows_of(repository, "get_repo", "repoid")

    def repo_group_rows(self, group: Thing) -> dict[str, str]:
        return self.rows_of(group, "get_repo_group", "repogroupid")

    def user_group_rows(self, group: Thing) -> dict[str, str]:
        return self.rows_of(group, "get_user_group", "usergroupid")


def unique(prefix: str) -> str:
    """A name that no other test has."""
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


class Git:
    """Stock git, unmoved by the configuration of whoever runs the tests."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_AUTHOR_NAME": "Ada Lovelace",
            "GIT_AUTHOR_EMAIL": "ada@example.org",
            "GIT_COMMITTER_NAME": "Ada Lovelace",
            "GIT_COMMITTER_EMAIL": "ada@example.org",
            "NO_PROXY": "*",
        }

    def run(
        self, *arguments: str, cwd: Path | None = None, check: bool = True, stdin: bytes = b"", **environment: str
    ) -> subprocess.CompletedProcess[bytes]:
        """Run one command; output and errors are kept."""
        done = subprocess.run(
            ["git", *arguments],
            cwd=cwd or self.home,
            env=self.environment | environment,
            input=stdin,
            capture_output=True,
            timeout=120,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"git {' '.join(arguments)} failed: {done.stderr.decode(errors='replace')}")
        return done

    def out(self, *arguments: str, cwd: Path | None = None, **environment: str) -> str:
        return self.run(*arguments, cwd=cwd, **environment).stdout.decode().strip()

    def refused(self, *arguments: str, cwd: Path | None = None) -> str:
        """What the user reads when a command must fail."""
        done = self.run(*arguments, cwd=cwd, check=False)
        assert done.returncode != 0, f"git {' '.join(arguments)} succeeded"
        return done.stderr.decode(errors="replace")

    def new_work(self, name: str = "work", *, branch: str = "master") -> Path:
        """A new local repository."""
        work = self.home / name
        self.run("init", "--quiet", f"--initial-branch={branch}", str(work))
        return work

    def commit(self, work: Path, message: str = "a change", *, when: int | None = None, **files: str) -> str:
        """Commit files (by default one that differs each time); returns the id."""
        for name, content in (files or {"file.txt": f"{message} {uuid.uuid4()}\n"}).items():
            target = work / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content)
        self.run("add", "--all", cwd=work)
        dates = {} if when is None else {"GIT_AUTHOR_DATE": f"{when} +0000", "GIT_COMMITTER_DATE": f"{when} +0000"}
        self.run("commit", "--quiet", "--allow-empty", "-m", message, cwd=work, **dates)
        return self.out("rev-parse", "HEAD", cwd=work)


def with_credentials(url: str, name: str, password: str) -> str:
    """A clone URL with a name and password in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{quote(name, safe='')}:{quote(password, safe='')}@{parts.netloc}{parts.path}"
