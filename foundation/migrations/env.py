"""Run by alembic: one connection, one transaction, short lock waits.

A migration that cannot get its lock in five seconds gives up instead of queueing every reader behind it.
"""

from alembic import context
from sqlalchemy import text

connection = context.config.attributes["connection"]
connection.execute(text("SET lock_timeout = '5s'"))
connection.execute(text("SET statement_timeout = '10min'"))
context.configure(connection=connection, transaction_per_migration=False)
with context.begin_transaction():
    context.run_migrations()
