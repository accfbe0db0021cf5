# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of the present schema; `migrations/` says how a database gets there.

Moments are stored as the text that answers carry: ISO 8601, UTC, milliseconds, no zone (api-users.md 1.2). Ids are
never reused (security.md S-16), which on SQLite wants AUTOINCREMENT. Numbers have 64 bits, and texts are compared by
their code points, on every database: so on PostgreSQL each `Integer` here is a BIGINT, and each text has the collation
"C" (`alike`).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeEngine

DEFAULT_USER_ID: Final = 1
"""The user `default`: anonymous visitors, and the template of everybody (api-users.md 5.2)."""

LARGEST_ID: Final = 2**63 - 1
"""What no id is beyond: larger numbers may not even be compared with one."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def now(ago: float = 0.0) -> str:
    """The present moment, or that of so many seconds ago, as it is stored."""
    at = datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=ago)
    return at.isoformat(timespec="milliseconds")


def alike(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """A type that on PostgreSQL holds the same values as on SQLite, in the same order."""
    if isinstance(kind, String):
        return type(kind)(kind.length).with_variant(type(kind)(kind.length, collation="C"), "postgresql")
    return Integer().with_variant(BigInteger(), "postgresql") if type(kind) is Integer else kind


def _table(name: str, *rest: Column[object] | UniqueConstraint | Index) -> Table:
    """A table with an id that is never reused."""
    return Table(name, metadata, Column("id", Integer, primary_key=True), *rest, sqlite_autoincrement=True)


def _to(target: str, *, on_delete: str = "CASCADE") -> ForeignKey:
    return ForeignKey(target, ondelete=on_delete)


def _only(condition: str) -> dict[str, Any]:
    """Of an index that holds a part of the rows: which. It is the same on PostgreSQL, as the migrations have it.

    To say so here would load all that the library knows of PostgreSQL, 2 MB, into every server.
    """
    return {"sqlite_where": text(condition)}


TOLD_IN_PAGES: Final = "action <> 'pull' AND repository_id IS NOT NULL"
"""Rows of the journal that its pages may tell, as a condition: word for word, or no index is found by it."""
_TOLD: Final = _only(TOLD_IN_PAGES)

OPEN_JOBS: Final = "state IN ('queued', 'running')"
"""Rows of jobs that have not ended, as a condition: word for word, or no index is found by it."""

access_stamp = Table(
    "access_stamp",
    metadata,
    Column("id", Integer, primary_key=True),
    # Grows with every change that could alter what somebody may see; caches are valid for one value of it.
    Column("version", Integer, nullable=False),
    # Grows with those of them that could alter everybody's rights. The others count in `users.rights_version`.
    Column("everybody", Integer, nullable=False, server_default="1"),
    # Grows with those of them that could alter what is told of something that was there before: a creation does not.
    Column("standing", Integer, nullable=False, server_default="1"),
)

site_values = Table(
    "site_values", metadata, Column("key", String(100), primary_key=True), Column("value", Text, nullable=False)
)

users = _table(
    "users",
    Column("username", String(255), nullable=False),
    Column("username_key", String(255), nullable=False, unique=True),
    Column("firstname", Text, nullable=False),
    Column("lastname", Text, nullable=False),
    Column("email", String(255), unique=True),
    Column("active", Boolean, nullable=False),
    Column("admin", Boolean, nullable=False),
    Column("password_hash", Text),  # null: no password signs in
    Column("extern_name", Text, nullable=False),
    Column("extern_type", Text, nullable=False),
    Column("inherit_default_permissions", Boolean, nullable=False),
    Column("force_password_change", Boolean, nullable=False),
    Column("created_on", String(23), nullable=False),
    Column("last_login", String(23)),
    Column("last_activity", String(23)),
    # Grows with every change of this user's rights, but not with changes for everybody (`access_stamp.everybody`).
    Column("rights_version", Integer, nullable=False, server_default="1"),
    # The names and the main address, folded, with blanks between: what lists of users are searched by.
    Column("search_key", Text, nullable=False, server_default=""),
    # The same without the address: what they are searched by whom it is not shown.
    Column("names_key", Text, nullable=False, server_default=""),
    # Lists walk these from one end, as far as a page goes (`forge/accounts/listing.py`).
    Index("ix_users_admin_username_key", "admin", "username_key"),
    Index("ix_users_active_username_key", "active", "username_key"),
    Index("ix_users_active_id", "active", "id"),
)

user_emails = _table(
    "user_emails",
    Column("user_id", _to("users.id"), nullable=False, index=True),
    Column("email", String(255), nullable=False, unique=True),
)

email_confirmations = _table(
    "email_confirmations",
    # Addresses that users say they have, until a mail to them was answered (`forge/accounts/emails.py`). The key in the
    # mail stands nowhere: it is made of this row and the server's secret, and found by its digest.
    Column("user_id", _to("users.id"), nullable=False),
    Column("email", String(255), nullable=False),
    Column("digest", LargeBinary(32), nullable=False, unique=True),
    Column("nonce", LargeBinary(16), nullable=False),
    Column("locale", String(20), nullable=False),
    Column("asked_at", BigInteger, nullable=False, index=True),  # seconds since the epoch
    UniqueConstraint("user_id", "email"),
)

user_addresses = _table(
    "user_addresses",
    Column("user_id", _to("users.id"), nullable=False),
    Column("network", String(50), nullable=False),
    Column("description", Text, nullable=False),
    UniqueConstraint("user_id", "network"),
)

tokens = _table(
    "tokens",
    Column("user_id", _to("users.id"), nullable=False, index=True),
    Column("digest", LargeBinary(32), nullable=False, unique=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("role", String(20), nullable=False),
    Column("builtin", Boolean, nullable=False),
    Column("description", Text, nullable=False),
    Column("expires", Integer, nullable=False),  # seconds since the epoch; -1 is never
    Column("created_on", String(23), nullable=False),
    Column("last_used", String(23)),
    Column("last_address", String(45)),  # from where that was
)

sessions = _table(
    "sessions",
    # Who signed in to the pages (system.md 2.9). The cookie itself stands nowhere: a row is found by its digest.
    Column("digest", LargeBinary(32), nullable=False, unique=True),
    Column("user_id", _to("users.id"), nullable=False, index=True),
    Column("created_on", String(23), nullable=False),
    Column("last_seen", String(23), nullable=False, index=True),  # to the minute (`forge/upkeep/activity.py`)
    Column("address", String(45), nullable=False),
    Column("agent", String(200), nullable=False),  # what the browser calls itself
    Column("remember", Boolean, nullable=False),
    Column("flash", Text),  # what the next page says once; JSON of `web`
)

preferences = Table(
    "preferences",
    metadata,
    # How a user wants pages to look; what is not there is as the site has it.
    Column("user_id", _to("users.id"), primary_key=True),
    Column("chosen", Text, nullable=False),  # JSON, `forge/accounts/preferences.py`
)

user_followers = Table(
    "user_followers",
    metadata,
    # Who wants to read in the journal what a user does (system.md 6.2).
    Column("user_id", _to("users.id"), primary_key=True),
    Column("follower_id", _to("users.id"), primary_key=True, index=True),
)

sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    # An empty account stands for all failures of an address.
    Column("account", String(255), primary_key=True),
    Column("address", String(45), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("first_at", Integer, nullable=False),
    Column("blocked_until", Integer, nullable=False),
    Column("wait", Integer, nullable=False),
)

user_groups = _table(
    "user_groups",
    Column("name", String(255), nullable=False),
    Column("name_key", String(255), nullable=False, unique=True),
    Column("description", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("owner_id", _to("users.id", on_delete="RESTRICT"), nullable=False, index=True),
    Column("created_on", String(23), nullable=False),
)

user_group_members = Table(
    "user_group_members",
    metadata,
    Column("user_group_id", _to("user_groups.id"), primary_key=True),
    Column("user_id", _to("users.id"), primary_key=True, index=True),
)

global_grants = _table(
    "global_grants",
    Column("user_id", _to("users.id")),
    Column("group_id", _to("user_groups.id")),
    Column("permission", String(60), nullable=False),
    UniqueConstraint("user_id", "permission"),
    UniqueConstraint("group_id", "permission"),
)

repo_groups = _table(
    "repo_groups",
    Column("name", String(255), nullable=False),
    Column("name_key", String(255), nullable=False, unique=True),
    Column("parent_id", _to("repo_groups.id", on_delete="RESTRICT"), index=True),
    Column("owner_id", _to("users.id", on_delete="RESTRICT"), nullable=False, index=True),
    Column("description", Text, nullable=False),
    Column("enable_locking", Boolean, nullable=False),
    Column("created_on", String(23), nullable=False),
)

repositories = _table(
    "repositories",
    Column("name", String(255), nullable=False),
    Column("name_key", String(255), nullable=False, unique=True),
    Column("group_id", _to("repo_groups.id", on_delete="RESTRICT")),
    Column("kind", String(10), nullable=False),
    Column("owner_id", _to("users.id", on_delete="RESTRICT"), nullable=False, index=True),
    Column("description", Text, nullable=False),
    Column("private", Boolean, nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("landing_rev", String(255), nullable=False),
    Column("enable_downloads", Boolean, nullable=False),
    Column("enable_locking", Boolean, nullable=False),
    Column("enable_statistics", Boolean, nullable=False),
    Column("fork_of_id", _to("repositories.id", on_delete="SET NULL"), index=True),
    Column("created_on", String(23), nullable=False),
    Column("updated_on", String(23), nullable=False),
    # The state of the history after the last push: what `get_repos` shows without opening the repository.
    Column("last_changeset", Text, nullable=False),  # JSON, api-repos.md 2.2
    Column("history_state", Text, nullable=False),  # JSON, private to the back end; empty: unknown
    Column("clone_uri", Text),  # without its password
    Column("clone_secret", LargeBinary),  # the password in it, sealed
    # Lists walk these from one end, as far as a page goes (`forge/repositories/pages.py`).
    # With the name, so that what is called otherwise is passed over without a look at its row.
    Index("ix_repositories_updated_on", "updated_on", "id", "name_key"),
    Index("ix_repositories_kind_updated_on", "kind", "updated_on", "id"),
    Index("ix_repositories_group_id_updated_on", "group_id", "updated_on", "id"),
    Index("ix_repositories_group_id_name_key", "group_id", "name_key"),
    # Few, and counted by themselves (`forge/grants/summary.py`).
    Index("ix_repositories_private", "id", **_only("private = 1")),
)


def _grams(name: str, objects: str, column: str, *more: Index) -> Table:
    """Every three characters that follow each other in a text: see `forge/naming/searching.py`.

    With the key of the name, in the order of the lists that are searched.
    """
    return Table(
        name,
        metadata,
        # Compared by code points, so that what begins with something is a range.
        Column("gram", String(3), primary_key=True),
        Column("name_key", String(255), primary_key=True),
        Column(column, _to(f"{objects}.id"), primary_key=True, index=True),
        *more,
        sqlite_with_rowid=False,
    )


repository_grams = _grams("repository_grams", "repositories", "repository_id")
user_grams = _grams("user_grams", "users", "user_id", Index("ix_user_grams_gram_user_id", "gram", "user_id"))
user_group_grams = _grams("user_group_grams", "user_groups", "user_group_id")


def _grants(name: str, objects: str, *more: Index) -> Table:
    """Permission rows on one kind of object: of a user or of a user group, never of both."""
    return _table(
        name,
        Column("object_id", _to(f"{objects}.id"), nullable=False),
        Column("user_id", _to("users.id"), index=not more),
        Column("group_id", _to("user_groups.id"), index=True),
        Column("level", SmallInteger, nullable=False),
        UniqueConstraint("object_id", "user_id"),
        UniqueConstraint("object_id", "group_id"),
        *more,
    )


repository_grants = _grants(
    "repository_grants",
    "repositories",
    # What a user has a row for that lets them read: few of them, perhaps, among very many that do not.
    Index("ix_repository_grants_user_id_level", "user_id", "level", "object_id"),
)
repo_group_grants = _grants("repo_group_grants", "repo_groups")
user_group_grants = _grants("user_group_grants", "user_groups")

repository_fields = _table(
    "repository_fields",
    Column("repository_id", _to("repositories.id"), nullable=False),
    Column("key", String(100), nullable=False),
    Column("label", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("value", Text, nullable=False),
    UniqueConstraint("repository_id", "key"),
)

repository_followers = Table(
    "repository_followers",
    metadata,
    Column("repository_id", _to("repositories.id"), primary_key=True),
    Column("user_id", _to("users.id"), primary_key=True, index=True),
)

visits = Table(
    "visits",
    metadata,
    # Which repositories a user looked at last in pages; of each user the newest are kept.
    Column("user_id", _to("users.id"), primary_key=True),
    Column("repository_id", _to("repositories.id"), primary_key=True, index=True),
    Column("visited_on", String(23), nullable=False),
)

repository_locks = Table(
    "repository_locks",
    metadata,
    # What users see (system.md 3.4); not the kernel's locks of `tree/kernel_locks.py`.
    Column("repository_id", _to("repositories.id"), primary_key=True),
    Column("user_id", _to("users.id"), nullable=False, index=True),
    Column("locked_on", Integer, nullable=False),  # seconds since the epoch
    Column("reason", String(20), nullable=False),
)

former_names = _table(
    "former_names",
    # Names under which a repository is still found until somebody takes them (decisions.md W3).
    Column("name_key", String(255), nullable=False, unique=True),
    Column("name", String(255), nullable=False),
    Column("repository_id", _to("repositories.id"), nullable=False, index=True),
)

changeset_comments = _table(
    "changeset_comments",
    Column("repository_id", _to("repositories.id"), nullable=False),
    Column("revision", String(64), nullable=False),
    Column("user_id", _to("users.id", on_delete="SET NULL"), index=True),
    Column("text", Text, nullable=False),
    Column("status", String(20)),  # the review status that came with it
    Column("created_on", String(23), nullable=False),
    Column("kind", String(10), nullable=False, server_default="note"),  # note or todo
    Column("path", Text),  # with a line: what the comment stands beside
    Column("line", String(12)),  # n12 on the new side, o12 on the old
    # The todo that this comment resolves; a todo is resolved once.
    Column("resolves_id", Integer),
    Column("edited_on", String(23)),
    Column("deleted_on", String(23)),  # its text is gone, and it stays because somebody answered it
    Index("ix_changeset_comments_repository_id_revision", "repository_id", "revision"),
    Index("ix_changeset_comments_resolves_id", "resolves_id", unique=True),
)

comment_texts = _table(
    "comment_texts",
    # What comments said before their authors changed them; their present text stands with them.
    Column("comment_id", _to("changeset_comments.id"), nullable=False, index=True),
    Column("text", Text, nullable=False),
    Column("replaced_on", String(23), nullable=False),
)

comment_drafts = _table(
    "comment_drafts",
    # Comments that their author has written and not sent (`forge/reviews/drafts.py`); nobody else sees them.
    Column("user_id", _to("users.id"), nullable=False),
    Column("repository_id", _to("repositories.id"), nullable=False, index=True),
    Column("revision", String(64), nullable=False),
    Column("text", Text, nullable=False),
    Column("path", Text),
    Column("line", String(12)),
    Column("created_on", String(23), nullable=False),
    Column("kind", String(10), nullable=False, server_default="note"),  # note or todo
    Index("ix_comment_drafts_of", "user_id", "repository_id", "revision"),
)

notifications = _table(
    "notifications",
    # What somebody is told of, once for each event (`forge/notifications/`). What it is about is looked up when it is
    # shown, by what its reader may see by then; so it comes back with a repository from the trash.
    Column("user_id", _to("users.id"), nullable=False),
    Column("event_id", BigInteger, nullable=False),  # the row of the journal
    Column("kind", String(30), nullable=False),  # cs_comment, mention or registration (system.md 6.3)
    Column("at", String(23), nullable=False),
    Column("username", String(255), nullable=False),  # whose act it was
    Column("comment_id", Integer, index=True),
    Column("read_on", String(23)),
    Index("ix_notifications_event", "user_id", "event_id", unique=True),
    # How many somebody has not read is counted with every page.
    Index("ix_notifications_unread", "user_id", "id", **_only("read_on IS NULL")),
)

commit_checks = Table(
    "commit_checks",
    metadata,
    # What a program that builds or tests a commit says of it (api-reviews.md 3, set_commit_status).
    Column("repository_id", _to("repositories.id"), primary_key=True),
    Column("raw_id", String(64), primary_key=True),
    Column("context", String(255), primary_key=True),  # which program, or which of its tasks
    Column("state", String(10), nullable=False),
    Column("url", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("user_id", _to("users.id", on_delete="SET NULL"), index=True),
    Column("updated_on", String(23), nullable=False),
)

repository_settings = Table(
    "repository_settings",
    metadata,
    # Only the values that were set; the others are the site's (api-reviews.md 6).
    Column("repository_id", _to("repositories.id"), primary_key=True),
    Column("key", String(100), primary_key=True),
    Column("value", Text, nullable=False),  # JSON
)

reported_exceptions = _table(
    "reported_exceptions",
    # What a client or extension told of its own troubles (api-reviews.md 6, store_exception).
    Column("user_id", Integer),
    Column("prefix", String(100), nullable=False),
    Column("detail", Text, nullable=False),  # JSON, as it came
    Column("created_on", String(23), nullable=False, index=True),
)

attachments = _table(
    "attachments",
    # Files that comments link to; each stands in `<data>/attachments` under its `fid`.
    Column("fid", String(80), nullable=False, unique=True),
    Column("user_id", _to("users.id", on_delete="SET NULL"), index=True),
    Column("name", String(255), nullable=False),
    Column("size", Integer, nullable=False),
    Column("created_on", String(23), nullable=False),
)

comment_attachments = Table(
    "comment_attachments",
    metadata,
    # Which files a comment links to: who may read the comment may fetch them (`forge/reviews/attachments.py`).
    Column("comment_id", _to("changeset_comments.id"), primary_key=True),
    Column("attachment_id", _to("attachments.id"), primary_key=True, index=True),
)

gists = _table(
    "gists",
    Column("access_id", String(40), nullable=False, unique=True),
    Column("directory", String(40), nullable=False, unique=True),
    Column("owner_id", _to("users.id"), nullable=False, index=True),
    Column("kind", String(10), nullable=False),  # public or private
    Column("acl_level", String(20), nullable=False, server_default="acl_public"),  # or acl_private: only for accounts
    Column("description", Text, nullable=False),
    Column("expires", Integer, nullable=False),  # seconds since the epoch; -1 is never
    Column("created_on", String(23), nullable=False),
    Column("modified_on", String(23), nullable=False),
)

journal = _table(
    "journal",
    # Append-only; names are copied, so that a row outlives what it speaks of (security.md S-31).
    Column("at", String(23), nullable=False),
    Column("user_id", Integer),
    Column("username", String(255), nullable=False),
    Column("address", String(45), nullable=False),
    Column("action", String(60), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("repository_id", Integer),
    Column("detail", Text, nullable=False),  # JSON
    # Of its transaction, by which PostgreSQL delivers (`forge/events/outbox.py`); SQLite, with one writer, has 0.
    Column("transaction_id", BigInteger, nullable=False, server_default="0"),
    Index("ix_journal_transaction", "transaction_id", "id", sqlite_where=text("transaction_id > 0")),
    Index("ix_journal_repository_id", "repository_id"),
    Index("ix_journal_user_id", "user_id"),
    # What the pages of the journal walk (`forge/events/reading.py`): without pulls, which are most of the rows.
    Index("ix_journal_repository_told", "repository_id", "id", **_TOLD),
    Index("ix_journal_user_told", "user_id", "id", **_TOLD),
    # What the audit log of administrators walks (`forge/events/searching.py`).
    *(Index(f"ix_journal_{column}_id", column, "id") for column in ("action", "subject", "username", "at")),
)

event_positions = Table(
    "event_positions",
    metadata,
    # Up to where in the journal each subscriber has heard of everything, but for what is undelivered.
    Column("subscriber", String(60), primary_key=True),
    Column("transaction_id", BigInteger, nullable=False),
    Column("event_id", BigInteger, nullable=False),
)

undelivered_events = Table(
    "undelivered_events",
    metadata,
    # What a subscriber failed to take, and what waits behind that in the same line (`forge/events/delivery.py`).
    Column("subscriber", String(60), primary_key=True),
    Column("event_id", BigInteger, primary_key=True),
    Column("line", String(320), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("retry_at", BigInteger, nullable=False),  # seconds since the epoch
    Column("reason", Text, nullable=False),
    Column("set_aside", Boolean, nullable=False),  # it is not tried any more, and holds up nothing
    Index("ix_undelivered_events_line", "subscriber", "line", "event_id"),
)

password_resets = _table(
    "password_resets",
    # Who asked by mail for another password (`forge/accounts/password_resets.py`). The key in the mail stands nowhere:
    # it is made of this row, the account and the server's secret, and found by its digest.
    Column("digest", LargeBinary(32), nullable=False, unique=True),
    Column("nonce", LargeBinary(16), nullable=False),
    Column("user_id", _to("users.id"), index=True),  # null: nobody has that address
    Column("asked_for", LargeBinary(32), nullable=False),  # digest of the mail address that was given
    Column("address", String(45), nullable=False),  # network of whoever asked
    Column("locale", String(20), nullable=False),
    Column("asked_at", BigInteger, nullable=False, index=True),  # seconds since the epoch
)

intents = Table(
    "intents",
    metadata,
    # A change of the disk under way: see `store/intents.py`.
    Column("id", String(32), primary_key=True),
    Column("worker", String(32), nullable=False, index=True),
    Column("kind", String(20), nullable=False),
    Column("detail", Text, nullable=False),  # JSON
    Column("created_on", String(23), nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    # Work that outlives the request that asked for it (system.md 4): see `forge/jobs/`.
    Column("id", String(36), primary_key=True),  # a UUID that grows with time; the id of the Celery task as well
    Column("kind", String(40), nullable=False),
    Column("arguments", Text, nullable=False),  # JSON, without secrets
    Column("secret", LargeBinary),  # what must not stand among the arguments, sealed; gone when the job has ended
    Column("subject", String(255), nullable=False),  # the name of what it is about
    Column("repository_id", Integer, index=True),
    Column("reserves", Boolean, nullable=False),  # whether it creates what its subject names
    # The key of the name that a creation has reserved until it ends: one name, one creation.
    Column("reserved_key", String(255), unique=True),
    # Of several jobs with the same text one waits: whoever wants another finds it. Gone when it begins.
    Column("only_one", String(100), unique=True),
    Column("owner_id", Integer),  # who will own what is created
    Column("user_id", Integer, nullable=False),  # who asked, and from where; the worker acts as they may by then
    Column("username", String(255), nullable=False),
    Column("address", String(45), nullable=False),
    Column("state", String(10), nullable=False),  # queued, running, done, failed or cancelled
    Column("asked_to_end", Boolean, nullable=False),
    Column("done", BigInteger, nullable=False),  # how far it is, of `total`, in the unit of `what`
    Column("total", BigInteger),
    Column("what", String(100), nullable=False),
    Column("log", Text, nullable=False),
    Column("reason", Text),  # why it failed, for whoever asked
    Column("detail", Text),  # the same for super-admins
    Column("attempts", Integer, nullable=False),
    Column("most_attempts", Integer, nullable=False),
    Column("due_on", String(23), nullable=False),  # not to be begun before
    Column("sent_on", String(23)),  # when a broker was told last
    Column("runner", String(32)),  # the process that runs it (`tree.kernel_locks.WorkerIdentity`)
    Column("created_on", String(23), nullable=False),
    Column("started_on", String(23)),
    Column("ended_on", String(23), index=True),
    # What waits or runs is looked through every few seconds, and there is little of it.
    Index("ix_jobs_open", "state", "id", **_only(OPEN_JOBS)),
    Index("ix_jobs_user_id", "user_id", "id"),
)

schedules = Table(
    "schedules",
    metadata,
    # When what is done regularly is done next; whoever moves it on does it (`trivium/jobs/schedules.py`).
    Column("name", String(40), primary_key=True),
    Column("next_run", String(23), nullable=False),
)

for _one in metadata.tables.values():
    for _column in _one.columns:
        _column.type = alike(_column.type)
