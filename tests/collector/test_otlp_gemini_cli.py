"""gemini-cli's spans and events, whose tools have ids of their own or none, and sub-agents in a program's own steps."""

import itertools
from pathlib import Path
from typing import Any

import pytest

from kagura.journal import Record
from kagura.model import SpanKind, Status
from tests.collector.exports import event, export, logs, span, stored, tree
from tests.collector.recorded import Recorder, T
from tests.collector.test_otlp_agents import ASK, CLAUDE, SESSION, USE, call

GEMINI = {"gen_ai.agent.name": "gemini-cli", "gen_ai.conversation.id": SESSION}
TOOL = GEMINI | {"gen_ai.operation.name": "tool_call", "gen_ai.tool.name": "run_shell_command"}
TIMES = {"slow": (100, 450), "quick": (105, 250)}


def commands(at: dict[str, tuple[int, int]] = TIMES) -> list[dict[str, Any]]:
    """The spans of two commands that ran beside each other, without what was said."""
    return [span("tool_call", 10 + at, 1, times, TOOL) for at, times in enumerate(at.values())]


def told(name: str, **more: Any) -> dict[str, Any]:
    begun, ended = TIMES[name]
    given = {"function_name": "run_shell_command", "function_args": f'{{\n  "command": "{name}"\n}}', "success": True}
    return event("gemini_cli.tool_call", ended + 2, session__id=SESSION, duration_ms=ended - begun, **given, **more)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_parallel_tools_without_ids_keep_their_own_arguments(order: tuple[int, ...], tmp_path: Path) -> None:
    records: list[list[Record]] = [[export(*commands())], [logs(told("slow"))], [logs(told("quick"))]]
    tools = stored(tmp_path, *(records[at] for at in order))
    assert [tool.input_preview for tool in tools] == ['{"command":"slow"}', '{"command":"quick"}']
    assert [tool.duration for tool in tools] == [350_000, 145_000]


def test_a_second_call_of_a_tool_is_not_taken_for_the_first(tmp_path: Path) -> None:
    again = [span("tool_call", 12, 1, (600, 700), TOOL)]
    later = event("gemini_cli.tool_call", 701, session__id=SESSION, function_name="run_shell_command", duration_ms=100)
    spans = stored(tmp_path, [export(*commands(), *again), logs(told("slow"), told("quick"), later)], [logs(later)])
    assert [span.duration for span in spans] == [350_000, 145_000, 100_000]
    assert spans[2].input_preview is None


def test_an_id_behind_the_tools_name_is_the_models(tmp_path: Path) -> None:
    name = "run_shell_command"
    use = {"type": "tool_use", "id": f"{name}_1795367905796_0", "name": name, "input": {"command": "ls"}}
    result = {"type": "tool_result", "tool_use_id": use["id"], "content": "README.md"}
    recorder = Recorder(tmp_path / "records")
    said = [ASK, {"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}]
    calls = [*call(recorder, 100, [ASK], [use], 1), *call(recorder, 9000, said, [], 2)]
    own = span("tool_call", 10, None, (8000, 8100), TOOL | {"gen_ai.tool.call_id": f"{name}__{use['id']}"})
    (tool,) = (one for one in stored(tmp_path, calls, [export(own)]) if one.kind is SpanKind.TOOL)
    assert (tool.inferred, tool.duration) == (False, 100_000)
    assert tool.attributes["gen_ai.tool.call.id"] == use["id"]
    assert tool.input_preview == '{"command":"ls"}'


def test_calls_that_went_past_the_relay(tmp_path: Path) -> None:
    counted = {"input_token_count": 1000, "cached_content_token_count": 600, "output_token_count": 90}
    done = event(
        "gemini_cli.api_response", 2000, session__id=SESSION, model="gemini-2.5-pro", duration_ms=900, **counted
    )
    done["attributes"].append({"key": "thoughts_token_count", "value": {"intValue": "10"}})
    failed = {"model_name": "gemini-2.5-pro", "error__message": "quota", "status_code": 429, "duration": 40}
    record = logs(done, event("gemini_cli.api_error", 3000, session__id=SESSION, **failed))
    one, other = stored(tmp_path, [record])
    assert (one.name, one.agent, one.provider, one.duration) == ("chat gemini-2.5-pro", "gemini-cli", "gemini", 900_000)
    assert one.usage is not None
    assert (one.usage.input, one.usage.cache_read, one.usage.output, one.usage.reasoning) == (1000, 600, 100, 10)
    assert (other.status, other.error, other.http_status, other.duration) == (Status.FAILED, "quota", 429, 40_000)
    assert other.request_model == "gemini-2.5-pro"


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_the_step_in_which_a_sub_agent_works_has_its_name(order: tuple[int, ...], tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "records")
    helper = (*CLAUDE, ("x-claude-code-agent-id", "a1"), ("x-claude-code-agent-type", "helper"))
    chat = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "claude-sonnet-4-5", "session.id": SESSION}
    work = {"span.type": "tool.execution", "session.id": SESSION}
    records: list[list[Record]] = [
        call(recorder, 100, [ASK], [USE], 1, helper),
        [export(span("chat", 4, 3, (95, 1105), chat | {"gen_ai.response.id": "msg_1"}))],
        [export(span("tool.execution", 3, None, (50, 1200), work))],
    ]
    spans = stored(tmp_path, *(records[at] for at in order), records[2])
    assert tree(spans) == ["agent helper", "  llm chat claude-sonnet-4-5"]
    assert not spans[0].inferred
    assert spans[0].started_at == T + 50_000
