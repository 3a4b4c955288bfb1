"""Bytes in, bytes out: the relay between agents and providers, and its own endpoints."""
