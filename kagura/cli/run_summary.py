"""What a run did, in a line for people and as a JSON object for programs."""

import json
import os
import time
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, Any

import typer

from kagura.cli.proxies import RunProxy
from kagura.cli.reporting import Outcome
from kagura.config import Settings
from kagura.errors import InputError, StoreError
from kagura.model import JsonObject, SpanKind, Status

if TYPE_CHECKING:
    from kagura.store import Trace

SETTLE_SECONDS = 3.0
"""How long the records of a run may take to reach the store."""
POLL_SECONDS = 0.1
_TOOLS = (SpanKind.TOOL, SpanKind.MEMORY, SpanKind.RETRIEVAL)


def settled(settings: Settings, execution_id: str) -> "Trace | None":
    """The run as the store has it once nothing of it is under way; the latest state after `SETTLE_SECONDS`.

    Raises StoreError where the store cannot be read.
    """

    from kagura.collector import drain
    from kagura.store.opening import open_to_look

    def look() -> "Trace | None":
        drain(settings)
        # A collector that has just begun has made no store yet.
        store = open_to_look(settings.db_url)
        if store is None:
            return None
        with store:
            return store.trace(execution_id)

    return _settled(look)


def settled_elsewhere(root: str, key: str, execution_id: str) -> "Trace | None":
    """The same as the proxy at `root` tells it. Raises StoreError where that one does not."""
    from kagura.dashboard.tui.remote import RemoteFeed
    from kagura.store.questions import Failed, Opened, OpenRun

    feed = RemoteFeed(root, key, viewer="")

    def look() -> "Trace | None":
        answer = feed.ask(OpenRun(id=execution_id)).answer
        if isinstance(answer, Failed):
            raise StoreError(answer.message, answer.remedy)
        return answer.trace if isinstance(answer, Opened) else None

    try:
        return _settled(look)
    finally:
        feed.close()


def _settled(look: "Callable[[], Trace | None]") -> "Trace | None":
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        found = look()
        row = found and found.execution
        if (row and row.status != Status.RUNNING and not row.running_calls) or time.monotonic() > deadline:
            return found
        time.sleep(POLL_SECONDS)


def lines(trace: "Trace", flags: str = "") -> Iterator[str]:
    """The summary for people; `flags` name the proxy that has the run, where that is not here."""
    from kagura.dashboard.amounts import count, duration, money, plural
    from kagura.dashboard.text import safe

    row = trace.execution
    head = f"kagura: {safe(row.agent)} {row.status}: "
    if not row.llm_calls:
        yield f"{head}no LLM call came through the proxy · {duration(row.duration)}"
        yield "        A client whose address is set in code or in a file of its own passes the proxy by."
        return
    cost = [money(row.cost.billed)]
    if row.cost.estimated:
        cost.append(f"{money(row.cost.estimated, estimated=True)} estimated")
    if row.cost.unknown_calls:
        cost.append(f"{plural(row.cost.unknown_calls, 'call')} of unknown cost")
    parts = [
        plural(row.llm_calls, "LLM call"),
        f"{count(row.tokens.input)} tokens in, {count(row.tokens.output)} out",
        " + ".join(cost),
        *([plural(row.tool_calls, "tool call")] if row.tool_calls else []),
        duration(row.duration),
    ]
    yield head + " · ".join(parts)
    yield f"        kagura monitor {flags}--trace {safe(row.id)}"


def summary(trace: "Trace", code: int) -> JsonObject:
    """The run as in `kagura export --executions`, with `exit_code` and `tools`."""
    from kagura.store.export import execution_object

    return execution_object(trace.execution) | {"exit_code": code, "tools": tools(trace)}


def tools(trace: "Trace") -> list[JsonObject]:
    """The tools that a run used, each with its calls, failures and time in milliseconds; the slowest first."""
    found: dict[str, JsonObject] = {}
    for span in (span for span in trace.spans if span.kind in _TOOLS):
        row = found.setdefault(span.name, {"name": span.name, "calls": 0, "errors": 0, "duration_ms": 0.0})
        row["calls"] += 1
        row["errors"] += span.status == Status.FAILED
        row["duration_ms"] += (span.duration or 0) / 1000
    return sorted(found.values(), key=lambda row: -float(row["duration_ms"]))


def unread(id: str, agent: str, tags: dict[str, str], outcome: Outcome) -> JsonObject:
    """The same object where no store can tell: what is not known is null."""
    from kagura.store.export import execution_object
    from kagura.store.views import ExecutionRow

    run = ExecutionRow(
        id=id,
        agent=agent,
        status=Status(outcome.status),
        error=outcome.error,
        started_at=outcome.started_at,
        ended_at=outcome.ended_at,
        source="run",
        tags=tags,
    )
    found = execution_object(run)
    known = ("id", "agent", "status", "error", "started_at", "ended_at", "duration_ms", "source", "tags")
    return {name: found[name] if name in known else None for name in found} | {
        "exit_code": outcome.code,
        "tools": None,
    }


def opened(target: str) -> IO[str] | None:
    """The file for the JSON summary, private; `None` for standard output. Raises InputError where it cannot be made."""
    if target == "-":
        return None
    try:
        return os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8")
    except OSError as error:
        raise InputError(f"--json {target}: {error.strerror}", "Check the folder, and who owns it.") from None


def write(value: Any, target: IO[str] | None) -> None:
    """Write the JSON summary, and close its file."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    if target is None:
        typer.echo(text)
    else:
        with target:
            target.write(text + "\n")


def is_elsewhere(settings: Settings, proxy: RunProxy) -> bool:
    """Whether the run is in a store that only its proxy reads."""
    return proxy.is_remote and "://" not in (settings.db or "")


def elsewhere(settings: Settings, proxy: RunProxy, variable: str | None) -> str:
    """The flags with which a command finds the run at its proxy; none where it is in a store that is read here."""
    if not is_elsewhere(settings, proxy):
        return ""
    return f"--attach {proxy.root} " + (f"--attach-key-env {variable} " if variable else "")


def read(settings: Settings, proxy: RunProxy, execution_id: str, key: str = "") -> "tuple[Trace | None, str]":
    """The run, or why it cannot be told here: nothing that goes wrong with it changes the program's exit code."""
    if is_elsewhere(settings, proxy):
        why = ""
        try:
            found = settled_elsewhere(proxy.root, key, execution_id)
            if found:
                return found, ""
        except StoreError as error:
            why = f" ({error.message})"
        return None, f"recorded by {proxy.root}: `kagura monitor --trace {execution_id}` tells of it there{why}"
    try:
        found = settled(settings, execution_id)
    except StoreError as error:
        return None, f"the calls are kept in the journal, but not in the store: {error}"
    except Exception as error:
        return None, f"the run is recorded, but cannot be summed up: {type(error).__name__}: {error}"
    return found, "the run is in the journal; `kagura monitor` will show it"
