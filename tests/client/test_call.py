# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes over the wire, and every way in which the other side can fail to answer."""

import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.client.fakes import KEY, ApiServer, Client, reply


def fails(api: Client, *words: str, **env: str) -> str:
    """Make a call that has to fail, with one line on stderr that does not show the key; return the line."""
    run = api.run("--format=json", "get_ip", *words, **env)
    assert (run.status, run.out) == (1, "")
    assert run.err.startswith("rhodecode-api: ")
    assert run.err.count("\n") == 1
    assert KEY not in run.err
    return run.err


def test_request(api: Client, server: ApiServer) -> None:
    assert api.run("get_user", "userid:marcin").status == 0
    (request,) = server.requests
    assert (request.verb, request.path) == ("POST", "/_admin/api")
    assert request.headers["Content-Type"] == "text/plain"
    assert KEY not in str(request.headers)
    envelope = request.envelope
    assert type(envelope.pop("id")) is int
    assert envelope == {"api_key": KEY, "method": "get_user", "args": {"userid": "marcin"}}


def test_id_is_random(api: Client, server: ApiServer) -> None:
    for _ in range(4):
        assert api.run("get_ip").status == 0
    ids = [request.envelope["id"] for request in server.requests]
    assert all(1 <= number <= 9999 for number in ids)
    assert len(set(ids)) > 1


@pytest.mark.parametrize("tail", ["", "/", "//", "/prefix", "/prefix/"])
def test_trailing_slashes_and_prefix(client: Client, server: ApiServer, tail: str) -> None:
    host = server.url + tail
    run = client.run("get_ip", f"--apikey={KEY}", f"--apihost={host}")
    assert run.out == f"Calling method get_ip => {host}\nServer response\nnull\n"
    assert server.requests[0].path == tail.rstrip("/") + "/_admin/api"


@pytest.mark.parametrize("other", [0, 10_000, "1", None, True, 1.5, [], {}])
def test_another_id(api: Client, server: ApiServer, other: object) -> None:
    server.answers("127.0.0.1", id=other)
    assert "another id" in fails(api)


@pytest.mark.parametrize("convert", [str, float])
def test_id_of_another_type(api: Client, server: ApiServer, convert: Callable[[int], object]) -> None:
    server.answer = lambda request: reply(request, "x", id=convert(request.envelope["id"]))
    assert "another id" in fails(api)


def test_server_that_could_not_read_the_id(api: Client, server: ApiServer) -> None:
    server.answers(id=None, error=f"JSON parse error ERR: too long, {KEY}")
    assert "JSON parse error ERR: too long" in fails(api)


def test_unknown_members_of_the_reply_are_ignored(api: Client, server: ApiServer) -> None:
    server.answers("10.0.0.1", DEPRECATION_WARNING="DEPRECATED METHOD")
    assert api.run("--format=json", "show_ip").out == '"10.0.0.1"\n'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>It works!</html>",
        b"\xff\xfe",
        b'"text"',
        b"[]",
        b"null",
        b"{}",
        b'{"id": 1}',
        b'{"id": 1, "result": NaN, "error": null}',
        b'{"id": 1, "result": 1e999, "error": null}',
        b'{"id": 1, "result": null, "error": null} trailing',
        b"[" * 100_000,
        b'{"id": ' + b"9" * 5000 + b', "result": null, "error": null}',
    ],
)
def test_reply_that_is_none(api: Client, server: ApiServer, body: bytes) -> None:
    server.sends(body)
    assert server.url in fails(api)


@pytest.mark.parametrize("status", [201, 204, 400, 401, 403, 404, 407, 413, 500, 502, 599])
def test_http_status(api: Client, server: ApiServer, status: int) -> None:
    server.sends(b"<html>no</html>" if status != 204 else b"", status=status)
    assert f"answered HTTP {status}" in fails(api)


def test_connection_closed_without_an_answer(api: Client, server: ApiServer) -> None:
    server.sends(None)
    fails(api)


def test_answer_cut_short(api: Client, server: ApiServer) -> None:
    server.sends(b"{", Content_Length="100")
    fails(api)


def test_answer_that_is_not_http(api: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)

        def speak() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"220 mail.example.org ESMTP\r\n")
                connection.recv(65536)

        thread = threading.Thread(target=speak)
        thread.start()
        fails(api, f"--apihost=http://127.0.0.1:{listener.getsockname()[1]}")
        thread.join()


def test_nobody_listens(api: Client) -> None:
    with socket.socket() as taken:  # so that nobody else listens there either
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert "Connection refused" in fails(api, f"--apihost=http://127.0.0.1:{port}")


@pytest.mark.parametrize(
    "host", ["https://nowhere.invalid", "https://a..b", "https://" + "x" * 80, "https://127.0.0.1:1/ü"]
)
def test_host_that_does_not_exist(api: Client, host: str) -> None:
    fails(api, f"--apihost={host}")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(api: Client, server: ApiServer, elsewhere: ApiServer, status: int) -> None:
    target = elsewhere.url + "/_admin/api"
    server.sends(b"", status=status, Location=target)
    assert target in fails(api)
    assert elsewhere.requests == []
    assert len(server.requests) == 1


@pytest.mark.parametrize("location", ["file:///etc/passwd", "/_admin/api", "ftp://x/", "http://[", f"https://x/{KEY}"])
def test_odd_redirects(api: Client, server: ApiServer, location: str) -> None:
    server.sends(b"", status=302, Location=location)
    fails(api)
    assert len(server.requests) == 1


# keys in the clear


def test_warns_before_a_key_travels_in_the_clear(api: Client, server: ApiServer) -> None:
    """The proxy stands for the network; nobody resolves the name."""
    host = "http://code.example.org"
    run = api.run("--format=json", "get_ip", f"--apihost={host}", http_proxy=server.url)
    assert (run.status, run.out) == (0, "null\n")
    assert run.err == f"rhodecode-api: warning: your API key travels unencrypted to {host}; use https\n"
    assert server.requests[0].path == f"{host}/_admin/api"


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST"])
def test_loopback_is_neither_warned_about_nor_proxied(
    api: Client, server: ApiServer, elsewhere: ApiServer, name: str
) -> None:
    host = server.url.replace("127.0.0.1", name)
    run = api.run("get_ip", f"--apihost={host}", http_proxy=elsewhere.url)
    assert (run.status, run.err) == (0, "")
    assert elsewhere.requests == []


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a PEM file with a self-signed certificate for 127.0.0.1 and its private key."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "throw-away")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        signed.public_bytes(serialization.Encoding.PEM)
        + private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return path


def test_tls_is_verified(api: Client, certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with ApiServer(context) as secure:
        assert "the TLS certificate is not trusted" in fails(api, f"--apihost={secure.url}")
        assert secure.requests == []

        run = api.run("get_ip", f"--apihost={secure.url}", SSL_CERT_FILE=str(certificate))
        assert (run.status, run.err) == (0, "")
        assert secure.call["api_key"] == KEY

        # Trusted, but made for another name.
        other = secure.url.replace("127.0.0.1", "localhost")
        assert "not trusted" in fails(api, f"--apihost={other}", SSL_CERT_FILE=str(certificate))
        assert len(secure.requests) == 1


def test_tls_with_a_server_that_has_none(api: Client, server: ApiServer) -> None:
    fails(api, f"--apihost={server.url.replace('http:', 'https:')}")
    assert server.requests == []
