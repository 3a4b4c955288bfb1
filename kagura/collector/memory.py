"""Memory that a batch needed, given back to the system: the allocator of glibc keeps what it was once given."""

import ctypes
from functools import cache
from typing import Any


@cache
def _trim() -> Any:
    """glibc's `malloc_trim`; `None` with any other C library."""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None


def give_back() -> None:
    """Give what is free back, where the system knows how; takes some milliseconds."""
    trim = _trim()
    if trim is not None:
        trim(0)
