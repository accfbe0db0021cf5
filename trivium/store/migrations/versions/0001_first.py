# SPDX-License-Identifier: GPL-3.0-or-later
"""The first schema: accounts, groups, permissions, repositories, journal, intents."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_FACTORY = (
    "repository.read",
    "group.read",
    "usergroup.read",
    "hg.create.repository",
    "hg.create.write_on_repogroup.true",
    "hg.fork.repository",
    "hg.repogroup.create.false",
    "hg.usergroup.create.false",
    "hg.register.manual_activate",
    "hg.extern_activate.auto",
)


def upgrade() -> None:
    op.create_table("access_stamp",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("version", sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_access_stamp"))
    )
    op.create_table("intents",
    sa.Column("id", sa.String(length=32), nullable=False),
    sa.Column("worker", sa.String(length=32), nullable=False),
    sa.Column("kind", sa.String(length=20), nullable=False),
    sa.Column("detail", sa.Text(), nullable=False),
    sa.Column("created_on", sa.String(length=23), nullable=False),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_intents"))
    )
    op.create_index(op.f("ix_intents_worker"), "intents", ["worker"], unique=False)
    op.create_table("journal",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("at", sa.String(length=23), nullable=False),
    sa.Column("user_id", sa.Integer(), nullable=True),
    sa.Column("username", sa.String(length=255), nullable=False),
    sa.Column("address", sa.String(length=45), nullable=False),
    sa.Column("action", sa.String(length=60), nullable=False),
    sa.Column("subject", sa.String(length=255), nullable=False),
    sa.Column("repository_id", sa.Integer(), nullable=True),
    sa.Column("detail", sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_journal")),
    sqlite_autoincrement=True
    )
    op.create_index("ix_journal_repository_id", "journal", ["repository_id"], unique=False)
    op.create_table("sign_in_failures",
    sa.Column("account", sa.String(length=255), nullable=False),
    sa.Column("address", sa.String(length=45), nullable=False),
    sa.Column("failures", sa.Integer(), nullable=False),
    sa.Column("first_at", sa.Integer(), nullable=False),
    sa.Column("blocked_until", sa.Integer(), nullable=False),
    sa.Column("wait", sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint("account", "address", name=op.f("pk_sign_in_failures"))
    )
    op.create_table("site_values",
    sa.Column("key", sa.String(length=100), nullable=False),
    sa.Column("value", sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint("key", name=op.f("pk_site_values"))
    )
    op.create_table("users",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("username", sa.String(length=255), nullable=False),
    sa.Column("username_key", sa.String(length=255), nullable=False),
    sa.Column("firstname", sa.Text(), nullable=False),
    sa.Column("lastname", sa.Text(), nullable=False),
    sa.Column("email", sa.String(length=255), nullable=True),
    sa.Column("active", sa.Boolean(), nullable=False),
    sa.Column("admin", sa.Boolean(), nullable=False),
    sa.Column("password_hash", sa.Text(), nullable=True),
    sa.Column("extern_name", sa.Text(), nullable=False),
    sa.Column("extern_type", sa.Text(), nullable=False),
    sa.Column("inherit_default_permissions", sa.Boolean(), nullable=False),
    sa.Column("force_password_change", sa.Boolean(), nullable=False),
    sa.Column("created_on", sa.String(length=23), nullable=False),
    sa.Column("last_login", sa.String(length=23), nullable=True),
    sa.Column("last_activity", sa.String(length=23), nullable=True),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
    sa.UniqueConstraint("email", name=op.f("uq_users_email")),
    sa.UniqueConstraint("username_key", name=op.f("uq_users_username_key")),
    sqlite_autoincrement=True
    )
    op.create_index(op.f("ix_users_admin"), "users", ["admin"], unique=False)
    op.create_table("repo_groups",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("name", sa.String(length=255), nullable=False),
    sa.Column("name_key", sa.String(length=255), nullable=False),
    sa.Column("parent_id", sa.Integer(), nullable=True),
    sa.Column("owner_id", sa.Integer(), nullable=False),
    sa.Column("description", sa.Text(), nullable=False),
    sa.Column("enable_locking", sa.Boolean(), nullable=False),
    sa.Column("created_on", sa.String(length=23), nullable=False),
    sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_repo_groups_owner_id"), ondelete="RESTRICT"),
    sa.ForeignKeyConstraint(["parent_id"], ["repo_groups.id"], name=op.f("fk_repo_groups_parent_id"), ondelete="RESTRICT"),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_repo_groups")),
    sa.UniqueConstraint("name_key", name=op.f("uq_repo_groups_name_key")),
    sqlite_autoincrement=True
    )
    op.create_index(op.f("ix_repo_groups_owner_id"), "repo_groups", ["owner_id"], unique=False)
    op.create_index(op.f("ix_repo_groups_parent_id"), "repo_groups", ["parent_id"], unique=False)
    op.create_table("tokens",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("user_id", sa.Integer(), nullable=False),
    sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
    sa.Column("sealed", sa.LargeBinary(), nullable=False),
    sa.Column("role", sa.String(length=20), nullable=False),
    sa.Column("builtin", sa.Boolean(), nullable=False),
    sa.Column("description", sa.Text(), nullable=False),
    sa.Column("expires", sa.Integer(), nullable=False),
    sa.Column("created_on", sa.String(length=23), nullable=False),
    sa.Column("last_used", sa.String(length=23), nullable=True),
    sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_tokens_user_id"), ondelete="CASCADE"),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
    sa.UniqueConstraint("digest", name=op.f("uq_tokens_digest")),
    sqlite_autoincrement=True
    )
    op.create_index(op.f("ix_tokens_user_id"), "tokens", ["user_id"], unique=False)
    op.create_table("user_addresses",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("user_id", sa.Integer(), nullable=False),
    sa.Column("network", sa.String(length=50), nullable=False),
    sa.Column("description", sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_user_addresses_user_id"), ondelete="CASCADE"),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_user_addresses")),
    sa.UniqueConstraint("user_id", "network", name=op.f("uq_user_addresses_user_id_network")),
    sqlite_autoincrement=True
    )
    op.create_table("user_emails",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("user_id", sa.Integer(), nullable=False),
    sa.Column("email", sa.String(length=255), nullable=False),
    sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_user_emails_user_id"), ondelete="CASCADE"),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_user_emails")),
    sa.UniqueConstraint("email", name=op.f("uq_user_emails_email")),
    sqlite_autoincrement=True
    )
    op.create_index(op.f("ix_user_emails_user_id"), "user_emails", ["user_id"], unique=False)
    op.create_table("user_groups",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("name", sa.String(length=255), nullable=False),
    sa.Column("name_key", sa.String(length=255), nullable=False),
    sa.Column("description", sa.Text(), nullable=False),
    sa.Column("active", sa.Boolean(), nullable=False),
    sa.Column("owner_id", sa.Integer(), nullable=False),
    sa.Column("created_on", sa.String(length=23), nullable=False),
    sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_user_groups_owner_id"), ondelete="RESTRICT"),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_user_groups")),
    sa.UniqueConstraint("name_key", name=op.f("uq_user_groups_name_key")),
    sqlite_autoincrement=True
    )
    op.create_index(op.f("ix_user_groups_owner_id"), "user_groups", ["owner_id"], unique=False)
    op.create_table("global_grants",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("user_id", sa.Integer(), nullable=True),
    sa.Column("group_id", sa.Integer(), nullable=True),
    sa.Column("permission", sa.String(length=60), nullable=False),
    sa.ForeignKeyConstraint(["group_id"], ["user_groups.id"], name=op.f("fk_global_grants_group_id"), ondelete="CASCADE"),
    sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_global_grants_user_id"), ondelete="CASCADE"),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_global_grants")),
    sa.UniqueConstraint("group_id", "permission", name=op.f("uq_global_grants_group_id_permission")),
    sa.UniqueConstraint("user_id", "permission", name=op.f("uq_global_grants_user_id_permission")),
    sqlite_autoincrement=True
    )
    op.create_table("repo_group_grants",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("object_id", sa.Integer(), nullable=False),
    sa.Column("user_id", sa.Integer(), nullable=True),
    sa.Column("group_id", sa.Integer(), nullable=True),
    sa.Column("level", sa.SmallInteger(), nullable=False),
    sa.ForeignKeyConstraint(["group_id"], ["user_groups.id"], name=op.f("fk_repo_group_grants_group_id"), ondelete="CASCADE"),
    sa.ForeignKeyConstraint(["object_id"], ["repo_groups.id"], name=op.f("fk_repo_group_grants_object_id"), ondelete="CASCADE"),
    sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_repo_group_grants_user_id"), ondelete="CASCADE"),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_repo_group_grants")),
    sa.UniqueConstraint("object_id", "group_id", name=op.f("uq_repo_group_grants_object_id_group_id")),
    sa.UniqueConstraint("object_id", "user_id", name=op.f("uq_repo_group_grants_object_id_user_id")),
    sqlite_autoincrement=True
    )
    op.create_index(op.f("ix_repo_group_grants_group_id"), "repo_group_grants", ["group_id"], unique=False)
    op.create_index(op.f("ix_repo_group_grants_user_id"), "repo_group_grants", ["user_id"], unique=False)
    op.create_table("repositories",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("name", sa.String(length=255), nullable=False),
    sa.Column("name_key", sa.String(length=255), nullable=False),
    sa.Column("group_id", sa.Integer(), nullable=True),
    sa.Column("kind", sa.String(length=10), nullable=False),
    sa.Column("owner_id", sa.Integer(), nullable=False),
    sa.Column("description", sa.Text(), nullable=False),
    sa.Column("private", sa.Boolean(), nullable=False),
    sa.Column("archived", sa.Boolean(), nullable=False),
    sa.Column("landing_rev", sa.String(length=255), nullable=False),
    sa.Column("enable_downloads", sa.Boolean(), nullable=False),
    sa.Column("enable_locking", sa.Boolean(), nullable=False),
    sa.Column("enable_statistics", sa.Boolean(), nullable=False),
    sa.Column("fork_of_id", sa.Integer(), nullable=True),
    sa.Column("created_on", sa.String(length=23), nullable=False),
    sa.Column("updated_on", sa.String(length=23), nullable=False),
    sa.Column("last_changeset", sa.Text(), nullable=False),
    sa.Column("history_state", sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(["fork_of_id"], ["repositories.id"], name=op.f("fk_repositories_fork_of_id"), ondelete="SET NULL"),
    sa.ForeignKeyConstraint(["group_id"], ["repo_groups.id"], name=op.f("fk_repositories_group_id"), ondelete="RESTRICT"),
    sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_repositories_owner_id"), ondelete="RESTRICT"),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_repositories")),
    sa.UniqueConstraint("name_key", name=op.f("uq_repositories_name_key")),
    sqlite_autoincrement=True
    )
    op.create_index(op.f("ix_repositories_fork_of_id"), "repositories", ["fork_of_id"], unique=False)
    op.create_index(op.f("ix_repositories_group_id"), "repositories", ["group_id"], unique=False)
    op.create_index(op.f("ix_repositories_owner_id"), "repositories", ["owner_id"], unique=False)
    op.create_table("user_group_grants",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("object_id", sa.Integer(), nullable=False),
    sa.Column("user_id", sa.Integer(), nullable=True),
    sa.Column("group_id", sa.Integer(), nullable=True),
    sa.Column("level", sa.SmallInteger(), nullable=False),
    sa.ForeignKeyConstraint(["group_id"], ["user_groups.id"], name=op.f("fk_user_group_grants_group_id"), ondelete="CASCADE"),
    sa.ForeignKeyConstraint(["object_id"], ["user_groups.id"], name=op.f("fk_user_group_grants_object_id"), ondelete="CASCADE"),
    sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_user_group_grants_user_id"), ondelete="CASCADE"),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_user_group_grants")),
    sa.UniqueConstraint("object_id", "group_id", name=op.f("uq_user_group_grants_object_id_group_id")),
    sa.UniqueConstraint("object_id", "user_id", name=op.f("uq_user_group_grants_object_id_user_id")),
    sqlite_autoincrement=True
    )
    op.create_index(op.f("ix_user_group_grants_group_id"), "user_group_grants", ["group_id"], unique=False)
    op.create_index(op.f("ix_user_group_grants_user_id"), "user_group_grants", ["user_id"], unique=False)
    op.create_table("user_group_members",
    sa.Column("user_group_id", sa.Integer(), nullable=False),
    sa.Column("user_id", sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(["user_group_id"], ["user_groups.id"], name=op.f("fk_user_group_members_user_group_id"), ondelete="CASCADE"),
    sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_user_group_members_user_id"), ondelete="CASCADE"),
    sa.PrimaryKeyConstraint("user_group_id", "user_id", name=op.f("pk_user_group_members"))
    )
    op.create_index(op.f("ix_user_group_members_user_id"), "user_group_members", ["user_id"], unique=False)
    op.create_table("repository_fields",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("repository_id", sa.Integer(), nullable=False),
    sa.Column("key", sa.String(length=100), nullable=False),
    sa.Column("label", sa.Text(), nullable=False),
    sa.Column("description", sa.Text(), nullable=False),
    sa.Column("value", sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_repository_fields_repository_id"), ondelete="CASCADE"),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_repository_fields")),
    sa.UniqueConstraint("repository_id", "key", name=op.f("uq_repository_fields_repository_id_key")),
    sqlite_autoincrement=True
    )
    op.create_table("repository_followers",
    sa.Column("repository_id", sa.Integer(), nullable=False),
    sa.Column("user_id", sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_repository_followers_repository_id"), ondelete="CASCADE"),
    sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_repository_followers_user_id"), ondelete="CASCADE"),
    sa.PrimaryKeyConstraint("repository_id", "user_id", name=op.f("pk_repository_followers"))
    )
    op.create_index(op.f("ix_repository_followers_user_id"), "repository_followers", ["user_id"], unique=False)
    op.create_table("repository_grants",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("object_id", sa.Integer(), nullable=False),
    sa.Column("user_id", sa.Integer(), nullable=True),
    sa.Column("group_id", sa.Integer(), nullable=True),
    sa.Column("level", sa.SmallInteger(), nullable=False),
    sa.ForeignKeyConstraint(["group_id"], ["user_groups.id"], name=op.f("fk_repository_grants_group_id"), ondelete="CASCADE"),
    sa.ForeignKeyConstraint(["object_id"], ["repositories.id"], name=op.f("fk_repository_grants_object_id"), ondelete="CASCADE"),
    sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_repository_grants_user_id"), ondelete="CASCADE"),
    sa.PrimaryKeyConstraint("id", name=op.f("pk_repository_grants")),
    sa.UniqueConstraint("object_id", "group_id", name=op.f("uq_repository_grants_object_id_group_id")),
    sa.UniqueConstraint("object_id", "user_id", name=op.f("uq_repository_grants_object_id_user_id")),
    sqlite_autoincrement=True
    )
    op.create_index(op.f("ix_repository_grants_group_id"), "repository_grants", ["group_id"], unique=False)
    op.create_index(op.f("ix_repository_grants_user_id"), "repository_grants", ["user_id"], unique=False)
    _insert_default_user()


def _insert_default_user() -> None:
    """The user `default` with the factory permissions, and the first access stamp."""
    moment = datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
    op.execute(sa.text("INSERT INTO access_stamp (id, version) VALUES (1, 1)"))
    op.execute(
        sa.text(
            "INSERT INTO users (id, username, username_key, firstname, lastname, active, admin, extern_name,"
            " extern_type, inherit_default_permissions, force_password_change, created_on)"
            " VALUES (1, 'default', 'default', 'Anonymous', 'User', false, false, 'rhodecode', 'rhodecode', true,"
            " false, :moment)"
        ).bindparams(moment=moment)
    )
    for permission in _FACTORY:
        op.execute(
            sa.text("INSERT INTO global_grants (user_id, permission) VALUES (1, :permission)").bindparams(
                permission=permission
            )
        )
