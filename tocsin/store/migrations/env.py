"""Run by Alembic: migrates over the connection (and inside the transaction) that `tocsin.store.upgrade` hands it."""

from __future__ import annotations

from alembic import context

from tocsin.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
