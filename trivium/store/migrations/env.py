# SPDX-License-Identifier: GPL-3.0-or-later
"""Alembic's environment: the steps run on the connection, and in the transaction, that `schema.upgrade` gives."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True, render_as_batch=True)
context.run_migrations()
