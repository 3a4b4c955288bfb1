"""The run of the dashboard's design document, and what a hostile world may put in its place."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType

from kagura.dashboard.period import Clock
from kagura.model import Cost, CostLine, CostSource, Execution, Span, SpanKind, Status, ToolCall, Usage
from kagura.store import Batch, Store
from kagura.store.views import (
    AgentSummary,
    CostRow,
    CostTotals,
    ExecutionRow,
    ModelUsage,
    Overview,
    SpanError,
    TokenTotals,
    ToolUsage,
)

ZONE = ZoneInfo("Asia/Tokyo")
SECOND = 1_000_000

HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07[bold red]markup[/] [link=file:///etc]x[/link] :smile:\x00\x9b31m\r\n"
    "\u202egpj.exe\u2066\ud800 日本語のとても長い文章 👩‍👩‍👧‍👦" + "A" * 20_000
)
"""Escape sequences, markup, null bytes, direction overrides, a broken surrogate, wide characters, great length."""


def at(*parts: int) -> int:
    """An instant of 2025-10-10 in Tokyo: hour, minute, second."""
    return int(datetime(2025, 10, 10, *parts, tzinfo=ZONE).timestamp()) * SECOND  # type: ignore[arg-type, misc]


def clock(now: int | None = None) -> Clock:
    return Clock(lambda: at(17, 45, 30) if now is None else now, ZONE)


def bill(prompt: int, completion: int, rates: tuple[str, str] = ("0.000002", "0.00001")) -> Cost:
    lines = [
        CostLine(unit="input", quantity=Decimal(prompt), rate=Decimal(rates[0])),
        CostLine(unit="output", quantity=Decimal(completion), rate=Decimal(rates[1])),
    ]
    return Cost(
        total=sum((line.amount for line in lines), Decimal(0)),
        source=CostSource.CATALOG,
        lines=lines,
        price_model="gpt-4o",
        price_version="test 2025-01-01",
    )


def span(id: str, kind: SpanKind, name: str, start: float, took: float | None, **more: Any) -> Span:
    """A span of the run that starts at 17:45:23; `start` and `took` in seconds."""
    began = at(17, 45, 23) + round(start * SECOND)
    facts: dict[str, Any] = {
        "execution_id": "exec_abc123",
        "agent": "my_agent",
        "status": Status.RUNNING if took is None else Status.COMPLETED,
        "ended_at": None if took is None else began + round(took * SECOND),
    }
    return Span(id=id, kind=kind, name=name, started_at=began, **{**facts, **more})


def llm(id: str, start: float, took: float | None, prompt: int, completion: int, answer: str, **more: Any) -> Span:
    facts: dict[str, Any] = {
        "request_model": "gpt-4o",
        "provider": "openai",
        "usage": Usage(input=prompt, output=completion),
        "cost": bill(prompt, completion),
        "output_preview": answer,
    }
    return span(id, SpanKind.LLM, "chat gpt-4o", start, took, **{**facts, **more})


def my_run(**changes: Any) -> ExecutionRow:
    """`exec_abc123` of the design document."""
    facts: dict[str, Any] = {
        "id": "exec_abc123",
        "agent": "my_agent",
        "status": Status.COMPLETED,
        "started_at": at(17, 45, 23),
        "ended_at": at(17, 45, 30) + SECOND // 5,
        "llm_calls": 2,
        "tool_calls": 1,
        "spans": 5,
        "tokens": TokenTotals(input=1536, output=384),
        "cost": CostTotals(billed=Decimal("0.0044")),
        "preview": "Where is the nearest shrine?",
    }
    return ExecutionRow(**{**facts, **changes})


def my_spans() -> list[Span]:
    return [
        span("a1", SpanKind.MEMORY, "lookup", 0.1, 0.05, attributes={"gen_ai.memory.record.count": 3}),
        llm("a2", 1.2, 2.1, 512, 128, "I need to search..."),
        span(
            "a3",
            SpanKind.TOOL,
            "search_tool",
            3.3,
            1.5,
            input_preview='{"query": "..."}',
            output_preview="[10 results]",
        ),
        llm("a4", 4.8, 2.2, 1024, 256, "Based on the search..."),
        span("a5", SpanKind.MEMORY, "store", 7.0, 0.05),
    ]


def seen(**changes: Any) -> Overview:
    facts: dict[str, Any] = {
        "active_executions": 2,
        "executions": 145,
        "llm_calls": 145,
        "errors": 2,
        "tokens": TokenTotals(input=222_720, output=74_240),
        "cost": CostTotals(billed=Decimal("4.57")),
        "average_duration": 4_200_000,
        "p95_duration": 8_100_000,
        "success_rate": 0.985,
    }
    return Overview(**{**facts, **changes})


def recent_runs() -> list[ExecutionRow]:
    """The four rows of the design document's first screen."""
    return [
        my_run(),
        my_run(
            id="exec_translate",
            agent="translate",
            started_at=at(17, 45, 28),
            ended_at=at(17, 45, 28) + 2_100_000,
            cost=CostTotals(billed=Decimal("0.0012")),
            preview="Say it in Japanese: 神社はどこですか",
        ),
        my_run(
            id="exec_running",
            status=Status.RUNNING,
            started_at=at(17, 45, 25) + 500_000,
            ended_at=None,
            running_calls=1,
            cost=CostTotals(),
        ),
        my_run(
            id="exec_review",
            agent="code_review",
            status=Status.FAILED,
            started_at=at(17, 45, 22),
            ended_at=at(17, 45, 26) + 800_000,
            cost=CostTotals(billed=Decimal("0.0031"), unknown_calls=1),
            error="the linter crashed",
        ),
    ]


def my_summary() -> AgentSummary:
    cost = CostTotals(billed=Decimal("2.45"))
    asked = TokenTotals(input=222_720, output=148_480)
    return AgentSummary(
        agent="my_agent",
        status=Status.RUNNING,
        executions=145,
        llm_calls=290,
        average_duration=5_200_000,
        p95_duration=8_100_000,
        success_rate=0.99,
        tokens=asked,
        cost=cost,
        models=[
            ModelUsage(
                model="gpt-4o",
                calls=290,
                calls_per_execution=2.0,
                errors=0,
                average_input_tokens=768,
                average_output_tokens=512,
                average_duration=2_100_000,
                tokens=asked,
                cost=cost,
            )
        ],
        tools=[
            ToolUsage(name=name, calls=calls, share=calls / 145, errors=0, average_duration=SECOND)
            for name, calls in (("search_tool", 87), ("calculate_tool", 45), ("file_read", 13))
        ],
        slow=[
            my_run(started_at=at(17, minute, second), ended_at=at(17, minute, second) + took, preview=question)
            for minute, second, took, question in (
                (42, 15, 12_300_000, "Complex search query"),
                (38, 42, 11_800_000, "Large file processing"),
                (35, 11, 10_900_000, "Multiple tool calls"),
            )
        ],
        errors=[
            SpanError(
                span_id="f1",
                execution_id="exec_review",
                kind=SpanKind.LLM,
                name="chat gpt-4o",
                at=at(17, 40, 1),
                error="rate limit reached",
                error_type="rate_limit",
                http_status=429,
            )
        ],
    )


def day_costs() -> list[CostRow]:
    """The three agents of the design document's cost summary."""
    return [
        CostRow(key=agent, executions=calls, calls=calls, tokens=TokenTotals(), cost=CostTotals(billed=Decimal(sum)))
        for agent, calls, sum in (
            ("my_agent", 145, "2.45"),
            ("translation_agent", 67, "0.89"),
            ("code_review_agent", 34, "1.23"),
        )
    ]


def failing_spans() -> list[Span]:
    """What does not always happen: a failure, a retry, nesting, an unknown price, an estimate, a call in flight."""
    estimated = msgspec.structs.replace(bill(100, 20), estimated=True)
    asked = [ToolCall(name="search_tool", arguments='{"query": "shrine", "limit": 3}')]
    return [
        llm(
            "b1", 0.1, 0.4, 0, 0, "", usage=None, cost=None,
            status=Status.FAILED, http_status=429, error_type="rate_limit", error="slow down",
        ),
        llm("b2", 0.6, 1.0, 900, 40, "", attempt=2, first_attempt_id="b1", tool_calls=asked, stream=True,
            time_to_first_chunk=320_000, usage=Usage(input=900, output=40, cache_read=512, reasoning=24)),
        span("b3", SpanKind.TOOL, "search_tool", 1.6, 2.0, inferred=True, input_preview='{"query": "shrine"}'),
        span("b4", SpanKind.AGENT, "helper", 1.7, 1.5, parent_id="b3"),
        llm("b5", 1.8, 1.0, 100, 20, "nested", parent_id="b4", cost=estimated),
        llm("b6", 3.7, 0.5, 10, 5, "priced by nobody", request_model="my-own", cost=Cost(unpriced=["input", "output"])),
        llm("b7", 4.5, None, 0, 0, "", usage=None, cost=None),
        span("b8", SpanKind.TOOL, "lint", 4.6, 0.2, status=Status.FAILED, error="exit code 1", parent_id="not there"),
    ]  # fmt: skip


def poisoned(value: Any) -> Any:
    """The same value with hostile text before every string of it, so that what was distinct stays distinct."""
    if isinstance(value, msgspec.Struct):
        fields = {name: poisoned(getattr(value, name)) for name in value.__struct_fields__}
        return type(value)(**fields)
    if isinstance(value, list):
        return [poisoned(item) for item in value]
    if isinstance(value, dict):
        return {HOSTILE: HOSTILE, **value}
    return HOSTILE + value if type(value) is str else value


def seed(home: Path) -> None:
    """A store with the design document's run, one that failed and one that runs."""
    home.mkdir(parents=True, exist_ok=True)
    batch = Batch()
    rows = (("exec_abc123", my_spans(), my_run()), ("exec_def456", failing_spans(), recent_runs()[3]))
    for execution_id, spans, row in rows:
        batch.executions.append(
            Execution(
                id=execution_id,
                agent=row.agent,
                status=row.status,
                error=row.error,
                started_at=row.started_at,
                ended_at=row.ended_at,
                declared=True,
            )
        )
        batch.spans += [msgspec.structs.replace(span, execution_id=execution_id, agent=row.agent) for span in spans]
    with Store.open(f"sqlite:///{home}/telemetry.db") as store:
        store.write(batch)


def drawn(view: RenderableType | Sequence[RenderableType], width: int = 80) -> str:
    """A view as the text of a terminal, trailing blanks taken off."""
    out = StringIO()
    body = Group(*view) if isinstance(view, Sequence) and not isinstance(view, str) else view
    Console(file=out, width=width, markup=False, emoji=False, highlight=False).print(body)
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip().splitlines())


def assert_harmless(text: str, width: int) -> None:
    """No character that a terminal obeys, no markup lost, no row wider than the screen."""
    assert not [char for char in text if char != "\n" and (ord(char) < 32 or 0x7F <= ord(char) < 0xA0)]
    assert not set(text) & set("\u202e\u2066\u200f\ud800")
    assert max(map(cell_len, text.split("\n"))) <= width
