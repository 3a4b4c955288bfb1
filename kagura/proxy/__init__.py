"""Bytes in, bytes out: routes, the relay, the identity of a call, the ingest endpoints."""
