# SPDX-License-Identifier: GPL-3.0-or-later
"""Packet lines: what is understood does not depend on how the bytes happen to arrive."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.forge.sessions.git import push as gitpush
from trivium.forge.sessions.git.pktline import FLUSH, FetchCommand, Malformed, PacketReader, PackWatch, WantReader, pkt
from trivium.forge.sessions.git.push import PushCommands, PushReport
from trivium.vcs.values import RefUpdate

ZERO = "0" * 40
OLD = "1" * 40
NEW = "2" * 40

payloads = st.binary(max_size=60)
packets = st.lists(st.one_of(st.none(), payloads), max_size=12)
names = st.text(st.characters(exclude_characters=" \n\0", exclude_categories=["Cs"]), min_size=1, max_size=20)
ids = st.sampled_from([ZERO, OLD, NEW])
updates = st.lists(
    st.builds(RefUpdate, names.map("refs/heads/{}".format), ids, ids), max_size=6, unique_by=lambda update: update.name
)


def written(items: Iterable[bytes | None]) -> bytes:
    """Packet lines as they go over the wire; None is a flush packet."""
    return b"".join(FLUSH if item is None else pkt(item) for item in items)


@st.composite
def chunked(draw: st.DrawFn, contents: st.SearchStrategy[bytes]) -> tuple[bytes, list[bytes]]:
    """Bytes, and the same bytes cut at arbitrary places."""
    content = draw(contents)
    cuts = sorted(draw(st.lists(st.integers(0, len(content)), max_size=10)))
    edges = [0, *cuts, len(content)]
    return content, [content[begin:end] for begin, end in pairwise(edges)]


@given(st.data())
def test_packets_come_out_as_they_were_put_in_however_they_are_cut(data: st.DataObject) -> None:
    items = data.draw(packets)
    _, chunks = data.draw(chunked(st.just(written(items))))
    reader = PacketReader()
    assert [packet for chunk in chunks for packet in reader.feed(chunk)] == items


def test_a_packet_is_told_only_when_it_is_whole() -> None:
    reader = PacketReader()
    assert list(reader.feed(b"000ahel")) == []
    assert list(reader.feed(b"lo!0000")) == [b"hello!", None]


@pytest.mark.parametrize("length", [b"+00a", b"-001", b" 00a", b"0_0a", b"00g0", b"\xd9\xa00", b"PACK"])
def test_a_length_is_four_hexadecimal_digits_and_nothing_else(length: bytes) -> None:
    with pytest.raises(Malformed):
        list(PacketReader().feed(length + b"x" * 20))


def commands_of(items: Iterable[RefUpdate], capabilities: bytes = b"report-status side-band-64k") -> bytes:
    """The head of a push, as git writes it."""
    lines = []
    for number, update in enumerate(items):
        line = f"{update.old} {update.new} {update.name}".encode()
        lines.append(pkt(line + b"\0" + capabilities if number == 0 else line + b"\n"))
    return b"".join(lines) + FLUSH


@given(st.data())
def test_the_commands_of_a_push_are_read_from_any_chunks(data: st.DataObject) -> None:
    wanted = data.draw(updates)
    pack = data.draw(st.binary(max_size=40))
    content, chunks = data.draw(chunked(st.just(commands_of(wanted) + pack)))
    commands = PushCommands()
    fed = 0
    for chunk in chunks:
        if commands.complete:
            break
        commands.feed(chunk)
        fed += len(chunk)
    assert commands.complete
    assert commands.updates == wanted
    assert fed >= len(content) - len(pack)
    if wanted:
        assert commands.wants_report
        assert commands.side_band


def test_capabilities_of_the_first_command_count() -> None:
    commands = PushCommands()
    commands.feed(commands_of([RefUpdate("refs/heads/a", ZERO, NEW)], b" report-status-v2 quiet agent=git/2"))
    assert commands.wants_report
    assert not commands.side_band

    silent = PushCommands()
    silent.feed(commands_of([RefUpdate("refs/heads/a", ZERO, NEW)], b""))
    assert not silent.wants_report


def test_lines_about_shallow_commits_are_no_commands() -> None:
    commands = PushCommands()
    line = f"{ZERO} {NEW} refs/heads/a".encode()
    commands.feed(pkt(b"shallow " + OLD.encode()) + pkt(line + b"\0 report-status") + FLUSH)
    assert commands.updates == [RefUpdate("refs/heads/a", ZERO, NEW)]


def test_a_ref_whose_name_no_text_can_hold_is_refused_by_itself() -> None:
    commands = PushCommands()
    bad = f"{ZERO} {NEW} refs/heads/".encode() + b"\xff\xfe"
    good = RefUpdate("refs/heads/a", ZERO, NEW)
    commands.feed(pkt(bad + b"\0 report-status") + pkt(f"{ZERO} {NEW} refs/heads/a".encode()) + FLUSH)
    assert (commands.updates, commands.refused) == ([good], [b"refs/heads/\xff\xfe"])
    assert b"".join(commands.head()) == pkt(f"{ZERO} {NEW} refs/heads/a".encode() + b"\0 report-status") + FLUSH
    assert not commands.fails_as_one
    report = PushReport(side_band=False, refused=commands.refused)
    report.feed(report_of(["refs/heads/a"], []))
    assert (
        report.tail("")
        == report_of(["refs/heads/a"], [])[:-4]
        + pkt(b"ng refs/heads/\xff\xfe the name of a branch or tag must be UTF-8\n")
        + FLUSH
    )


@pytest.mark.parametrize("more", [b" atomic", b""])
def test_names_that_are_refused_refuse_all_that_is_asked_for_together(more: bytes) -> None:
    commands = PushCommands()
    commands.feed(pkt(f"{ZERO} {NEW} \xff".encode("latin-1") + b"\0report-status" + more))
    if more:
        commands.feed(pkt(f"{ZERO} {NEW} refs/heads/a".encode()))
    commands.feed(FLUSH)
    assert commands.fails_as_one
    said = commands.refusal_of_names()
    assert b"ng \xff the name" in said
    assert (b"ng refs/heads/a atomic push failure" in said) == bool(more)


@pytest.mark.parametrize(
    "line",
    [
        *(b"push-cert\0report-status", b"push-cert", b"", b"ERR no", b"shallow x", b"push-cert-end"),
        *(f"{ZERO} {NEW}".encode(), f"{ZERO} {NEW} ".encode(), f"{ZERO[1:]} {NEW} refs/heads/a".encode()),
        *(f"{ZERO}  {NEW} refs/heads/a".encode(), f"{ZERO} {NEW} refs/heads/a\nb".encode()),
    ],
)
def test_what_was_not_recognised_does_not_get_to_git(line: bytes) -> None:
    with pytest.raises(Malformed):
        PushCommands().feed(pkt(line) + FLUSH)


def test_capabilities_stand_behind_one_command_only() -> None:
    commands = PushCommands()
    commands.feed(pkt(f"{ZERO} {NEW} refs/heads/a".encode() + b"\0report-status"))
    with pytest.raises(Malformed):
        commands.feed(pkt(f"{ZERO} {NEW} refs/heads/b".encode() + b"\0quiet"))


@given(st.data())
def test_git_is_told_what_was_understood_and_nothing_else(data: st.DataObject) -> None:
    wanted = data.draw(updates)
    commands = PushCommands()
    commands.feed(commands_of(wanted) + b"PACK")
    again = PushCommands()
    again.feed(b"".join(commands.head()) + commands.rest)
    assert (again.updates, again.rest) == (wanted, b"PACK")
    assert again.capabilities == commands.capabilities


def test_a_refusal_is_a_report_that_names_every_ref() -> None:
    commands = PushCommands()
    commands.feed(commands_of([RefUpdate("refs/heads/a", ZERO, NEW), RefUpdate("refs/tags/b", ZERO, NEW)]))
    report = PushReport(side_band=True)
    said = commands.refusal("the disk\nis full")
    report.feed(said)
    assert report.accepted(commands.updates) == []
    for words in (b"unpack the disk is full", b"ng refs/heads/a the disk is full", b"ng refs/tags/b the disk is full"):
        assert words in said


def _feed_often(commands: PushCommands, chunk: bytes) -> None:
    for _ in range(20):
        commands.feed(chunk)


def test_a_list_of_commands_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gitpush, "_LARGEST_HEAD", 1 << 20)
    commands = PushCommands()
    chunk = pkt(f"{ZERO} {NEW} refs/heads/a".encode()) * 1000
    with pytest.raises(Malformed, match="does not end"):
        _feed_often(commands, chunk)


def report_of(accepted: Iterable[str], rejected: Iterable[str]) -> bytes:
    """What `git receive-pack` reports, without a side band."""
    lines = [b"unpack ok\n"]
    lines += [f"ok {name}\n".encode() for name in accepted]
    lines += [f"ng {name} non-fast-forward\n".encode() for name in rejected]
    return b"".join(pkt(line) for line in lines) + FLUSH


def banded(report: bytes, messages: Iterable[bytes], size: int) -> bytes:
    """A report in side band 1, in packets of `size` bytes, with messages for the user before it."""
    lines = [pkt(b"\2" + message) for message in messages]
    lines += [pkt(b"\1" + report[at : at + size]) for at in range(0, len(report), size)]
    return b"".join(lines) + FLUSH


def _read(answer: bytes) -> tuple[bytes, bytes]:
    """What a client makes of an answer: the report, and what it shows."""
    packets = list(PacketReader().feed(answer))
    assert packets[-1] is None
    bands: dict[bytes, bytes] = {b"\1": b"", b"\2": b""}
    for packet in packets[:-1]:
        assert packet is not None
        bands[packet[:1]] += packet[1:]
    return bands[b"\1"], bands[b"\2"]


@given(st.data(), st.booleans())
def test_the_report_of_a_push_is_read_from_any_chunks(data: st.DataObject, side_band: bool) -> None:
    wanted = data.draw(updates)
    fate = data.draw(st.lists(st.booleans(), min_size=len(wanted), max_size=len(wanted)))
    accepted = [update for update, good in zip(wanted, fate, strict=True) if good]
    rejected = [update for update, good in zip(wanted, fate, strict=True) if not good]
    answer = report_of([update.name for update in accepted], [update.name for update in rejected])
    if side_band:
        messages = data.draw(st.lists(st.binary(max_size=20), max_size=3))
        answer = banded(answer, messages, data.draw(st.integers(1, 100)))
    _, chunks = data.draw(chunked(st.just(answer)))
    report = PushReport(side_band=side_band)
    sent = b"".join(report.feed(chunk) for chunk in chunks)

    assert report.accepted(wanted) == accepted
    assert b"unpack" not in sent, "the report is held back"
    if not side_band:
        assert sent + report.tail("Trivium: push completed") == answer
        return
    assert _read(sent + report.tail("")) == _read(answer)
    told, more = _read(report.tail("Trivium: push completed"))
    assert (told, more) == (_read(answer)[0], b"Trivium: push completed\n")


@given(st.data())
def test_a_report_that_was_cut_off_says_nothing(data: st.DataObject) -> None:
    answer = banded(report_of(["refs/heads/a"], []), [], 7)
    inner_end = len(answer) - len(FLUSH)
    report = PushReport(side_band=True)
    cut = data.draw(st.integers(0, inner_end - 1))
    sent = report.feed(answer[:cut])
    assert report.accepted([RefUpdate("refs/heads/a", ZERO, NEW)]) is None
    assert not (sent + report.tail("Trivium: push completed")).endswith(FLUSH), "it has no end either"


def test_many_commands_are_written_in_pieces() -> None:
    lines = [f"{ZERO} {NEW} refs/heads/{number}".encode() for number in range(2500)]
    lines[0] += b"\0 report-status"
    commands = PushCommands()
    commands.feed(b"".join(map(pkt, lines)) + FLUSH)
    pieces = list(commands.head())
    assert b"".join(pieces) == b"".join(map(pkt, lines)) + FLUSH
    assert max(map(len, pieces)) < 110_000


@given(st.data())
def test_no_want_is_overlooked_however_it_is_cut(data: st.DataObject) -> None:
    wanted = {f"{number:040x}" for number in range(0xABCDEF, 0xABCDEF + 20)}
    spelled = [one.upper() if number % 2 else one for number, one in enumerate(sorted(wanted))]
    words = [
        b"agent=x",
        *(f"want {one}".encode() + b"\n" * (number % 2) for number, one in enumerate(spelled)),
        b"done",
    ]
    body = pkt(b"command=fetch\n") + b"0001" + b"".join(map(pkt, words)) + FLUSH
    reader = WantReader()
    found: set[str] = set()
    at = 0
    while at < len(body):
        size = data.draw(st.integers(1, 200))
        found |= reader.feed(body[at : at + size])
        at += size
    assert found == wanted


@pytest.mark.parametrize("words", [b"want ", b"want refs/heads/x", b"want " + b"1" * 39, b"want " + b"1" * 41])
def test_what_is_wanted_has_an_id(words: bytes) -> None:
    with pytest.raises(Malformed):
        WantReader().feed(pkt(words))


@pytest.mark.parametrize(
    ("said", "fetches"),
    [
        ([b"command=ls-refs\n"], False),
        ([b"agent=x\n", b"command=ls-refs"], False),
        ([b"command=fetch\n"], True),
        ([b"agent=x", b"object-format=sha1", b"command=fetch"], True),
        ([b"command=ls-refs", b"command=fetch"], True),
        ([b"command=ls-refs=x"], True),
        ([b"agent=x"], True),
        ([], True),
    ],
)
@pytest.mark.parametrize("end", [b"0000", b"0001"])
def test_a_command_counts_wherever_it_stands(said: list[bytes], fetches: bool, end: bytes) -> None:
    command = FetchCommand(versioned=True)
    for byte in b"".join(map(pkt, said)) + end:
        assert not command.complete
        command.feed(bytes([byte]))
    assert (command.complete, command.fetches) == (True, fetches)


def test_a_beginning_without_end_is_given_up() -> None:
    command = FetchCommand(versioned=True)
    said = pkt(b"agent=" + b"x" * 10_000)
    command.feed(said * 20)
    with pytest.raises(Malformed):
        command.feed(said * 20)


@given(st.data())
def test_what_passes_a_watch_unseen_stays_in_its_place(data: st.DataObject) -> None:
    """The last bytes are always seen; before them, whatever was held back goes first."""
    pack = [pkt(b"packfile\n"), pkt(b"\1PACK" + data.draw(payloads)), *(pkt(b"\1" + b"0" * 40) for _ in range(4))]
    answer, chunks = data.draw(chunked(st.just(b"".join(pack) + FLUSH)))
    watch, sent, left = PackWatch(), b"", len(answer)
    for chunk in chunks:
        left -= len(chunk)
        if watch.has_pack and left >= len(FLUSH) and data.draw(st.booleans()):
            sent += watch.let_go() + chunk
        else:
            sent += watch.feed(chunk)
    assert sent + watch.tail("") == answer
    assert watch.has_pack
    said = watch.tail("locked")
    assert said == pkt(b"\2locked\n") + FLUSH
