"""Alembic's migrations of the schema, one file a released version."""
