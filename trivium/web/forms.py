# SPDX-License-Identifier: GPL-3.0-or-later
"""Forms as typed classes: what a page's form may send, read, checked, and shown again (web.md 3.2, 3.4).

    class General(Form):
        repo_name: Line
        repo_description: Text = ""
        repo_private: Tick = False


    @view("PUT", "/_admin/repos/{repository}", needs=Level.ADMIN, word="ReposController:update", pace=Pace.SHORT)
    def save(visit: RepositoryVisit) -> Page | Redirect:
        entered = read(General, visit)
        if wanted := entered.form:
            with entered.refusals(name="repo_name", group="repo_group"):
                asked, seen = RepositoryChanges(…), entered.as_seen(present)
                changed = changes.update_repository(visit.site, visit.caller, visit.repository, asked, seen)
                return Redirect(visit.url("repository_settings.general", changed.name), visit.text("Saved."))
        return _shown(visit, entered)

The annotation of a field carries the function that reads it. What cannot be read is told beside its field, and so is
what the core refuses. Nothing that was typed is lost but passwords, and nobody undoes unawares what somebody else has
stored since the form was shown (`Entered.as_seen`). A page has the status of the form that it shows as `fields`.
Templates write the fields with the macros of `parts/form.html`, from `Entered`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import (
    Annotated,
    Any,
    Concatenate,
    Final,
    Generic,
    ParamSpec,
    TypeVar,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec

from trivium.access.caller import Caller
from trivium.errors import AlreadyExists, ChangedMeanwhile, Forbidden, Invalid, Kind, Locked, NotFound, TriviumError
from trivium.forge.seen import Seen
from trivium.names import is_clean_text
from trivium.web.answers import Refused
from trivium.web.visit import Visit

MAX_LINE: Final = 4_096
MAX_TEXT: Final = 1 << 20
_TRUE: Final = frozenset({"1", "on", "true", "yes", "y", "t"})
_FALSE: Final = frozenset({"", "0", "off", "false", "no", "n", "f"})
_LONGEST_NUMBER: Final = 18
SEEN: Final = "seen"
"""The field with the marks of what was stored when a form was shown."""
_MARK: Final = 8
_SHOWN: Final = 200
"""Characters of a value that is stored, beside its field."""

F = TypeVar("F", bound="Form")
P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Reader:
    """How one kind of field is read."""

    read: Callable[[str], Any]
    """The value of what was typed; raises `Invalid` with the sentence that stands beside the field."""
    secret: bool = False
    """Whether it is never shown again."""


def _text(typed: str) -> str:
    if len(typed) > MAX_TEXT:
        raise Invalid("This is too long.", about="value")
    if not is_clean_text(typed):
        raise Invalid("This has a character that cannot be stored.", about="value")
    return typed.replace("\r\n", "\n")


def _line(typed: str) -> str:
    if len(typed) > MAX_LINE:
        raise Invalid("This is too long.", about="value")
    line = _text(typed).strip()
    if any(ord(one) < 32 or ord(one) == 127 for one in line):
        raise Invalid("This is one line, without control characters.", about="value")
    return line


def _secret(typed: str) -> str:
    if len(typed) > MAX_LINE:
        raise Invalid("This is too long.", about="value")
    return typed


def _tick(typed: str) -> bool:
    word = typed.strip().lower()
    if word not in _TRUE and word not in _FALSE:
        # Not taken for "no": that would open what was meant to be private.
        raise Invalid("This is none of the choices.", about="value")
    return word in _TRUE


def _whole(typed: str) -> int:
    digits = typed.strip()
    if not digits.removeprefix("-").isdecimal() or not digits.isascii() or len(digits) > _LONGEST_NUMBER:
        raise Invalid("This is no whole number.", about="value")
    return int(digits)


Text = Annotated[str, Reader(_text)]
"""Perhaps of several lines; line ends become line feeds."""
Line = Annotated[str, Reader(_line)]
"""One line, without blanks around it."""
Secret = Annotated[str, Reader(_secret, secret=True)]
"""As it was typed, and never shown again."""
Tick = Annotated[bool, Reader(_tick)]
"""A box; browsers send nothing of one that is not ticked, so its default is False."""
Whole = Annotated[int, Reader(_whole)]
"""A whole number."""


def one_of(*words: str) -> Reader:
    """Reads one of some words. It stands in the annotation of a field: `Annotated[str, …]`."""

    def read(typed: str) -> str:
        if typed not in words:
            raise Invalid("This is none of the choices.", about="value")
        return typed

    return Reader(read)


class Form(msgspec.Struct, kw_only=True):
    """What a form may send. A field without a default has to be filled in."""


class Entered(Generic[F]):
    """What somebody typed into a form, or what is stored, and what is wrong with it."""

    def __init__(
        self, visit: Visit, kind: type[F], typed: dict[str, str], wrong: dict[str, str], form: F | None
    ) -> None:
        self.kind = kind
        self.typed: Mapping[str, str] = typed
        """The field → what stands in it; of secrets nothing."""
        self.wrong = wrong
        """The field → the sentence beside it; an empty name: about the form as a whole."""
        self.form = form
        """What was typed, as values; None when something of it cannot be read."""
        self.status = 422 if wrong else 200
        """With which a page shows this."""
        self.seen = ""
        """Marks of what was stored when the form was shown (`as_seen`); it travels with the form."""
        self._visit = visit

    def instead(self, **typed: str) -> Entered[F]:
        """The same with something else in some fields."""
        other = Entered(self._visit, self.kind, {**self.typed, **typed}, self.wrong, self.form)
        other.status = self.status
        return other

    def refuse(self, about: str, sentence: str, status: int = 422) -> None:
        """Say that something is wrong, in the reader's language; `about` is a field, or empty."""
        self.wrong.setdefault(about, sentence)
        self.status = status

    def as_seen(self, look: Callable[Concatenate[Any, Caller, P], F], *given: P.args, **more: P.kwargs) -> Seen:
        """For the core, that nobody undoes unawares what somebody else has stored since the form was shown.

        `look` fills the form with what is stored; the core asks in the transaction of the change. Where a field has
        been changed to something else than what was typed, `refusals` puts that beside it, with 409; the next time
        what was typed replaces it. A form that does not say what it was made from is believed.
        """

        def check(db: Any, caller: Caller) -> None:
            present = look(db, caller, *given, **more)
            if self._changed(present):
                raise ChangedMeanwhile(present)

        return check

    def _changed(self, present: F) -> dict[str, object]:
        """The fields that somebody else has changed to something else → what stands there now."""
        now = stored(self._visit, present)
        return {
            name: getattr(present, name)
            for name, shown, mark in zip(now.typed, self.seen.split("."), now.seen.split("."), strict=False)
            if shown and shown != mark and getattr(self.form, name) != getattr(present, name)
        }

    def _changed_to(self, value: object) -> str:
        match value:
            case True:
                return self._visit.text(
                    "Somebody has switched this on meanwhile. Send the form once more to switch it off."
                )
            case False:
                return self._visit.text(
                    "Somebody has switched this off meanwhile. Send the form once more to switch it on."
                )
            case _:
                return self._visit.text(
                    "Somebody has changed this to “%(value)s” meanwhile. Send the form once more to have yours.",
                    value=str(value)[:_SHOWN],
                )

    @contextlib.contextmanager
    def refusals(self, **fields: str) -> Iterator[None]:
        """Show the errors of the core beside their fields: `fields` says which field an argument of the core is.

        What the core says of an argument without a field here is told about the form as a whole.
        `exists=` and `absent=` name the fields of names that are taken, and of things that do not exist; which thing
        may be said by its `Kind`: `user=`, `repo_group=`.
        """
        try:
            yield
        except ChangedMeanwhile as error:
            present = cast("F", error.present)
            for name, value in self._changed(present).items():
                self.refuse(name, self._changed_to(value), 409)
            self.seen = stored(self._visit, present).seen
        except Invalid as error:
            self.refuse(self._field(fields, error.about), sentence(self._visit, error))
        except AlreadyExists as error:
            # An address that is taken is the argument that everything calls so; of names each form has one.
            address = error.kind is Kind.EMAIL and self._field(fields, "email")
            self.refuse(address or self._field(fields, "exists"), sentence(self._visit, error))
        except NotFound as error:
            kind = error.kind.name.lower()
            self.refuse(self._field(fields, kind if kind in fields else "absent"), sentence(self._visit, error))
        except Forbidden as error:
            self.refuse("", sentence(self._visit, error), 403)

    def _field(self, fields: Mapping[str, str], about: str) -> str:
        named = fields.get(about, about)
        return named if named in self.kind.__struct_fields__ else ""


def sentence(visit: Visit, error: TriviumError) -> str:
    """Why the core refused something, in the reader's language."""
    match error:
        case Invalid():
            return visit.text(error.message, **error.values) if error.message else visit.text("This cannot be used.")
        case AlreadyExists():
            return visit.text("%(name)s exists already.", name=error.name)
        case NotFound():
            given = str(error.given)[:200]
            return visit.text("There is no %(name)s, or you may not see it.", name=given)
        case Forbidden():
            return visit.text("You may not do this.")
        case Locked():
            return visit.text(error.message, **error.values)
        case _:
            return visit.text("This cannot be done.")


def read(kind: type[F], visit: Visit) -> Entered[F]:
    """What the visitor has sent, field by field."""
    typed: dict[str, str] = {}
    wrong: dict[str, str] = {}
    values: dict[str, Any] = {}
    given = visit.form
    for name, (reader, required) in _fields(kind).items():
        sent = given.get(name)
        if sent is not None and not reader.secret:
            typed[name] = sent[:MAX_TEXT]
        if sent is None or (required and not sent.strip()):
            if required:
                wrong[name] = visit.text("This is missing.")
            continue
        try:
            values[name] = reader.read(sent)
        except Invalid as error:
            wrong[name] = sentence(visit, error)
    entered = Entered(visit, kind, typed, wrong, None if wrong else kind(**values))
    entered.seen = given.get(SEEN, "")[:MAX_LINE]
    return entered


def whole(kind: type[F], visit: Visit) -> F:
    """What was sent by a button without fields that people fill in; raises `Refused` where it makes no sense."""
    entered = read(kind, visit)
    if entered.form is None:
        raise Refused(422, next(iter(entered.wrong.values())))
    return entered.form


def stored(visit: Visit, form: F) -> Entered[F]:
    """A form with what is stored, to be changed."""
    kind = type(form)
    typed = {name: _written(getattr(form, name)) for name, (reader, _) in _fields(kind).items() if not reader.secret}
    entered = Entered(visit, kind, typed, {}, form)
    entered.seen = ".".join(
        sha256(value.encode("utf-8", "surrogateescape")).hexdigest()[:_MARK] for value in typed.values()
    )
    return entered


def empty(visit: Visit, kind: type[F], **typed: str) -> Entered[F]:
    """A form with nothing in it but what is `typed` for the visitor, and the defaults of its fields."""
    before = {
        name: _written(default)
        for name, default in zip(kind.__struct_fields__[::-1], kind.__struct_defaults__[::-1], strict=False)
        if default is not msgspec.NODEFAULT
    }
    return Entered(visit, kind, before | typed, {}, None)


def _written(value: Any) -> str:
    match value:
        case bool():
            return "1" if value else ""
        case None:
            return ""
        case _:
            return str(value)


@lru_cache(maxsize=256)
def _fields(kind: type[Form]) -> dict[str, tuple[Reader, bool]]:
    """The field → how it is read, and whether it must be there."""
    hints = get_type_hints(kind, include_extras=True)
    required = len(kind.__struct_fields__) - len(kind.__struct_defaults__)
    found = {}
    for at, name in enumerate(kind.__struct_fields__):
        hint = hints[name]
        reader = next((one for one in get_args(hint)[1:] if isinstance(one, Reader)), None)
        assert get_origin(hint) is Annotated and reader is not None, f"{kind.__name__}.{name} says not how it is read"
        found[name] = (reader, at < required or kind.__struct_defaults__[at - required] is msgspec.NODEFAULT)
    return found
