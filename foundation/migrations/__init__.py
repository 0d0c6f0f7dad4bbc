"""Alembic migrations: readable SQL, one subject a file."""
