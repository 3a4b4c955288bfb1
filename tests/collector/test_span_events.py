"""Spans that programs report: read, priced, redacted."""

from decimal import Decimal
from typing import Any

import pytest

from kagura.collector.redaction import Redaction
from kagura.collector.span_events import Reported, span_from
from kagura.config import CaptureSettings
from kagura.model import CostSource, Event, SpanKind, Status, UsageSource
from kagura.pricing import Catalog

START = 1_790_000_000_000_000
CATALOG = Catalog.load()
LLM: dict[str, Any] = {
    "id": "00000000000000aa",
    "kind": "llm",
    "agent": "planner",
    "started_at": START,
    "first_chunk_at": START + 300,
    "ended_at": START + 1000,
    "provider": "openai",
    "request_model": "gpt-4o-mini",
    "response_model": "gpt-4o-mini-2024-07-18",
    "usage": {"input": 1200, "output": 340, "cache_read": 1024},
    "input": [{"role": "user", "content": "my key is sk-12345"}],
    "output": [{"role": "assistant", "content": "Good morning"}],
    "tool_calls": [{"name": "get_weather", "id": "call_1", "arguments": {"city": "Kyōto"}}],
}


def reported(*, content: str = "full", execution_id: str = "run", **changes: Any) -> Reported:
    data = {name: value for name, value in (LLM | changes).items() if value is not None}
    redaction = Redaction(CaptureSettings(content=content), ["sk-[0-9]+"])  # type: ignore[arg-type]
    return span_from(Event(type="span", at=START + 2000, execution_id=execution_id, data=data), CATALOG, redaction)


def test_a_call_is_priced_by_the_catalogue() -> None:
    span = reported().span
    assert (span.id, span.execution_id, span.execution_source, span.agent) == (
        "00000000000000aa",
        "run",
        "sdk",
        "planner",
    )
    assert (span.kind, span.name, span.status) == (SpanKind.LLM, "chat gpt-4o-mini", Status.COMPLETED)
    assert (span.duration, span.time_to_first_chunk) == (1000, 300)
    assert span.usage is not None
    assert span.usage.source is UsageSource.PROVIDER
    assert span.cost is not None
    # https://platform.openai.com/docs/pricing (November 2026): $0.15, cached $0.075, output $0.60 a million tokens
    assert span.cost.total == (176 * Decimal("0.15") + 1024 * Decimal("0.075") + 340 * Decimal("0.60")) / 1_000_000
    assert span.cost.source is CostSource.CATALOG


def test_what_the_provider_billed_wins() -> None:
    cost = reported(cost="0.0125").span.cost
    assert cost is not None
    assert (cost.total, cost.source) == (Decimal("0.0125"), CostSource.PROVIDER)


def test_unknown_is_unknown() -> None:
    cost = reported(usage=None).span.cost
    assert cost is not None
    assert cost.total is None
    assert reported(request_model="nobody/knows", response_model=None).span.cost.total is None  # type: ignore[union-attr]
    assert reported(kind="tool").span.cost is None


def test_contents_are_kept_without_what_is_redacted() -> None:
    span, contents = reported()
    assert contents is not None
    assert contents.inputs == [b'{"role":"user","content":"my key is [redacted]"}']
    assert (span.input_preview, span.output_preview) == ("my key is [redacted]", "Good morning")
    assert [call.arguments for call in span.tool_calls] == [{"city": "Kyōto"}]


@pytest.mark.parametrize(("content", "preview"), [("preview", "Good morning"), ("none", None)])
def test_below_full_capture_no_content_is_kept(content: str, preview: str | None) -> None:
    span, contents = reported(content=content)
    assert (contents, span.tool_calls, span.output_preview) == (None, [], preview)


def test_a_tool_with_any_json() -> None:
    span, contents = reported(kind="tool", name="get_weather", input={"city": "Kyōto"}, output="18 °C")
    assert (span.kind, span.name, span.output_preview) == (SpanKind.TOOL, "get_weather", "18 °C")
    assert contents is not None
    assert contents.outputs == ['"18 °C"'.encode()]


def test_a_failure() -> None:
    span = reported(error={"message": "bad key sk-777", "type": "AuthenticationError"}, usage=None).span
    assert (span.status, span.error, span.error_type) == (Status.FAILED, "bad key [redacted]", "AuthenticationError")
    assert span.cost is None
    assert reported(error="broken").span.error == "broken"


def test_a_span_that_runs_has_no_end() -> None:
    span = reported(ended_at=None, usage=None).span
    assert (span.status, span.ended_at, span.cost) == (Status.RUNNING, None, None)


def test_a_call_of_no_run_is_one_of_its_own() -> None:
    span = reported(execution_id="").span
    assert (span.execution_id, span.execution_source) == ("exec_00000000000000aa", "call")


def test_the_same_event_read_again_is_the_same_span() -> None:
    assert reported(id="not hexadecimal").span.id == reported(id="not hexadecimal").span.id
    assert reported(id=None).span.id != reported(id=None, name="other").span.id


@pytest.mark.parametrize(
    "odd",
    [
        {"kind": 7, "status": [], "usage": 5, "tags": [], "attributes": "x", "tool_calls": [None, {"id": 1}]},
        {"usage": {"input": -5}, "started_at": "now", "ended_at": -1, "cost": "much", "http_status": "no"},
        {"usage": {"input": "many"}, "input": 5, "output": {"a": [1]}, "parameters": [], "error": {"message": 3}},
        {"name": "x" * 9000, "agent": {}, "stream": "yes", "id": 12, "parent_id": "zz", "provider": 8},
    ],
)
def test_a_bad_field_costs_the_field_only(odd: dict[str, Any]) -> None:
    span = reported(**odd).span
    assert span.status in (Status.COMPLETED, Status.RUNNING)
    assert span.usage is None or (span.usage.input or 0) >= 0
    assert len(span.name) <= 200
