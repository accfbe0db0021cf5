# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a view answers to bytes with headers (security.md 7, decisions.md W7)."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from trivium.forge.accounts import sessions
from trivium.web.answers import (
    HTML,
    PLAIN,
    Answer,
    Asked,
    Body,
    Feed,
    HeaderList,
    Json,
    Page,
    PageAtHand,
    Part,
    Redirect,
    Refused,
    SignInNeeded,
)
from trivium.web.conditions import has
from trivium.web.finished import Finished, digest_of
from trivium.web.ranges import NotSatisfiable, wanted
from trivium.web.registering import Shape
from trivium.web.static_files import static_files
from trivium.web.templating import REST, keys, templates
from trivium.web.times import REST_SLOT, TOKEN_SLOT, Telling, filled
from trivium.web.tokens import token_of
from trivium.web.urls import is_shown, segments_of, without_keys
from trivium.web.visit import RepositoryVisit, Visit
from trivium.web.zones import zone

CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
)
SANDBOX: Final = "sandbox; default-src 'none'; style-src 'unsafe-inline'"
_OF_PAGES: Final[HeaderList] = (
    ("Content-Security-Policy", CSP),
    ("X-Frame-Options", "DENY"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)
_COOKIE_BYTES: Final = 18
_OF_CONTENTS: Final = frozenset({200, 206, 304, 416})
"""Statuses that say something about what is at an address, to which conditions are held (RFC 9110, 13.2.1)."""
PERIOD: Final = 600
"""Seconds after which a page is another one, because the ages in it have grown."""


@dataclass(frozen=True, slots=True)
class Ready:
    """What is sent."""

    status: int
    headers: HeaderList
    content: bytes | Iterable[bytes]
    length: int | None = None
    packed: Callable[[], bytes] | None = None
    """The content compressed, where that may have been done before."""


def ready(answer: Answer, visit: Visit) -> Ready:
    """An answer as it is sent to this visitor. Runs where the view ran."""
    made = _made(answer, visit)
    return _only_if_it_is_that(made, visit) if visit.asked.only_if else made


def _made(answer: Answer, visit: Visit) -> Ready:
    match answer:
        case Page():
            return _page(answer, visit)
        case Part(html, status):
            text = filled(html.decode("utf-8", "surrogateescape"), visit.language, _telling(visit))
            text, cookies = _with_tokens(text, visit)
            content = text.encode("utf-8", "surrogateescape")
            return Ready(status, (("Content-Type", HTML), *_OF_PAGES, *_kept(visit), *cookies), content)
        case Redirect():
            return _redirect(answer, visit)
        case Json(value, status):
            headers = (("Content-Type", "application/json; charset=utf-8"), *_kept(visit))
            return Ready(status, headers, msgspec.json.encode(value))
        case Feed(content, kind, state):
            tag = digest_of(state) if state is not None else hashlib.sha256(content).hexdigest()[:32]
            return _tagged(Body(content, kind, sandboxed=False), visit, _weak(tag))
        case Body(tag=tag):
            return _tagged(answer, visit, f'"{tag}"' if tag else "")


def refusal(error: Refused, visit: Visit, shape: Shape) -> Ready:
    """What went wrong, as a page or as the kind of answer that was wanted."""
    if shape is Shape.JSON:
        made = ready(Json({"error": str(error)}, error.status), visit)
        return Ready(made.status, (*made.headers, *error.headers), made.content)
    if shape in (Shape.BODY, Shape.FEED):
        content = (str(error) + "\n").encode("utf-8", "replace")  # it may repeat what was asked for
        return Ready(error.status, (("Content-Type", PLAIN), *_kept(visit), *error.headers), content)
    page = Page(
        "error.html",
        error.status,
        headers=error.headers,
        sentence=visit.text(error.sentence, **error.given),
        hint=visit.text(error.hint) if error.hint else "",
        request=request_id(visit),
        code=error.status,
        **error.values,
    )
    return ready(page, visit)


def sign_in_first(error: SignInNeeded, visit: Visit) -> Ready:
    """The way to the sign-in, and back afterwards; never with a key in it (system.md 1.4)."""
    asked = visit.asked
    if asked.method in ("GET", "HEAD"):
        came_from, query = asked.root + asked.raw_path, without_keys(asked.query)
        came_from += f"?{query}" if query else ""
    else:
        came_from = _form_page(asked)
    address = f"{asked.root}/_admin/login?{urlencode({'came_from': came_from})}"
    return ready(Redirect(address, error.said), visit)


def _form_page(asked: Asked) -> str:
    """The page with the form that was sent, where a browser keeps what was typed; else the first page."""
    path = asked.page.partition("?")[0]
    segments = segments_of(path.removeprefix(asked.root).encode()) if path.startswith(f"{asked.root}/") else None
    return asked.page if segments and is_shown(segments) else f"{asked.root}/"


def request_id(visit: Visit) -> str:
    """What an error page and the log call a request."""
    return visit.asked.id


def _page(page: Page, visit: Visit) -> Ready:
    if isinstance(page, PageAtHand):
        return _finished(page.finished, visit)
    key: Hashable = None
    tag = ""
    if page.tag and not visit.said and page.status == 200:
        key = visit.page_key(page.tag)
        digest = digest_of(key)
        tag = _tag(digest, visit)
        if has(visit.asked.tags, tag):
            return _not_modified(tag, visit)
    html = _written(page, visit)
    if key is not None and page.rest is None and not page.headers and not visit.asked.key:
        finished = Finished(html, digest)
        visit.fragments.pages.keep(key, finished)
        return _finished(finished, visit)
    html = filled(html, visit.language, _telling(visit))
    if not tag and page.rest is None and page.status == 200 and not visit.said:
        secret = visit.form_secret if TOKEN_SLOT in html else b""
        tag = _weak(hashlib.sha256(secret + html.encode("utf-8", "surrogateescape")).hexdigest()[:32])
        if has(visit.asked.tags, tag):
            return _not_modified(tag, visit)
    html, cookies = _with_tokens(html, visit)
    if visit.said and visit.session is None:
        cookies = (*cookies, visit.cookies.header(visit.cookies.said, "", 0))
    own = {name for name, _ in page.headers}
    usual = (one for one in (*_OF_PAGES, *_kept(visit)) if one[0] not in own)
    headers = (("Content-Type", HTML), *usual, *page.headers, *cookies)
    if tag:
        headers = (*headers, ("ETag", tag))
    content = html.encode("utf-8", "surrogateescape")
    if page.rest is None:
        return Ready(page.status, headers, content)
    head, _, tail = content.partition(REST_SLOT.encode())
    return Ready(page.status, headers, _around(head, _filled_pieces(page.rest, visit), tail))


def _written(page: Page, visit: Visit) -> str:
    """A page as its template writes it: ages and tokens are still open."""
    asset = visit.asked.root + static_files().root
    values: dict[str, Any] = {
        "visit": visit,
        "_": visit.text,
        "ngettext": visit.language.plural,
        "number": visit.language.number,
        "url": visit.url,
        "root": visit.asked.root,
        "asset": asset,
        "keys": keys(visit.language, asset),
        "repository": visit.repository if isinstance(visit, RepositoryVisit) else None,
        "status": page.status,
    } | page.values
    if page.rest is not None:
        values["rest"] = REST
    return templates().get_template(page.template).render(values)


def _finished(page: Finished, visit: Visit) -> Ready:
    """A page that is kept, as it is sent now."""
    tag = _tag(page.digest, visit)
    if has(visit.asked.tags, tag):
        return _not_modified(tag, visit)
    token, cookies = _token(visit) if page.has_tokens else ("", ())
    content, told = page.content(visit.language, token, _telling(visit))
    headers = (("Content-Type", HTML), *_OF_PAGES, *_kept(visit), *cookies, ("ETag", tag))
    return Ready(200, headers, content, packed=partial(page.packed, content, told))


def _around(head: bytes, rest: Iterable[bytes], tail: bytes) -> Iterator[bytes]:
    yield head
    yield from rest
    yield tail


def _filled_pieces(rest: Iterable[bytes], visit: Visit) -> Iterator[bytes]:
    """The pieces with their ages and tokens; each has whole ones."""
    token = ""
    for piece in rest:
        if b"<?" not in piece:
            yield piece
            continue
        text = filled(piece.decode("utf-8", "surrogateescape"), visit.language, _telling(visit))
        if TOKEN_SLOT in text:
            token = token or token_of(visit.form_secret)
            text = text.replace(TOKEN_SLOT, token)
        yield text.encode("utf-8", "surrogateescape")


def _tag(digest: str, visit: Visit) -> str:
    """Ages grow: every ten minutes it is another page. So it is where the tokens of its forms are another's."""
    secret = visit.form_secret
    mark = hashlib.sha256(secret + digest.encode()).hexdigest()[:8] if secret else ""
    return _weak(f"{digest}{mark}{int(time.time()) // PERIOD:08x}")


def _weak(digest: str) -> str:
    """The `ETag` of what may leave compressed or not, and with other ages and tokens in it (RFC 9110, 8.8.1)."""
    return f'W/"{digest}"'


def _not_modified(tag: str, visit: Visit) -> Ready:
    """That the client has a page already."""
    return Ready(304, (("ETag", tag), *_kept(visit), *_vary(tag)), b"")


def _vary(tag: str) -> HeaderList:
    return (("Vary", "Accept-Encoding"),) if tag.startswith("W/") else ()


def _only_if_it_is_that(made: Ready, visit: Visit) -> Ready:
    """An answer, if it is what the client wants to go on with (`If-Match`): what has no strong tag never is."""
    given = visit.asked.only_if
    if made.status not in _OF_CONTENTS or given == "*":
        return made
    tag = next((value for name, value in made.headers if name == "ETag"), "")
    if tag.startswith('"') and tag in (one.strip() for one in given.split(",")):
        return made
    _close(made.content)
    return Ready(412, (("Content-Type", PLAIN), *_kept(visit)), b"What is here now is something else (If-Match).\n")


def _telling(visit: Visit) -> Telling:
    return Telling(visit.preferences.times == "absolute", zone(visit.preferences.zone))


def _with_tokens(html: str, visit: Visit) -> tuple[str, HeaderList]:
    """A page whose forms have their token."""
    if TOKEN_SLOT not in html:
        return html, ()
    token, cookies = _token(visit)
    return html.replace(TOKEN_SLOT, token), cookies


def _token(visit: Visit) -> tuple[str, HeaderList]:
    """What makes forms this visitor's own; a visitor without a secret gets one, in a cookie."""
    if visit.asked.key:
        return "", ()  # whoever sends a key gets no cookie (system.md 1.3)
    if visit.form_secret:
        return token_of(visit.form_secret), ()
    cookie = secrets.token_urlsafe(_COOKIE_BYTES)
    secret = visit.site.ring.digest(f"forms\n{cookie}")
    return token_of(secret), (visit.cookies.header(visit.cookies.forms, cookie),)


def _kept(visit: Visit) -> HeaderList:
    """How long a browser may keep a page, and what it tells of its address elsewhere (decisions.md W7)."""
    if visit.asked.key:
        return (("Cache-Control", "private, no-store"), ("Referrer-Policy", "no-referrer"))
    return (("Cache-Control", "private, no-cache"),)


def _redirect(redirect: Redirect, visit: Visit) -> Ready:
    cookies: HeaderList = ()
    if redirect.said and visit.session is not None:
        visit.site.store.take_time()
        sessions.set_flash(visit.site, visit.session, redirect.said)
    elif redirect.said and not visit.asked.key:
        cookies = (visit.cookies.telling(visit.site.ring, redirect.said),)
    headers = (("Location", redirect.address), *_kept(visit), *redirect.headers, *cookies)
    return Ready(redirect.status, headers, b"")


def _tagged(body: Body, visit: Visit, tag: str) -> Ready:
    kept = _kept(visit) if visit.asked.key or not tag else (("Cache-Control", "private, max-age=0, must-revalidate"),)
    headers: HeaderList = (("Content-Type", body.type), *kept, *body.headers)
    if tag:
        headers = (*headers, ("ETag", tag))
        if has(visit.asked.tags, tag):
            _close(body.content)
            left = tuple(one for one in headers if one[0] != "Content-Type")
            return Ready(304, (*left, *_vary(tag)), b"")
    if body.sandboxed:
        headers = (*headers, ("Content-Security-Policy", SANDBOX))
    if body.between is not None and body.length is not None:
        return _in_part(body, body.between, body.length, (*headers, ("Accept-Ranges", "bytes")), visit, tag)
    return Ready(body.status, headers, body.content, body.length)


def _in_part(
    body: Body,
    between: Callable[[int, int], Iterable[bytes]],
    length: int,
    headers: HeaderList,
    visit: Visit,
    tag: str,
) -> Ready:
    """A content, or the part of it that is wanted: only while it is still what the client has the rest of."""
    asked = visit.asked
    part = None
    if asked.partial and asked.method == "GET" and (not asked.partial_if or (tag and asked.partial_if == tag)):
        try:
            part = wanted(asked.partial, length)
        except NotSatisfiable:
            _close(body.content)
            left = tuple(one for one in headers if one[0] not in ("Content-Type", "Content-Disposition"))
            return Ready(416, (*left, ("Content-Type", PLAIN), ("Content-Range", f"bytes */{length}")), b"")
    if part is None:
        return Ready(body.status, headers, body.content, length)
    start, end = part
    content = between(start, end)
    _close(body.content)
    headers = (*headers, ("Content-Range", f"bytes {start}-{end - 1}/{length}"))
    return Ready(206, headers, content, end - start)


def _close(content: object) -> None:
    close = getattr(content, "close", None)
    if close is not None:
        close()
