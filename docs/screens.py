"""docs/screens.md: each screen of RFC-021 beside what kagura prints of a store seeded with the same figures."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console, Group, RenderableType

from docs import rfc_screens
from kagura.config import Settings
from kagura.dashboard.costs import costs
from kagura.dashboard.log import log
from kagura.dashboard.period import Clock, Window
from kagura.dashboard.runs import all_spans
from kagura.dashboard.screens import agent_screen, main_screen
from kagura.dashboard.source import Source
from kagura.dashboard.steps import steps
from kagura.dashboard.timeline import timeline
from kagura.model import Cost, CostLine, CostSource, Execution, Span, SpanKind, Status, Usage
from kagura.store import Batch, Store

ZONE = timezone(timedelta(hours=9))
WIDTH = 56
SECOND = 1_000_000

HEAD = """# Screens

Made by `make format`; `make check` compares. On the left each screen as RFC-021 drew it, on the right what kagura
prints, {width} columns wide, of a store that was seeded with the figures of that screen. Where they part, the right
one is meant:

- sums are exact. The RFC's trace bills $0.0023 and $0.0046 and totals $0.0044; two calls of such tokens make $0.0069;
- a call is a call to a model, a run is a call of an agent: an agent that asks twice makes `290 calls, 145 runs`;
- costs are listed dearest first;
- runs are listed by their start; tokens, failed calls, success and the 95th percentile stand with the rest.

On a terminal `kagura monitor` shows the first screen live, with more around it. `--agent NAME` prints the agent's
screen and below it the timeline of its latest run. [hints.md](hints.md) tells when a hint is given.
"""


class Screen(NamedTuple):
    """A screen, how to get it, and what it shows."""

    title: str
    command: str
    rfc: str
    shown: str


def at(hour: int, minute: int, second: float) -> int:
    """An instant of 2025-10-10, in microseconds."""
    whole = datetime(2025, 10, 10, hour, minute, int(second), tzinfo=ZONE).astimezone(UTC)
    return int(whole.timestamp()) * SECOND + round((second - int(second)) * SECOND)


NOW = at(17, 45, 30.5)


def bill(**lines: tuple[int, str]) -> Cost:
    """What some tokens cost: quantity and US dollars in all, by unit."""
    rows = [CostLine(unit=unit, quantity=Decimal(n), rate=Decimal(usd) / n) for unit, (n, usd) in lines.items()]
    total = sum((Decimal(usd) for _, usd in lines.values()), Decimal(0))
    return Cost(total=total, source=CostSource.CATALOG, lines=rows)


def span(run: Execution, name: str, kind: SpanKind, start: float, took: float | None, **more: Any) -> Span:
    """A part of a run; start and length in seconds."""
    began = run.started_at + round(start * SECOND)
    facts: dict[str, Any] = {
        "status": Status.RUNNING if took is None else Status.COMPLETED,
        "ended_at": None if took is None else began + round(took * SECOND),
    }
    return Span(
        id=f"{run.id}-{kind}-{start}", execution_id=run.id, kind=kind, name=name, agent=run.agent, started_at=began,
        **{**facts, **more},
    )  # fmt: skip


def llm(run: Execution, start: float, took: float, given: int, got: int, cost: Cost, **more: Any) -> Span:
    """A call to gpt-4o."""
    usage = Usage(input=given, output=got)
    facts = {"provider": "openai", "request_model": "gpt-4o", "usage": usage, "cost": cost, **more}
    return span(run, "chat gpt-4o", SpanKind.LLM, start, took, **facts)


def run(id: str, agent: str, started_at: int, took: float | None, **more: Any) -> Execution:
    """A run; `None` is one that runs."""
    facts: dict[str, Any] = {
        "status": Status.RUNNING if took is None else Status.COMPLETED,
        "ended_at": None if took is None else started_at + round(took * SECOND),
        "declared": True,
    }
    return Execution(id=id, agent=agent, started_at=started_at, **{**facts, **more})


def shares(total: str, number: int) -> list[Decimal]:
    """A sum in so many parts of whole millionths of a dollar."""
    millionths = int(Decimal(total) * 1_000_000)
    each = millionths // number
    parts = [Decimal(each) / 1_000_000] * (number - 1)
    return [*parts, Decimal(total) - sum(parts)]


def one_run() -> Batch:
    """The run of the log and the trace."""
    own = run("exec_abc123", "my_agent", at(17, 45, 23), 7.2)
    return Batch(
        executions=[own],
        spans=[
            span(own, "lookup", SpanKind.MEMORY, 0.1, 0.05, attributes={"gen_ai.memory.record.count": 3}),
            llm(own, 1.2, 2.1, 512, 128, bill(input=(512, "0.0010"), output=(128, "0.0013")),
                output_preview="I need to search..."),
            span(own, "search_tool", SpanKind.TOOL, 3.3, 1.5, input_preview='{"query": "..."}',
                 output_preview="[10 results]"),
            llm(own, 4.8, 2.2, 1024, 256, bill(input=(1024, "0.0020"), output=(256, "0.0026")),
                output_preview="Based on the search..."),
            span(own, "store", SpanKind.MEMORY, 7.0, 0.05),
        ],
    )  # fmt: skip


def a_slow_run() -> Batch:
    """The run of the first use case, most of it spent in models."""
    own = run("exec_case1", "my_agent", at(17, 45, 23), 5.9)
    return Batch(
        executions=[own],
        spans=[
            llm(own, 0, 2.3, 512, 128, bill(input=(512, "0.0010"), output=(128, "0.0013"))),
            span(own, "search_tool", SpanKind.TOOL, 2.3, 1.5),
            llm(own, 3.8, 2.1, 512, 108, bill(input=(512, "0.0010"), output=(108, "0.0011"))),
        ],
    )


def a_day() -> Batch:
    """The day of the cost summary: one call a run."""
    batch = Batch()
    for agent, calls, total in (
        ("my_agent", 145, "2.45"),
        ("translation_agent", 67, "0.89"),
        ("code_review_agent", 34, "1.23"),
    ):
        for number, cost in enumerate(shares(total, calls)):
            own = run(f"{agent}-{number}", agent, at(9, number % 60, 0), 2)
            batch.executions.append(own)
            batch.spans.append(llm(own, 0, 2, 768, 512, Cost(total=cost, source=CostSource.CATALOG)))
    return batch


def activity() -> Batch:
    """The runs of the first screen: 200 that ended, two that run, 145 calls."""
    shown = [
        (run("r1", "my_agent", at(17, 45, 30), 7.2), "0.0044"),
        (run("r2", "translate", at(17, 45, 28), 2.1), "0.0012"),
        (run("r3", "my_agent", at(17, 45, 27), None), None),
        (run("r4", "code_review", at(17, 45, 22), 4.8), "0.0031"),
        (run("r5", "review", at(17, 20, 0), None), None),
    ]
    slow = [8.1] * 12
    rest = [(200 * 4.2 - sum(slow) - 7.2 - 2.1 - 4.8) / 185] * 185
    costs_left = iter(shares("4.5613", 142))
    batch = Batch()
    for number, took in enumerate([*slow, *rest]):
        status = Status.FAILED if number % 70 == 20 else Status.COMPLETED
        shown.append((run(f"old-{number}", "my_agent", at(16, number % 60, 0), took, status=status), None))
    for own, cost in shown:
        batch.executions.append(own)
        amount = Decimal(cost) if cost else next(costs_left, None) if own.ended_at else None
        if amount is not None:
            took = ((own.ended_at or 0) - own.started_at) / SECOND
            batch.spans.append(llm(own, 0, took, 900, 300, Cost(total=amount, source=CostSource.CATALOG)))
    return batch


def an_agents_day() -> Batch:
    """The runs of one agent: 145, of which the latest still runs."""
    slow = {
        at(17, 42, 15): (12.3, "Complex search query"),
        at(17, 38, 42): (11.8, "Large file processing"),
        at(17, 35, 11): (10.9, "Multiple tool calls"),
    }
    often = (144 * 5.2 - 35.0 - 9 * 8.1) / 132
    rows = [(began, took, words) for began, (took, words) in slow.items()]
    rows += [(at(12, number % 60, 0), took, "What else?") for number, took in enumerate([8.1] * 9 + [often] * 132)]
    tools = ["search_tool"] * 87 + ["calculate_tool"] * 45 + ["file_read"] * 13
    amounts = iter(shares("2.45", 290))
    batch = Batch()
    for number, (began, took, words) in enumerate([*rows, (at(17, 45, 25), None, "And now?")]):
        own = run(f"run-{number}", "my_agent", began, took)
        batch.executions.append(own)
        for start in (0.0, 2.0):
            cost = Cost(total=next(amounts), source=CostSource.CATALOG)
            batch.spans.append(llm(own, start, 1.5, 768, 512, cost, input_preview=words))
        batch.spans.append(span(own, tools[number], SpanKind.TOOL, 1.5, 0.4))
    return batch


def _main(source: Source, clock: Clock) -> RenderableType:
    total, today = source.overviews()
    runs = sorted(source.executions(300), key=lambda row: -row.started_at)
    return main_screen(total, today, runs[:4], clock, WIDTH)


def _agent(source: Source, clock: Clock) -> RenderableType:
    summary = source.agent("my_agent")
    assert summary is not None
    summary.slow[3:] = []
    return agent_screen(summary, source.overviews("my_agent")[1], None, clock, WIDTH)


def _steps(source: Source, clock: Clock) -> RenderableType:
    trace = source.trace()
    assert trace is not None
    return steps(trace.execution, all_spans(trace), clock, source.hints(trace))


def _cost(source: Source, clock: Clock) -> RenderableType:
    return Group(*costs(source.costs("agent", Window(clock.today(), at(23, 59, 59))), clock))


def _log(source: Source, clock: Clock) -> RenderableType:
    trace = source.trace()
    assert trace is not None
    return Group(*log(trace.execution, all_spans(trace), clock))


def _trace(source: Source, clock: Clock) -> RenderableType:
    trace = source.trace()
    assert trace is not None
    return Group(*timeline(trace.execution, all_spans(trace), clock, source.hints(trace)))


View = Callable[[Source, Clock], RenderableType]
ROWS: Sequence[tuple[str, str, str, Callable[[], Batch], View]] = (
    ("All runs", "kagura monitor", rfc_screens.MONITOR, activity, _main),
    ("One agent", "kagura monitor --agent my_agent", rfc_screens.AGENT, an_agents_day, _agent),
    ("Where the time goes", "kagura monitor --agent my_agent", rfc_screens.TIMELINE, a_slow_run, _steps),
    ("What was spent", "kagura monitor --cost", rfc_screens.COST, a_day, _cost),
    ("A run as a log", "kagura monitor --agent my_agent --trace", rfc_screens.LOG, one_run, _log),
    ("A run as a timeline", "kagura monitor --trace exec_abc", rfc_screens.TRACE, one_run, _trace),
)


def screens() -> Iterator[Screen]:
    """Every screen of the RFC, and ours from a store of its own."""
    clock = Clock(lambda: NOW, ZONE)
    for title, command, rfc, seed, view in ROWS:
        with tempfile.TemporaryDirectory() as name:
            with Store.open(f"sqlite:///{name}/telemetry.db") as store:
                store.write(seed())
            with Source(Settings(home=Path(name)), clock) as source:
                source.catch_up()
                yield Screen(title, command, rfc, _drawn(view(source, clock)))


def _drawn(view: RenderableType) -> str:
    out = StringIO()
    Console(file=out, width=WIDTH, markup=False, emoji=False, highlight=False).print(view)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def screens_page() -> str:
    """The page."""
    parts = [HEAD.format(width=WIDTH)]
    for screen in screens():
        parts.append(f"## {screen.title}\n\n```sh\n{screen.command}\n```\n")
        cells = "".join(
            f'<td valign="top">\n\n```text\n{text.rstrip()}\n```\n\n</td>' for text in (screen.rfc, screen.shown)
        )
        parts.append(f"<table><tr><th>RFC-021</th><th>kagura</th></tr><tr>{cells}</tr></table>\n")
    return "\n".join(parts)
