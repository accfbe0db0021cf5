# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a remote server says, its user reads one of our own sentences."""

from __future__ import annotations

import pytest

from trivium.vcs.remote_trouble import TransferFailed, Trouble, trouble_of


@pytest.mark.parametrize(
    ("words", "trouble"),
    [
        ("fatal: Authentication failed for 'https://example.org/x/'", Trouble.CREDENTIALS),
        ("fatal: unable to access 'https://x/': The requested URL returned error: 403", Trouble.CREDENTIALS),
        ("import: Abort(b'HTTP Error 401: Unauthorized')", Trouble.CREDENTIALS),
        ("import: Abort(b'authorization failed')", Trouble.CREDENTIALS),
        ("svnrdump: E215004: No more credentials or we tried too many times.", Trouble.CREDENTIALS),
        ("fatal: repository 'http://example.org/x/' not found", Trouble.MISSING),
        ("import: HTTPError(b'HTTP Error 404: Not Found')", Trouble.MISSING),
        ("fatal: http://x/info/refs not valid: is this a git repository?", Trouble.OTHER_KIND),
        ("import: RepoError(b\"'http://x/' does not appear to be an hg repository\")", Trouble.OTHER_KIND),
        ("import: OutOfBandError(b'remote error:\\nThe repository `x` is a Git repository.')", Trouble.OTHER_KIND),
        ("fatal: unable to access 'http://x/': Failed to connect to x port 1", Trouble.UNREACHABLE),
        ("import: Abort(b'error: Connection refused')", Trouble.UNREACHABLE),
        ("fatal: unable to access 'http://x/': Can't complete SOCKS5 connection to x. (4)", Trouble.UNREACHABLE),
        ("svnrdump: E175002: Unexpected HTTP status 502 'Server Unreachable' on '/x'", Trouble.UNREACHABLE),
        ("The proxy server returned an error while setting up the SSL tunnel.", Trouble.UNREACHABLE),
        ("server certificate verification failed. CAfile: none", Trouble.CERTIFICATE),
        ("SSL certificate problem: self-signed certificate", Trouble.CERTIFICATE),
        ("import: Abort(b'x certificate error: certificate is for y')", Trouble.CERTIFICATE),
        ("import: VcsError('the remote server sends us elsewhere')", Trouble.REDIRECT),
        ("The requested URL returned error: 302", Trouble.REDIRECT),
        ("the remote server takes too long", Trouble.SLOW),
        ("error: RPC failed; curl 28 Operation too slow", Trouble.SLOW),
        ("an object is larger than max_object_bytes", Trouble.TOO_LARGE),
        ("fatal: source repository is shallow, reject to clone.", Trouble.SHALLOW),
        ("fatal: early EOF", Trouble.BROKEN),
        ("pull: StdioError(b'HTTP request error (incomplete response; expected 9 bytes got 2)')", Trouble.BROKEN),
        ("svnrdump: E130003: XML stream truncated: no element found", Trouble.BROKEN),
        ("fatal: write error: No space left on device\nfatal: early EOF", Trouble.NO_ROOM),
        ("The requested URL returned error: 502", Trouble.SERVER),
        ("remote: <script>/etc/passwd</script>", Trouble.UNKNOWN),
        ("", Trouble.UNKNOWN),
    ],
)
def test_the_words_of_each_system_are_understood(words: str, trouble: Trouble) -> None:
    assert trouble_of(words) is trouble
    assert TransferFailed(trouble, words).public == str(trouble)


def test_endless_words_are_looked_at_in_part() -> None:
    assert trouble_of("x" * 10_000_000 + "early eof") is Trouble.UNKNOWN
