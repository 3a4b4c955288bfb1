"""All that was said in a span, however long: into a file, or before the eyes of whoever has a pager."""

import os
import re
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from kagura.dashboard.period import Clock
from kagura.dashboard.tui.detail import span_detail
from kagura.dashboard.tui.raw import ANSWER, REQUEST, raw_detail
from kagura.errors import InputError
from kagura.model import Span
from kagura.store import SpanContents
from kagura.store.questions import Kept, Particulars

PAGER = "less"
_SAME_NAME = 1000
_ODD = re.compile(r"[^\w.-]+")


def particulars(span: Span, contents: SpanContents) -> Particulars:
    """Everything about a span, nothing of it cut."""

    def kept(data: bytes) -> Kept:
        return Kept(data=data, size=len(data))

    return Particulars(
        span=span,
        inputs=[kept(data) for data in contents.inputs],
        parameters=None if contents.parameters is None else kept(contents.parameters),
        outputs=[kept(data) for data in contents.outputs],
        raw_request=None if contents.raw_request is None else kept(contents.raw_request),
        raw_response=None if contents.raw_response is None else kept(contents.raw_response),
    )


def saved(folder: Path, span_id: str, part: str, contents: SpanContents) -> Path | None:
    """Write one side of a call byte for byte, or else all that was said as JSON; `None` where nothing of it is kept.

    The file is private and new. Raises InputError where it cannot be written.
    """
    data = {REQUEST: contents.raw_request, ANSWER: contents.raw_response}.get(part, _document(contents))
    if data is None:
        return None
    name = "-".join(filter(None, ("kagura", _ODD.sub("_", span_id)[:64], part)))
    suffix = "json" if _is_json(data) else "txt"
    for number in range(_SAME_NAME):
        path = folder / f"{name}{f'-{number}' if number else ''}.{suffix}"
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        except OSError as error:
            raise InputError(f"{path}: cannot be written: {error.strerror}", "Start the monitor elsewhere.") from None
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        return path
    raise InputError(f"{folder} holds too many such files", "Remove some.")


def _document(contents: SpanContents) -> bytes | None:
    if not contents.inputs and not contents.outputs:
        return None
    document = {
        "input_messages": [_said(part) for part in contents.inputs],
        "parameters": _said(contents.parameters or b"null"),
        "output_messages": [_said(part) for part in contents.outputs],
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _said(part: bytes) -> Any:
    return msgspec.Raw(part) if _is_json(part) else part.decode("utf-8", "replace")


def _is_json(data: bytes) -> bool:
    try:
        msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True


def text_of(found: Particulars, part: str, clock: Clock) -> str:
    """What the details would show if they showed all of it; harmless for a terminal."""
    return (raw_detail(found, part, None) if part else span_detail(found, clock, None)).text


def page(text: str) -> None:
    """Show a text in the user's pager. Raises InputError where there is none."""
    command = shlex.split(os.environ.get("PAGER") or PAGER)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix="kagura-", suffix=".txt") as file:
        file.write(text + "\n")
        file.flush()
        try:
            subprocess.run([*command, file.name], check=False)
        except OSError as error:
            raise InputError(f"{command[0]}: {error.strerror}", "PAGER names the program that shows it.") from None
