# SPDX-License-Identifier: GPL-3.0-or-later
"""Mails leave by a real mail server, or are refused with a reason that names no secret (system.md 5.1)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace
from email import message_from_bytes
from email.policy import SMTP
from pathlib import Path
from typing import Any

import pytest

from tests.support.mail_server import MailServer, mail_server
from tests.support.tls import Authority
from trivium.egress import mail
from trivium.egress.mail import MailDelayed, MailRefused
from trivium.mail.addresses import mailbox, sender
from trivium.mail.messages import Content, Envelope, message
from trivium.settings import Settings

PASSWORD = "s3cret-of-the-server"
SAYS = Content("Grüße", "Ein Wort — und noch eins\n" * 3, "<p>Ein Wort</p>")


def settings_for(tmp_path: Path, server: MailServer | None = None, **more: Any) -> Settings:
    chosen = Settings(data=tmp_path, base_url="https://forge.example.org", app_email_from="Forge <forge@example.org>")
    if server is not None:
        chosen = replace(chosen, smtp_server="localhost", smtp_port=server.port, smtp_timeout=10)
    return replace(chosen, **more)


def send(settings: Settings, to: str = "ada@example.org", content: Content = SAYS, label: str = "event.7") -> None:
    box = mailbox(to, "Ada")
    assert box is not None
    made = message(settings, box, content, Envelope(label, "2026-01-02T03:04:05.678"))
    mail.send(settings, made, sender=sender(settings).addr_spec, recipient=box.addr_spec)


def test_a_mail_has_two_parts_and_headers_that_are_always_the_same(tmp_path: Path) -> None:
    with mail_server() as server:
        settings = settings_for(tmp_path, server)
        send(settings)
        send(settings)
        first, second = server.delivered
    assert first.raw == second.raw and first.raw.isascii()
    assert (first.sender, first.recipients) == ("forge@example.org", ["ada@example.org"])
    told = first.message
    assert told["Subject"] == "Grüße" and told["From"] == "Forge <forge@example.org>"
    assert told["Message-ID"] == "<event.7@forge.example.org>" and told["Auto-Submitted"] == "auto-generated"
    assert told["Date"] == "Fri, 02 Jan 2026 03:04:05 +0000"
    assert first.part("plain").split() == SAYS.text.split() and "<p>Ein Wort</p>" in first.part("html")
    assert max(map(len, first.raw.split(b"\r\n"))) < 80


@pytest.mark.parametrize("from_the_beginning", [False, True])
@pytest.mark.parametrize("ways", [(), ("LOGIN",), ("PLAIN",)])
def test_the_connection_is_encrypted_before_anybody_signs_in(
    tmp_path: Path, from_the_beginning: bool, ways: tuple[str, ...]
) -> None:
    authority = Authority(tmp_path)
    context = authority.context("localhost")
    with mail_server(tls=context, from_the_beginning=from_the_beginning, forge=PASSWORD) as server:
        settings = settings_for(
            tmp_path,
            server,
            smtp_use_ssl=from_the_beginning,
            smtp_use_tls=not from_the_beginning,
            smtp_ca_file=str(authority.file),
            smtp_username="forge",
            smtp_password=PASSWORD,
            smtp_auth=ways,
        )
        send(settings)
        (taken,) = server.delivered
        assert taken.encrypted and taken.username == "forge"
        assert set(server.tried) == set(ways or ("PLAIN",))


def test_a_certificate_of_somebody_else_ends_it(tmp_path: Path) -> None:
    known, other = tmp_path / "known", tmp_path / "other"
    known.mkdir()
    other.mkdir()
    for authority, host, trusted in (
        (Authority(other), "localhost", Authority(known)),
        ((same := Authority(known)), "elsewhere.example", same),
    ):
        with mail_server(tls=authority.context(host), forge=PASSWORD) as server:
            settings = settings_for(
                tmp_path,
                server,
                smtp_use_tls=True,
                smtp_ca_file=str(trusted.file),
                smtp_username="forge",
                smtp_password=PASSWORD,
            )
            with pytest.raises(MailDelayed, match="certificate"):
                send(settings)
            assert not server.delivered and not server.tried


def test_a_server_that_does_not_encrypt_gets_no_password_where_it_must(tmp_path: Path) -> None:
    with mail_server(forge=PASSWORD) as server:
        settings = settings_for(tmp_path, server, smtp_use_tls=True, smtp_username="forge", smtp_password=PASSWORD)
        with pytest.raises(MailDelayed, match="STARTTLS"):
            send(settings)
        assert not server.tried


def test_a_wrong_password_is_told_without_it(tmp_path: Path) -> None:
    with mail_server(forge="another") as server:
        settings = settings_for(tmp_path, server, smtp_username="forge", smtp_password=PASSWORD)
        with pytest.raises(MailDelayed, match="535") as told:
            send(settings)
        assert server.tried and not server.delivered
    shown: BaseException | None = told.value
    while shown is not None:
        assert PASSWORD not in str(shown) and PASSWORD not in repr(shown)
        shown = shown.__cause__
    assert PASSWORD not in repr(settings)


@pytest.mark.parametrize(
    ("reply", "error"),
    [("550 5.1.1 no such\tmailbox", MailRefused), ("451 4.7.1 later", MailDelayed), ("421 4.3.0 closing", MailDelayed)],
)
def test_what_a_server_refuses_is_final_or_not_by_its_code(tmp_path: Path, reply: str, error: type[Exception]) -> None:
    with mail_server() as server:
        server.refusals.append(reply)
        with pytest.raises(error, match=reply[:3]):
            send(settings_for(tmp_path, server))
        send(settings_for(tmp_path, server))
        assert len(server.delivered) == 1


def test_a_server_that_is_not_there_or_says_nothing_delays(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        port = int(silent.getsockname()[1])
        settings = settings_for(tmp_path, smtp_server="127.0.0.1", smtp_port=port, smtp_timeout=1)
        with pytest.raises(MailDelayed, match="does not answer"):
            send(settings)
    with socket.socket() as taken:  # so that nobody else listens there either
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(MailDelayed, match="not reached"):
            send(replace(settings, smtp_port=int(taken.getsockname()[1])))


def test_a_connection_that_breaks_after_the_mail_delays_and_the_mail_keeps_its_id(tmp_path: Path) -> None:
    with mail_server() as server:
        server.closing = 1
        settings = settings_for(tmp_path, server)
        with pytest.raises(MailDelayed):
            send(settings)
        send(settings)
        assert len({taken.message["Message-ID"] for taken in server.delivered}) == 1 and len(server.delivered) == 2


_UP_TO_THE_MAIL = (b"220 here", b"250 hello", b"250 sender", b"250 recipient", b"354 go on")


@contextmanager
def playing(*replies: bytes) -> Iterator[int]:
    """A mail server that says this to one client, each when it was asked, and then is gone; gives its port."""

    def play() -> None:
        with listening.accept()[0] as client:
            for reply in replies:
                client.sendall(reply + b"\r\n")
                end = b"\r\n.\r\n" if reply.startswith(b"354") else b"\r\n"
                if reply is replies[-1]:
                    client.recv(10)  # of a mail not all of it
                    return
                heard = b""
                while not heard.endswith(end) and (more := client.recv(4096)):
                    heard += more

    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        player = threading.Thread(target=play)
        player.start()
        yield int(listening.getsockname()[1])
        player.join()


@pytest.mark.parametrize(
    ("replies", "error"),
    [
        ((b"554 no service here",), MailDelayed),  # that says nothing of the mail
        ((b"220 here", b"550 who are you", b"550 I said no"), MailDelayed),
        (_UP_TO_THE_MAIL, MailDelayed),
        ((*_UP_TO_THE_MAIL, b"451 later"), MailDelayed),
        ((*_UP_TO_THE_MAIL, b"554 never"), MailRefused),
        ((*_UP_TO_THE_MAIL, b"250 taken"), None),  # whatever becomes of the connection
    ],
)
def test_what_was_not_taken_is_tried_again_and_what_was_taken_is_not(
    tmp_path: Path, replies: tuple[bytes, ...], error: type[Exception] | None
) -> None:
    with playing(*replies) as port, pytest.raises(error) if error else nullcontext():
        send(settings_for(tmp_path, smtp_server="127.0.0.1", smtp_port=port, smtp_timeout=10))


HOSTILE = "Hi\r\nBcc: eve@example.org\r\n\r\nbody \x00\u202e\u2028end"


def test_nobody_writes_a_header(tmp_path: Path) -> None:
    with mail_server() as server:
        settings = settings_for(tmp_path, server, email_prefix="[Forge]")
        box = mailbox("ada@example.org", HOSTILE)
        assert box is not None
        made = message(settings, box, Content(HOSTILE * 50, HOSTILE, HOSTILE), Envelope("a.1", "2026-01-02T03:04:05"))
        mail.send(settings, made, sender="forge@example.org", recipient=box.addr_spec)
        (taken,) = server.delivered
    told = taken.message
    assert told["Bcc"] is None and taken.recipients == ["ada@example.org"]
    names = [name.lower() for name, _ in told.items()]
    assert sorted(names) == sorted(set(names))
    assert told["Subject"].startswith("[Forge] Hi Bcc: eve@example.org body") and len(told["Subject"]) <= 200
    assert told["To"].addresses[0].addr_spec == "ada@example.org"
    assert all(b"\r" not in line and b"\x00" not in line for line in taken.raw.split(b"\r\n"))
    with pytest.raises(ValueError):
        told["X-More"] = "a\r\nBcc: b@example.org"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "ada@",
        "@example.org",
        "a b@example.org",
        "ada@example.org, eve@example.org",
        "ada@example.org\r\nBcc: eve@example.org",
        "<ada@example.org>",
        '"a"@example.org',
        "ada@[127.0.0.1]",
        "ada@exa_mple.org",
        "ada@-example.org",
        "ada@example..org",
        "ada(comment)@example.org",
        "ada@example.org\x00",
        ".ada@example.org",
        "ada\u202e@example.org",
        "x" * 65 + "@example.org",
        "ada@" + "x" * 64 + ".org",
        "ada@" + "é" * 5000,
        "ada;eve@example.org",
        "ada\udcff@example.org",
    ],
)
def test_what_is_no_address_of_one_mailbox_gets_no_mail(text: str) -> None:
    assert mailbox(text) is None


def test_international_addresses(tmp_path: Path) -> None:
    with mail_server() as server:
        settings = settings_for(tmp_path, server)
        send(settings, "ada@Bücher.example")
        send(settings, "jürgen@example.org")
        ascii_only, international = server.delivered
    assert ascii_only.recipients == ["ada@xn--bcher-kva.example"] and ascii_only.raw.isascii()
    assert international.recipients == ["jürgen@example.org"]
    assert "jürgen@example.org" in international.raw.decode()


def test_a_part_is_bounded(tmp_path: Path) -> None:
    with mail_server() as server:
        send(settings_for(tmp_path, server), content=Content("x" * 10_000, "é" * 1_000_000, "y" * 1_000_000))
        assert len(server.delivered[0].raw) < 1_000_000


def test_mails_as_files(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, email_backend="file")
    for label in ("event.1", "event.1", "event.2"):
        send(settings, label=label)
    files = sorted((tmp_path / "mail").iterdir())
    assert len(files) == 2 and all(file.suffix == ".eml" and file.stat().st_mode & 0o077 == 0 for file in files)
    told = message_from_bytes(files[0].read_bytes(), policy=SMTP)
    assert told["To"].addresses[0].display_name == "Ada"  # type: ignore[union-attr]


def test_mails_in_the_log_do_not_tell_what_they_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    send(settings_for(tmp_path, email_backend="log"), content=Content("Subject", "https://secret", "https://secret"))
    told = capsys.readouterr()
    assert "ada@example.org" in told.out + told.err and "secret" not in told.out + told.err


@pytest.mark.parametrize("more", [{}, {"smtp_server": "localhost", "email_backend": "off"}])
def test_without_a_mail_server_nothing_leaves(tmp_path: Path, more: dict[str, Any]) -> None:
    with pytest.raises(MailRefused, match="no mail is configured"):
        send(settings_for(tmp_path, **more))


@pytest.mark.parametrize(
    ("given", "base_url", "expected"),
    [
        ("", "", ("Trivium", "trivium@localhost")),
        ("", "https://forge.example.org:8443/x", ("Trivium", "trivium@forge.example.org")),
        ("no-reply@example.org", "", ("", "no-reply@example.org")),
        ('"The Forge" <no-reply@example.org>', "", ("The Forge", "no-reply@example.org")),
        ("nonsense", "https://a.example", ("Trivium", "trivium@a.example")),
    ],
)
def test_the_sender(tmp_path: Path, given: str, base_url: str, expected: tuple[str, str]) -> None:
    found = sender(Settings(data=tmp_path, app_email_from=given, base_url=base_url))
    assert (found.display_name, found.addr_spec) == expected
