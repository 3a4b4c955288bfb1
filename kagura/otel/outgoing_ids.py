"""Ids of traces and spans as they go out: those that callers brought, and those that follow from an execution's id."""

import hashlib
import re
from functools import lru_cache
from typing import NamedTuple

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?")
_ID = re.compile(r"[0-9a-f]{16}")


class Caller(NamedTuple):
    """The span of another program that made a call."""

    trace_id: str
    span_id: str


@lru_cache(maxsize=4096)
def trace_id_of(execution_id: str) -> str:
    """The trace id of an execution: 32 hexadecimal digits."""
    return hashlib.blake2b(execution_id.encode("utf-8", "replace"), digest_size=16, person=b"kagura trace").hexdigest()


@lru_cache(maxsize=4096)
def root_id_of(execution_id: str) -> str:
    """The id of the span that stands for an execution: 16 hexadecimal digits."""
    return hashlib.blake2b(execution_id.encode("utf-8", "replace"), digest_size=8, person=b"kagura root").hexdigest()


def read_traceparent(value: object) -> Caller | None:
    """The caller that a W3C `traceparent` header names; `None` where it is malformed."""
    found = _TRACEPARENT.fullmatch(value.strip().lower()) if isinstance(value, str) else None
    if found is None or not (found[1].strip("0") and found[2].strip("0")):
        return None
    return Caller(found[1], found[2])


@lru_cache(maxsize=4096)
def sent_id(span_id: str) -> str:
    """A span's id as OpenTelemetry takes it; nearly always it is one already."""
    if _ID.fullmatch(span_id) and span_id.strip("0"):
        return span_id
    return hashlib.blake2b(span_id.encode("utf-8", "replace"), digest_size=8, person=b"kagura span").hexdigest()
