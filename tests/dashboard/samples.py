"""The run of the dashboard's design document, and what a hostile world may put in its place."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType

from kagura.dashboard.period import Clock
from kagura.model import Cost, CostLine, CostSource, Span, SpanKind, Status, Usage
from kagura.store.views import CostTotals, ExecutionRow, Overview, TokenTotals

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
