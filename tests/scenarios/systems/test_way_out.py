# SPDX-License-Identifier: GPL-3.0-or-later
"""What git, Mercurial and Subversion fetch comes through a relay, which leads to one server (security.md 8)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.canary import listening
from tests.support.places import Place, new_place
from tests.support.servers import Server
from tests.support.systems import Filled, System
from tests.support.tls import Authority, in_front_of
from trivium.egress.remote import Remote, TransferLimits
from trivium.vcs.errors import VcsError
from trivium.vcs.git.back_end import Git
from trivium.vcs.git.command import GitCommand
from trivium.vcs.remote_trouble import Trouble, trouble_of
from trivium.vcs.svn.back_end import Svn
from trivium.vcs.svn.command import SvnCommand

HOST, OTHER = "forge.invalid", "other.invalid"
"""Names that nobody can look up: they lead where the judged address leads, or nowhere."""
LIMITS = TransferLimits(30, 120)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """The one that the back ends of this process trust."""
    made = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    plain = SvnCommand.environment.fget
    assert plain is not None
    told = property(lambda command: plain(command) | {"SSL_CERT_FILE": str(made.file)})
    monkeypatch.setattr(SvnCommand, "environment", told)
    receiving = GitCommand.receiving
    monkeypatch.setattr(
        GitCommand, "receiving", lambda command: receiving(command) | {"GIT_SSL_CAINFO": str(made.file)}
    )
    return made


def fetched(place: Place, remote: Remote, name: str) -> str:
    """The newest changeset of a copy of `remote`; raises `VcsError`."""
    target = place.home / name
    if isinstance(place.back_end, Svn):
        place.back_end.load(remote, target, LIMITS, lambda _: None)
    else:
        place.back_end.import_from(remote, target, LIMITS)
    return place.back_end.history(target, place.home / f"cache of {name}").last.raw_id


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_it_comes_from_the_address_that_was_judged_and_from_nobody_else(
    server: Server, system: System, filled: Filled, authority: Authority, tmp_path: Path, scheme: str
) -> None:
    context = authority.context(HOST) if scheme == "https" else None

    def remote(host: str, *addresses: str) -> Remote:
        url = f"{scheme}://{host}:{port}/{filled.name}"
        return Remote(url, addresses, server.admin, server.admin_password)

    with new_place(system.kind, tmp_path, alone=True) as place, in_front_of(server.url, context) as port:
        assert fetched(place, remote(HOST, "127.0.0.9", "127.0.0.1"), "copy") == filled.ids[-1]
        with pytest.raises(VcsError) as refused:
            fetched(place, remote("localhost", "127.0.0.9"), "elsewhere")
        assert trouble_of(str(refused.value)) == Trouble.UNREACHABLE
        if scheme == "https":
            with pytest.raises(VcsError) as refused:
                fetched(place, remote(OTHER, "127.0.0.1"), "of another name")
            assert trouble_of(str(refused.value)) == Trouble.CERTIFICATE


def test_a_server_cannot_lead_it_elsewhere(system: System, tmp_path: Path) -> None:
    """Mercurial and git follow no redirect; Subversion, which would, finds no way but to the server that was judged."""
    with new_place(system.kind, tmp_path) as place, listening() as secret, listening() as canary:
        canary.elsewhere = secret.url
        with pytest.raises(VcsError):
            fetched(place, Remote(canary.url, ("127.0.0.1",)), "copy")
        assert canary.visits
        assert secret.visits == []


def test_alternates_that_a_server_names_are_not_fetched_from(tmp_path: Path) -> None:
    """Git's oldest way to fetch takes missing objects from wherever the server says that they are."""
    with new_place("git", tmp_path) as place, listening() as secret, listening() as canary:
        assert isinstance(place.back_end, Git)
        canary.answers = {
            "/x/info/refs": b"1" * 40 + b"\trefs/heads/master\n",
            "/x/HEAD": b"ref: refs/heads/master\n",
            "/x/objects/info/http-alternates": f"{secret.url}/objects\n".encode(),
            "/x/objects/info/alternates": f"{secret.url}/objects\n".encode(),
        }
        with pytest.raises(VcsError):
            fetched(place, Remote(canary.url, ("127.0.0.1",)), "copy")
        assert "/x/HEAD" in canary.visits
        assert secret.visits == []
