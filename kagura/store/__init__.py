"""The trace store: tables, migrations, writes, queries, retention, export."""
