# SPDX-License-Identifier: GPL-3.0-or-later
"""The schema: the steps lead to the tables that the code speaks of, whole or not at all."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from trivium.errors import StartRefused
from trivium.forge.naming.searching import grams_of
from trivium.store import schema
from trivium.store.engine import Store
from trivium.store.tables import metadata


@pytest.fixture
def store(empty_database: str) -> Iterator[Store]:
    made = Store(empty_database)
    yield made
    made.close()


def test_the_steps_lead_to_the_present_tables(store: Store, tmp_path: Path) -> None:
    assert schema.revision_of(store) is None
    assert schema.upgrade(store, tmp_path / "backups")
    with store.read() as db:
        context = MigrationContext.configure(db, opts={"compare_type": True, "render_as_batch": True})
        assert compare_metadata(context, metadata) == []
        tables = set(inspect(db).get_table_names())
        assert db.execute(text("SELECT version, everybody, standing FROM access_stamp")).all() == [(1, 1, 1)]
        assert db.execute(text("SELECT id, username FROM users")).all() == [(1, "default")]
    assert tables - set(metadata.tables) == {"alembic_version"}


def test_the_names_of_files_say_which_steps_there_are() -> None:
    """So that a start that finds nothing to do need not load what does the steps."""
    steps = ScriptDirectory(str(schema._MIGRATIONS)).walk_revisions()
    assert [step.revision for step in steps] == schema._known()[::-1]


@pytest.mark.sqlite_only  # the text of its tables
def test_ids_are_never_given_twice(store: Store, tmp_path: Path) -> None:
    schema.upgrade(store, tmp_path / "backups")
    with store.read() as db:
        for name, statement in db.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'table'")):
            own_id = name in metadata.tables and metadata.tables[name].dialect_options["sqlite"]["autoincrement"]
            assert ("AUTOINCREMENT" in statement) is bool(own_id), name


def test_a_new_database_needs_no_backup_and_an_up_to_date_one_no_step(store: Store, tmp_path: Path) -> None:
    assert schema.upgrade(store, tmp_path / "backups")
    schema.check(store)
    assert schema.revision_of(store) == schema.head()
    assert not schema.upgrade(store, tmp_path / "backups")
    assert not (tmp_path / "backups").exists()


@pytest.mark.parametrize("before", [None, "0001"])
def test_an_interrupted_upgrade_is_repeated(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str | None
) -> None:
    if before:
        _upgrade_to_the_first(store)
    with store.read() as db:
        tables = inspect(db).get_table_names()

    class PowerFailure(Exception):
        pass

    real = command.upgrade

    def interrupted(*arguments: object) -> None:
        real(*arguments)  # type: ignore[arg-type]
        raise PowerFailure

    monkeypatch.setattr(command, "upgrade", interrupted)
    with pytest.raises(PowerFailure):
        schema.upgrade(store, tmp_path / "backups")
    monkeypatch.undo()
    assert schema.revision_of(store) == before
    with store.read() as db:
        assert inspect(db).get_table_names() == tables
    assert schema.upgrade(store, tmp_path / "backups")
    schema.check(store)


def test_a_database_of_a_newer_version_is_left_alone(store: Store, tmp_path: Path) -> None:
    schema.upgrade(store, tmp_path / "backups")
    with store.write() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    file = tmp_path / "trivium.db"
    before = file.read_bytes() if file.exists() else None
    for refused in (lambda: schema.upgrade(store, tmp_path / "backups"), lambda: schema.check(store)):
        with pytest.raises(StartRefused, match="newer Trivium"):
            refused()
    assert before is None or file.read_bytes() == before
    assert schema.revision_of(store) == "9999"
    assert not (tmp_path / "backups").exists()


def _upgrade_to_the_first(store: Store, revision: str = "0001") -> None:
    with store.write_bare() as db:
        config = schema._config()
        config.attributes["connection"] = db
        command.upgrade(config, revision)


def test_comments_of_before_are_notes(store: Store, tmp_path: Path) -> None:
    _upgrade_to_the_first(store, "0003")
    with store.write_bare() as db:
        columns = {
            "id": 1,
            "owner_id": 1,
            "landing_rev": "'rev:tip'",
            "kind": "'git'",
            "last_changeset": "'{}'",
            **dict.fromkeys(("name", "name_key", "description", "created_on", "updated_on", "history_state"), "''"),
            **dict.fromkeys(
                ("private", "archived", "enable_downloads", "enable_locking", "enable_statistics"), "false"
            ),
        }
        db.execute(
            text(f"INSERT INTO repositories ({', '.join(columns)}) VALUES ({', '.join(map(str, columns.values()))})")
        )
        db.execute(
            text(
                "INSERT INTO changeset_comments (repository_id, revision, user_id, text, created_on)"
                " VALUES (1, 'abc', 1, 'old', '2024'), (1, 'abc', 1, 'older', '2024')"
            )
        )
    assert schema.upgrade(store, tmp_path / "backups")
    with store.read() as db:
        rows = db.execute(text("SELECT text, kind, path, line, resolves_id FROM changeset_comments ORDER BY id")).all()
    assert rows == [("old", "note", None, None, None), ("older", "note", None, None, None)]


def test_user_names_that_look_alike_get_keys_that_are_alike(store: Store, tmp_path: Path) -> None:
    _upgrade_to_the_first(store, "0004")
    names = ["Ada", "\uff41\uff44\uff41", "\uff42en", "cy"]
    with store.write_bare() as db:
        for number, name in enumerate(names):
            columns = {
                "username": name,
                "username_key": name.casefold(),
                **dict.fromkeys(("firstname", "lastname", "extern_name", "extern_type", "created_on"), ""),
                **dict.fromkeys(("active", "admin", "inherit_default_permissions", "force_password_change"), False),
            }
            asked = f"INSERT INTO users (id, {', '.join(columns)}) VALUES ({number + 10}, :{', :'.join(columns)})"
            db.execute(text(asked), columns)
    assert schema.upgrade(store, tmp_path / "backups")
    with store.read() as db:
        keys = db.execute(text("SELECT username_key FROM users WHERE id >= 10 ORDER BY id")).scalars().all()
    assert keys == ["ada", "ada~11", "ben", "cy"]


def test_the_steps_can_be_written_for_postgresql() -> None:
    """Nothing in them is for SQLite alone; whole tables are not copied there."""
    said = StringIO()
    context = MigrationContext.configure(dialect_name="postgresql", opts={"as_sql": True, "output_buffer": said})
    for revision in ("0004", "0007", "0008", "0011", "0016"):
        script = ScriptDirectory(str(schema._MIGRATIONS)).get_revision(revision)
        with Operations.context(context):
            script.module.upgrade()
    assert "ALTER TABLE changeset_comments ADD COLUMN kind VARCHAR(10) DEFAULT 'note' NOT NULL" in said.getvalue()
    assert "CREATE TABLE repository_settings" in said.getvalue()
    assert "ALTER TABLE changeset_comments ADD COLUMN edited_on VARCHAR(23)" in said.getvalue()
    assert "PRIMARY KEY (repository_id, raw_id, context)" in said.getvalue()
    assert "SERIAL" not in said.getvalue().split("CREATE TABLE commit_checks")[1].split("CREATE TABLE sessions")[0]
    assert "SET DEFAULT pg_current_xact_id()::text::bigint" in said.getvalue()
    told = "WHERE action <> 'pull' AND repository_id IS NOT NULL"
    assert f"CREATE INDEX ix_journal_user_told ON journal (user_id, id) {told};" in said.getvalue()
    assert "CREATE INDEX ix_repositories_private ON repositories (id) WHERE private;" in said.getvalue()


@pytest.mark.sqlite_only  # other databases have tools of their own for that
def test_an_older_database_is_backed_up_before_it_is_changed(store: Store, tmp_path: Path) -> None:
    _upgrade_to_the_first(store)
    with pytest.raises(StartRefused, match="trivium upgrade-db"):
        schema.check(store)
    assert schema.upgrade(store, tmp_path / "backups")
    schema.check(store)
    (backup,) = (tmp_path / "backups").iterdir()
    assert backup.stat().st_mode & 0o077 == 0
    copy = sqlite3.connect(backup)
    assert copy.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
    assert copy.execute("SELECT username FROM users").fetchall() == [("default",)]
    assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    copy.close()


def test_names_of_before_are_found_by_their_parts(store: Store, tmp_path: Path) -> None:
    _upgrade_to_the_first(store, "0007")
    with store.write_bare() as db:
        columns = {
            "owner_id": 1,
            "landing_rev": "'rev:tip'",
            "kind": "'git'",
            "last_changeset": "'{}'",
            **dict.fromkeys(("description", "created_on", "updated_on", "history_state"), "''"),
            **dict.fromkeys(
                ("private", "archived", "enable_downloads", "enable_locking", "enable_statistics"), "false"
            ),
        }
        for number, name in enumerate(("team/Core", "x"), start=1):
            values = columns | {"id": number, "name": f"'{name}'", "name_key": f"'{name.casefold()}'"}
            db.execute(
                text(f"INSERT INTO repositories ({', '.join(values)}) VALUES ({', '.join(map(str, values.values()))})")
            )
    assert schema.upgrade(store, tmp_path / "backups")
    with store.read() as db:
        rows = db.execute(text("SELECT repository_id, gram FROM repository_grams")).all()
    assert {gram for number, gram in rows if number == 1} == grams_of("team/core")
    assert {gram for number, gram in rows if number == 2} == grams_of("x") and len(rows) == 10


def test_users_of_before_are_found_by_their_parts(store: Store, tmp_path: Path) -> None:
    _upgrade_to_the_first(store, "0015")
    texts = {10: ("Äda", "äda x@y strasse", "Straße"), 11: ("日本", "日本", "")}
    with store.write_bare() as db:
        for number, (name, search_key, lastname) in texts.items():
            columns = {
                "username": name,
                "username_key": name.casefold(),
                "search_key": search_key,
                "lastname": lastname,
                **dict.fromkeys(("firstname", "extern_name", "extern_type", "created_on"), ""),
                **dict.fromkeys(("active", "admin", "inherit_default_permissions", "force_password_change"), False),
            }
            asked = f"INSERT INTO users (id, {', '.join(columns)}) VALUES ({number}, :{', :'.join(columns)})"
            db.execute(text(asked), columns)
            db.execute(text("INSERT INTO user_grams (gram, user_id) VALUES ('old', :number)"), {"number": number})
    assert schema.upgrade(store, tmp_path / "backups")
    with store.read() as db:
        rows = db.execute(text("SELECT user_id, name_key, gram FROM user_grams")).all()
        keys = db.execute(text("SELECT names_key FROM users WHERE id >= 10 ORDER BY id")).scalars().all()
    for number, (name, search_key, _) in texts.items():
        assert {gram for which, key, gram in rows if (which, key) == (number, name.casefold())} == grams_of(search_key)
    assert len(rows) == sum(len(grams_of(search_key)) for _, search_key, _ in texts.values())
    assert keys == ["äda strasse", "日本"]
