"""Log events of claude-code and codex beside the calls that the relay saw, and without them."""

import itertools
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kagura.journal import Record
from kagura.model import SpanKind, Status
from tests.collector.exports import event, export, logs, span, stored, tree
from tests.collector.recorded import Recorder, T

SESSION = "11111111-2222-3333-4444-555555555555"
CLAUDE = (("user-agent", "claude-cli/2.1"), ("x-claude-code-session-id", SESSION))
USE = {"type": "tool_use", "id": "toolu_01AbCdEfGhIjKlMn", "name": "Bash", "input": {"command": "ls"}}
RESULT = {"type": "tool_result", "tool_use_id": USE["id"], "content": "README.md"}
ASK = {"role": "user", "content": "List the files."}


def call(
    recorder: Recorder, at: int, messages: list[Any], content: list[Any], number: int, headers: Any = CLAUDE
) -> list[Record]:
    usage = {"input_tokens": 10, "cache_read_input_tokens": 5000, "output_tokens": 50}
    said = {"id": f"msg_{number}", "type": "message", "role": "assistant", "content": content, "usage": usage}
    body = {"model": "claude-sonnet-4-5", "max_tokens": 100, "messages": messages}
    started = recorder.ask(body, at=T + at * 1000, provider="anthropic", target="/v1/messages", headers=headers)
    return [started, recorder.answer(started, said | {"model": "claude-sonnet-4-5"}, after=1_000_000)]


def request(at: int, sequence: int, **more: Any) -> dict[str, Any]:
    given = {"model": "claude-sonnet-4-5", "input_tokens": 10, "output_tokens": 50, "cache_read_tokens": 5000}
    counted = {"cache_creation_tokens": 0, "duration_ms": 1050, "cost_usd": 0.0023, "event__sequence": sequence}
    return event("claude_code.api_request", at, session__id=SESSION, **(given | counted | more))


def result(at: int, **more: Any) -> dict[str, Any]:
    said = {"tool_name": "Bash", "success": "true", "duration_ms": 250} | more
    return event("claude_code.tool_result", at, session__id=SESSION, event__sequence=2, **said)


def test_claude_codes_events_make_its_tools_exact_and_double_nothing(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "records")
    records: list[list[Record]] = [
        call(recorder, 100, [ASK], [USE], 1),
        call(
            recorder, 1500, [ASK, {"role": "assistant", "content": [USE]}, {"role": "user", "content": [RESULT]}], [], 2
        ),
        [logs(event("claude_code.user_prompt", 50, session__id=SESSION, prompt="List"), request(1130, 1))],
        [logs(result(1400, tool_use_id=USE["id"])), logs(request(2540, 3))],
    ]
    for number, order in enumerate(itertools.permutations(range(4))):
        spans = stored(tmp_path / str(number), *(records[index] for index in order))
        assert tree(spans) == ["llm chat claude-sonnet-4-5", "tool Bash", "llm chat claude-sonnet-4-5"], order
        assert {span.execution_id for span in spans} == {SESSION}
        tool = spans[1]
        assert (tool.duration, tool.status, tool.inferred) == (250_000, Status.COMPLETED, False)
        calls = [span for span in spans if span.kind is SpanKind.LLM]
        assert [(span.http_status, span.usage and span.usage.input) for span in calls] == [(200, 5010)] * 2
        assert calls[0].attributes["cost_usd"] == 0.0023


def test_an_event_that_stands_nowhere_moves_no_call(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    helper = (*CLAUDE, ("x-claude-code-agent-id", "a1"), ("x-claude-code-agent-type", "helper"))
    started, ended = call(recorder, 100, [ASK], [USE], 1, helper)
    spans = stored(tmp_path, [started, ended], [logs(request(1130, 1))])
    assert tree(spans) == ["agent helper", "  llm chat claude-sonnet-4-5"]


def test_tools_that_failed_say_why(tmp_path: Path) -> None:
    (tool,) = stored(tmp_path, [logs(result(1400, success="false", error="no such file"))])
    assert (tool.status, tool.error, tool.agent) == (Status.FAILED, "no such file", "claude-code")


def test_calls_that_went_past_the_relay_are_priced_here(tmp_path: Path) -> None:
    failed = event(
        "claude_code.api_error",
        5000,
        session__id=SESSION,
        model="claude-sonnet-4-5",
        error="Overloaded",
        status_code=529,
    )
    one, other = stored(tmp_path, [logs(request(1100, 1), failed)])
    assert (one.name, one.duration, one.provider) == ("chat claude-sonnet-4-5", 1_050_000, "anthropic")
    assert one.usage is not None
    assert (one.usage.input, one.usage.cache_read, one.usage.output) == (5010, 5000, 50)
    assert one.cost is not None
    # 10 × $3 + 5,000 × $0.30 + 50 × $15, a million.
    assert one.cost.total == Decimal("0.00228")
    assert one.attributes["cost_usd"] == 0.0023
    assert (other.status, other.error, other.http_status, other.cost) == (Status.FAILED, "Overloaded", 529, None)


def test_events_that_are_sent_again_are_the_same(tmp_path: Path) -> None:
    record = logs(request(1100, 1), result(1400))
    spans = stored(tmp_path, [record], [record, record])
    assert [span.kind for span in spans] == [SpanKind.LLM, SpanKind.TOOL]


def test_codex_tells_of_tools_and_of_calls(tmp_path: Path) -> None:
    common = {"conversation__id": SESSION, "model": "gpt-5", "user__account_id": "ann"}
    counted = {"input_token_count": 1000, "cached_token_count": 600, "output_token_count": 90, "duration_ms": 1200}
    spans = stored(
        tmp_path,
        [
            logs(
                event("codex.conversation_starts", 0, **common),
                event(
                    "codex.api_request", 900, **common, http__response__status_code=429, duration_ms=30, success="false"
                ),
                event("codex.api_request", 1000, **common, http__response__status_code=200, duration_ms=300),
                event("codex.sse_event", 2200, **common, event__kind="response.output_item.done"),
                event("codex.sse_event", 2300, **common, event__kind="response.completed", **counted),
                event(
                    "codex.tool_result",
                    3000,
                    **common,
                    tool_name="shell",
                    call_id="call_1",
                    duration_ms="400",
                    success="true",
                    arguments='{"command": "ls"}',
                    output="README.md",
                ),
            )
        ],
    )
    assert [(span.kind, span.name, span.status, span.duration) for span in spans] == [
        (SpanKind.LLM, "chat gpt-5", Status.FAILED, 30_000),
        (SpanKind.LLM, "chat gpt-5", Status.COMPLETED, 1_200_000),
        (SpanKind.TOOL, "shell", Status.COMPLETED, 400_000),
    ]
    assert {(span.execution_id, span.agent, span.user) for span in spans} == {(SESSION, "codex", "ann")}
    used = spans[1].usage
    assert used is not None
    assert (used.input, used.cache_read, used.output) == (1000, 600, 90)
    assert (spans[2].input_preview, spans[2].output_preview) == ('{"command":"ls"}', "README.md")


def test_codex_tells_of_sub_agents_under_their_own_threads(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "records")
    thread = "99999999-8888-7777-6666-555555555555"
    sub = (
        ("session-id", SESSION),
        ("thread-id", thread),
        ("x-codex-parent-thread-id", SESSION),
        ("user-agent", "codex"),
    )
    body = {"model": "gpt-5", "input": [ASK], "tools": [{"type": "function", "name": "shell"}]}
    used = {"input_tokens": 1000, "output_tokens": 90, "total_tokens": 1090}
    started = recorder.ask(body, at=T + 100_000, target="/v1/responses", headers=sub)
    answer = {
        "id": "resp_1",
        "object": "response",
        "status": "completed",
        "output": [],
        "usage": used,
        "model": "gpt-5",
    }
    common = {"conversation__id": thread, "model": "gpt-5", "event__kind": "response.completed"}
    records: list[list[Record]] = [
        [started, recorder.answer(started, answer, after=9_000_000)],
        [
            logs(
                event("codex.sse_event", 9110, **common, duration_ms="2"),
                event(
                    "codex.sse_event", 9111, **common, duration_ms="0", input_token_count=1000, output_token_count=90
                ),
            )
        ],
        [
            logs(
                event(
                    "codex.tool_result",
                    9400,
                    conversation__id=thread,
                    tool_name="shell",
                    call_id="c1",
                    duration_ms="200",
                )
            )
        ],
    ]
    for number, order in enumerate(itertools.permutations(range(3))):
        spans = stored(tmp_path / str(number), *(records[index] for index in order))
        assert {span.execution_id for span in spans} == {SESSION}, order
        assert tree(spans) == ["agent sub-agent", "  llm chat gpt-5", "tool shell"], order


def test_a_span_and_an_event_of_one_call_are_one(tmp_path: Path) -> None:
    said = {
        "span.type": "llm_request",
        "gen_ai.system": "anthropic",
        "gen_ai.request.model": "claude-sonnet-4-5[1m]",
        "session.id": SESSION,
        "input_tokens": 10,
        "cache_read_tokens": 5000,
        "output_tokens": 50,
    }
    tool = {"span.type": "tool", "tool_name": "Bash", "gen_ai.tool.call.id": USE["id"], "session.id": SESSION}
    spoken = [
        span("claude_code.llm_request", 2, 1, (80, 1130), said),
        span("claude_code.tool", 3, 1, (1150, 1400), tool),
        span("claude_code.interaction", 1, None, (50, 1500), {"span.type": "interaction", "session.id": SESSION}),
    ]
    recorder = Recorder(tmp_path / "records")
    records: list[list[Record]] = [
        [export(*spoken)],
        [logs(request(1131, 1), result(1400, tool_use_id=USE["id"]))],
        call(recorder, 100, [ASK], [USE], 1),
    ]
    for number, order in enumerate(itertools.permutations(range(3))):
        spans = stored(tmp_path / str(number), *(records[index] for index in order))
        assert tree(spans) == ["span claude_code.interaction", "  llm chat claude-sonnet-4-5", "  tool Bash"], order
        (made,) = [one for one in spans if one.kind is SpanKind.LLM]
        assert (made.http_status, made.attributes["reported_by"]) == (200, ["claude_code.api_request", "tests"])
    for number, order in enumerate(itertools.permutations(range(2))):
        spans = stored(tmp_path / f"unseen{number}", *(records[index] for index in order))
        assert tree(spans) == ["span claude_code.interaction", "  llm chat claude-sonnet-4-5", "  tool Bash"], order
        assert spans[1].usage is not None
        assert spans[1].attributes["cost_usd"] == 0.0023


def test_codex_names_its_events_in_an_attribute(tmp_path: Path) -> None:
    record = event("codex.tool_result", 1000, conversation__id=SESSION, tool_name="shell", duration_ms="200")
    named = [pair for pair in record["attributes"] if pair["key"] != "event.name"]
    own = {"eventName": "event otel/src/session.rs:703", "body": {}, "timeUnixNano": "0"}
    late = {"observedTimeUnixNano": record["timeUnixNano"]}
    codex = {"key": "event.name", "value": {"stringValue": "codex.tool_result"}}
    (tool,) = stored(tmp_path, [logs(record | own | late | {"attributes": [*named, codex]})])
    assert (tool.name, tool.started_at, tool.duration) == ("shell", T + 800_000, 200_000)


@pytest.mark.parametrize(("late", "output", "calls"), [(14_000, 50, 1), (14_000, 51, 2), (900, 51, 1), (16_000, 50, 2)])
def test_a_busy_program_tells_of_a_call_late(late: int, output: int, calls: int, tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "records")
    told = request(1100 + late, 1, output_tokens=output, duration_ms=1050 + late)
    spans = stored(tmp_path, call(recorder, 100, [ASK], [USE], 1), [logs(told)])
    assert len(spans) == calls
