"""Spans to write: a run of an agent on 10 October 2025."""

from decimal import Decimal
from typing import Any

from kagura.model import Cost, CostSource, Execution, Span, SpanKind, Status, ToolCall, Usage

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
T = 1_760_115_600 * SECOND
"""2025-10-10 17:00:00 UTC."""


def span_id(number: int) -> str:
    return f"{number:016x}"


def llm(number: int = 1, at: int = T, **changes: Any) -> Span:
    """A finished call: 2 s, 100 tokens in, 20 out, $0.001."""
    fields: dict[str, Any] = {
        "id": span_id(number),
        "execution_id": "run-1",
        "kind": SpanKind.LLM,
        "name": "gpt-4o",
        "agent": "my_agent",
        "status": Status.COMPLETED,
        "started_at": at,
        "ended_at": at + 2 * SECOND,
        "provider": "openai",
        "request_model": "gpt-4o",
        "response_model": "gpt-4o-2024-08-06",
        "usage": Usage(input=100, output=20, cache_read=40),
        "cost": cost("0.001"),
    }
    return Span(**fields | changes)


def running(number: int = 1, at: int = T, **changes: Any) -> Span:
    """A call without an answer yet."""
    fields = {"status": Status.RUNNING, "ended_at": None, "usage": None, "cost": None, "response_model": None}
    return llm(number, at, **fields | changes)


def failed(number: int = 1, at: int = T, **changes: Any) -> Span:
    """A call that the provider refused."""
    fields = {
        "status": Status.FAILED,
        "usage": None,
        "cost": None,
        "error": "Rate limit reached",
        "error_type": "rate_limit_error",
        "http_status": 429,
    }
    return llm(number, at, **fields | changes)


def tool(number: int = 1, at: int = T, name: str = "search", **changes: Any) -> Span:
    """A tool that ran for 1 s."""
    fields: dict[str, Any] = {
        "id": span_id(number),
        "execution_id": "run-1",
        "kind": SpanKind.TOOL,
        "name": name,
        "agent": "my_agent",
        "status": Status.COMPLETED,
        "started_at": at,
        "ended_at": at + SECOND,
    }
    return Span(**fields | changes)


def cost(dollars: str | None, *, estimated: bool = False) -> Cost:
    return Cost(
        total=None if dollars is None else Decimal(dollars),
        source=None if dollars is None else CostSource.CATALOG,
        estimated=estimated,
    )


def asks(*names: str) -> list[ToolCall]:
    return [ToolCall(name=name, id=f"call_{number}", arguments={"q": 1}) for number, name in enumerate(names)]


def declared(status: Status = Status.RUNNING, at: int = T, **changes: Any) -> Execution:
    """A run whose start and end somebody reports."""
    fields: dict[str, Any] = {"id": "run-1", "agent": "my_agent", "status": status, "started_at": at, "declared": True}
    return Execution(**fields | changes)
