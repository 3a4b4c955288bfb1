"""The screens of the design document, as files in `screens/`; KAGURA_WRITE_SCREENS=1 writes them anew."""

import os
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.cells import cell_len
from rich.console import RenderableType

from kagura.dashboard.bill import Bill
from kagura.dashboard.costs import CostReport, costs
from kagura.dashboard.hints import Hint, hints
from kagura.dashboard.log import log
from kagura.dashboard.period import Window
from kagura.dashboard.prices import prices
from kagura.dashboard.screens import agent_screen, main_screen
from kagura.dashboard.steps import steps
from kagura.dashboard.timeline import timeline
from kagura.model import SpanKind, Status
from kagura.pricing import Price
from kagura.store.views import CacheSavings, CostTotals, Trace
from tests.dashboard.samples import (
    HOSTILE,
    SECOND,
    assert_harmless,
    at,
    clock,
    day_costs,
    drawn,
    failing_spans,
    my_run,
    my_spans,
    my_summary,
    poisoned,
    recent_runs,
    seen,
)

SCREENS = Path(__file__).parent / "screens"
MIDNIGHT = at(0, 0, 0)
DAY = Window(MIDNIGHT, MIDNIGHT + 86_400 * SECOND)

View = Callable[[Callable[[Any], Any], int], RenderableType | Sequence[RenderableType]]

VIEWS: dict[str, View] = {
    "main": lambda of, width: main_screen(
        seen(), seen(llm_calls=12, cost=CostTotals(billed=Decimal("0.5"))), of(recent_runs()), clock(), width
    ),
    "empty": lambda of, width: main_screen(seen(llm_calls=0), seen(llm_calls=0), [], clock(), width),
    "agent": lambda of, width: agent_screen(
        of(my_summary()), seen(), Trace(execution=of(my_run()), spans=of(my_spans())), clock(), width
    ),
    "trace": lambda of, width: timeline(of(my_run()), of(my_spans()), clock()),
    "trace_of_failures": lambda of, width: timeline(
        of(my_run(status=Status.RUNNING, ended_at=None, session_id="s-1")), of(failing_spans()), clock()
    ),
    "log": lambda of, width: log(of(my_run()), of(my_spans()), clock()),
    "log_of_failures": lambda of, width: log(of(my_run(status=Status.FAILED, error="x")), of(failing_spans()), clock()),
    "steps": lambda of, width: judged(of(my_run(ended_at=at(17, 45, 29))), of(my_spans())),
    "cost": lambda of, width: costs(CostReport(of(day_costs()), "agent", DAY, first=MIDNIGHT), clock()),
    "cost_of_every_kind": lambda of, width: costs(
        CostReport(
            of(mixed_costs()),
            "tag:team",
            Window(DAY.since, None),
            (Window(MIDNIGHT - 86_400 * SECOND, MIDNIGHT - 6 * 3600 * SECOND), Bill(Decimal("3.10"))),
            CacheSavings(Decimal("0.42"), Decimal("0.05"), 12, 1),
            MIDNIGHT - 90 * 86_400 * SECOND,
        ),
        clock(),
    ),
    "prices": lambda of, width: prices([of(a_price())]),
}


def judged(run: Any, spans: Any) -> RenderableType:
    return steps(run, spans, clock(), hints(run, spans))


def mixed_costs() -> list[Any]:
    first, second, third = day_costs()
    partly = CostTotals(billed=Decimal("0.5"), estimated=Decimal("0.25"), unknown_calls=3)
    return [
        first,
        msgspec.structs.replace(second, key=None, executions=None, cost=CostTotals(unknown_calls=67)),
        msgspec.structs.replace(third, executions=12, cost=partly),
    ]


def a_price() -> Price:
    return Price(
        provider="openai",
        model="gpt-4o",
        rates={"input": Decimal("0.000002125"), "web_search": Decimal("0.01")},
        valid_from="2025-01-01",
        source="test 1",
        recorded="2025-02-01",
    )


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("name", VIEWS)
def test_screens_look_as_designed(name: str, width: int) -> None:
    shown = drawn(VIEWS[name](lambda value: value, width), width)
    golden = SCREENS / f"{name}_{width}.txt"
    if os.environ.get("KAGURA_WRITE_SCREENS"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(shown + "\n", encoding="utf-8")
    assert shown + "\n" == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [20, 60, 80, 99, 100, 119, 120, 200, 300])
@pytest.mark.parametrize("name", VIEWS)
def test_no_width_breaks_a_row(name: str, width: int) -> None:
    narrow, wide = (drawn(VIEWS[name](lambda value: value, at_width), at_width) for at_width in (width, 300))
    assert max(map(cell_len, narrow.split("\n"))) <= width
    if name not in {"main", "agent", "empty", "steps"} and (width >= 60 or not name.startswith("trace")):
        assert narrow.count("\n") == wide.count("\n")


@pytest.mark.parametrize("width", [60, 80, 120, 300])
@pytest.mark.parametrize("name", [name for name in VIEWS if name not in {"empty", "prices"}])
def test_hostile_text_in_every_field_is_shown_as_text(name: str, width: int) -> None:
    shown = drawn(VIEWS[name](poisoned, width), width)
    assert_harmless(shown, width)
    assert "[bold red]" in shown or "␛[2J" in shown


def test_hostile_text_adds_no_rows() -> None:
    spans = [msgspec.structs.replace(span, output_preview=HOSTILE, name=HOSTILE) for span in my_spans()]
    calm, hostile = drawn(timeline(my_run(), my_spans(), clock())), drawn(timeline(my_run(), spans, clock()))
    results = sum(span.kind is SpanKind.MEMORY for span in spans)
    assert hostile.count("\n") == calm.count("\n") + results


def test_a_running_row_grows() -> None:
    run = recent_runs()[2]
    early, late = (
        drawn(main_screen(seen(), seen(), [run], clock(now), 80), 80) for now in (at(17, 45, 29), at(18, 0, 0))
    )
    assert "3.5s" in early
    assert "14m 34s" in late


def test_an_agent_of_many_models_and_tools_stays_readable() -> None:
    summary = my_summary()
    models = [msgspec.structs.replace(summary.models[0], model=f"model-{number}") for number in range(40)]
    used = [msgspec.structs.replace(summary.tools[0], name=f"tool-{number}", calls=2) for number in range(40)]
    crowded = msgspec.structs.replace(summary, models=models, tools=used)
    shown = drawn(agent_screen(crowded, seen(), None, clock(), 80), 80)
    assert shown.count("Model: ") == 3
    assert "model-14 .." in shown
    assert re.search(r"25 more models \.+ see --cost --by model", shown)
    assert re.search(r"28 more tools \.+ 56 calls", shown)


def test_of_thousands_of_keys_the_dearest_are_shown() -> None:
    [row, *_] = day_costs()
    rows = [
        msgspec.structs.replace(row, key=f"session-{n}", calls=2, cost=CostTotals(billed=Decimal(n)))
        for n in range(999)
    ]
    shown = drawn(costs(CostReport(rows, "session", DAY), clock()), 120)
    assert "├─ session-998 ." in shown
    assert "session-948" not in shown
    assert re.search(r"└─ 949 more \.+ \$449,826\.00 \(1,898 calls\)", shown)
    assert "Total: $498,501.00" in shown
    hours = drawn(costs(CostReport(rows, "hour", DAY), clock()), 120)
    assert "more ." not in hours


@pytest.mark.parametrize("width", [40, 60, 80])
def test_hints_and_ids_are_wrapped_and_never_cut(width: int) -> None:
    hint = Hint(rule="x", finding="much time went into it " * 5, advice="kagura replay exec_abc123 --model gpt-4o-mini")
    run = my_run(id="run_20261122-144624-ea2f65-and-much-more")
    shown = " ".join(drawn(timeline(run, my_spans(), clock(), [hint]), width).split())
    assert run.id in shown.replace(" ", "")
    assert hint.advice in shown
    assert "much time went into it much time went into it much" in shown
