"""Stores of every kind, and rules in one line."""

from tests.store.conftest import empty_postgres_url, lasting_url, sqlite_url, store, url

__all__ = ["empty_postgres_url", "lasting_url", "sqlite_url", "store", "url"]
