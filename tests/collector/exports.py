"""What OpenTelemetry exporters send, as the journal holds it, and the store that comes of it."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from kagura.collector import drain
from kagura.config import Settings
from kagura.journal import JournalWriter, Record, Telemetry
from kagura.model import Span
from kagura.otel.incoming import scoped_id
from kagura.store import Store
from tests.collector.recorded import T

MILLISECOND = 1000
TRACE = "c0ffee00" * 4
AGENT = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner"}


def chat(**more: Any) -> dict[str, Any]:
    """Attributes of a call of a model."""
    return {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o"} | {
        name.replace("__", "."): value for name, value in more.items()
    }


def value(given: Any) -> dict[str, Any]:
    """An attribute's value in OTLP/JSON."""
    if isinstance(given, bool):
        return {"boolValue": given}
    if isinstance(given, int):
        return {"intValue": str(given)}
    if isinstance(given, float):
        return {"doubleValue": given}
    if isinstance(given, list):
        return {"arrayValue": {"values": [value(item) for item in given]}}
    return {"stringValue": given}


def pairs(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": value(given)} for key, given in attributes.items()]


def span(
    name: str,
    number: int,
    parent: int | None,
    at: tuple[int, int],
    attributes: dict[str, Any] | None = None,
    *,
    trace: str = TRACE,
    **fields: Any,
) -> dict[str, Any]:
    """A span from `at[0]` to `at[1]` milliseconds after T; ids are made of numbers."""
    begun, ended = (str((T + offset * MILLISECOND) * 1000) for offset in at)
    above = {"parentSpanId": f"{parent:016x}"} if parent else {}
    times = {"startTimeUnixNano": begun, "endTimeUnixNano": ended}
    given = {"attributes": pairs(attributes or {})}
    return {"traceId": trace, "spanId": f"{number:016x}", "name": name, **above, **times, **given, **fields}


def export(*spans: dict[str, Any], resource: dict[str, Any] | None = None) -> Telemetry:
    """A request with these spans."""
    scope = {"scope": {"name": "tests"}, "spans": list(spans)}
    groups = [{"resource": {"attributes": pairs(resource or {})}, "scopeSpans": [scope]}]
    return Telemetry(
        signal="traces", encoding="json", received_at=T, body=json.dumps({"resourceSpans": groups}).encode()
    )


def logs(*records: dict[str, Any], resource: dict[str, Any] | None = None) -> Telemetry:
    """A request with these log records."""
    groups = [{"resource": {"attributes": pairs(resource or {})}, "scopeLogs": [{"logRecords": list(records)}]}]
    return Telemetry(signal="logs", encoding="json", received_at=T, body=json.dumps({"resourceLogs": groups}).encode())


def event(name: str, at: int, **attributes: Any) -> dict[str, Any]:
    """A log record of an event, `at` milliseconds after T; `__` in names stands for a dot."""
    given = {key.replace("__", "."): said for key, said in attributes.items()}
    own = pairs({"event.name": name.partition(".")[2]} | given)
    return {"timeUnixNano": str((T + at * MILLISECOND) * 1000), "body": {"stringValue": name}, "attributes": own}


def stored(home: Path, *batches: Sequence[Record]) -> list[Span]:
    """Journal and store the records, each batch by a collector of its own; all spans, by start."""
    settings = Settings(home=home)
    for batch in batches:
        writer = JournalWriter(settings.journal_dir)
        for record in batch:
            writer.append(record)
        writer.close()
        assert drain(settings)
    with Store.open(settings.db_url, read_only=True) as store:
        traces = [store.trace(row.id) for row in store.executions(limit=1000)]
    return sorted(
        (span for trace in traces if trace for span in trace.spans), key=lambda span: (span.started_at, span.id)
    )


def own_id(number: int, trace: str = TRACE) -> str:
    """kagura's id of a span made by `span`."""
    return scoped_id(trace, f"{number:016x}")


def tree(spans: Iterable[Span]) -> list[str]:
    """Kinds and names, indented as they hang."""
    listed = list(spans)
    known = {span.id for span in listed}

    def below(parent: str | None, depth: int) -> list[str]:
        lines = []
        for one in listed:
            if (one.parent_id if one.parent_id in known else None) == parent:
                lines += [f"{'  ' * depth}{one.kind} {one.name}", *below(one.id, depth + 1)]
        return lines

    return below(None, 0)
