"""Alembic's entry: runs the revisions of versions/ on the connection that records.py hands over."""

from alembic import context
from sqlmodel import SQLModel

import governance.records  # noqa: F401  (fills SQLModel.metadata)

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
