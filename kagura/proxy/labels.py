"""What a call's `X-Kagura-*` headers and its path say about whose call it is."""

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote

from kagura.model import Labels
from kagura.proxy.headers import OWN_PREFIX, text

MAX_NAME = 200
"""Characters of an id or a name."""
ENCODED = "UTF-8''"
"""Begins a value that is percent-encoded: names in scripts that no header can carry."""
MAX_TAGS = 32
MAX_TAG = 256

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SPAN_ID = re.compile(r"[0-9a-f]{16}")


class PathTags(NamedTuple):
    """What `/agent/NAME/` and `/run/ID/` said."""

    agent: str | None = None
    execution_id: str | None = None


_NO_TAGS = PathTags()
_NO_LABELS = Labels()


def is_name(value: str) -> bool:
    """Whether a text can be an id or a name: not empty, not too long, no control characters."""
    return 0 < len(value) <= MAX_NAME and not _CONTROL.search(value)


def read_labels(headers: Mapping[bytes, bytes], tags: PathTags) -> tuple[Labels, int]:
    """The labels of a call, and how many headers were ignored because they are malformed.

    A bad header never fails a call. A header wins over the path.
    """
    if tags == _NO_TAGS and not any(name.startswith(OWN_PREFIX) for name in headers):
        return _NO_LABELS, 0
    ignored = 0

    def named(header: bytes) -> str | None:
        nonlocal ignored
        if header not in headers:
            return None
        value = _decoded(text(headers[header]).strip())
        if is_name(value):
            return value
        ignored += 1
        return None

    execution_id = named(b"x-kagura-execution-id")
    parent_id = named(b"x-kagura-parent-id")
    if parent_id and not _SPAN_ID.fullmatch(parent_id):
        parent_id, ignored = None, ignored + 1
    found, bad = _tags(text(headers.get(b"x-kagura-tags", b"")))
    source = "header" if execution_id else "path" if tags.execution_id else None
    labels = Labels(
        execution_id=execution_id or tags.execution_id,
        execution_source=source,
        agent=named(b"x-kagura-agent") or tags.agent,
        session_id=named(b"x-kagura-session-id"),
        parent_id=parent_id,
        user=named(b"x-kagura-user"),
        tags=found,
    )
    return labels, ignored + bad


def _decoded(value: str) -> str:
    """The text of a value that is percent-encoded (RFC 8187), else the value; empty where it cannot be decoded."""
    if not value.startswith(ENCODED):
        return value
    try:
        return unquote(value.removeprefix(ENCODED), errors="strict")
    except UnicodeDecodeError:
        return ""


def _tags(line: str) -> tuple[dict[str, str], int]:
    """`a=1,b=2` as a map, and how many parts could not be read."""
    tags: dict[str, str] = {}
    bad = 0
    for part in line.split(",") if line.strip() else ():
        name, mark, value = (piece.strip() for piece in part.partition("="))
        fits = is_name(name) and len(value) <= MAX_TAG and not _CONTROL.search(value)
        if mark and fits and (len(tags) < MAX_TAGS or name in tags):
            tags[name] = value
        else:
            bad += 1
    return tags, bad
