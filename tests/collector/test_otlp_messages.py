"""Messages that libraries tell in log records of their own, beside the span of the call."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from kagura.collector.interpretation import Interpreter
from kagura.collector.service import Collector
from kagura.config import Settings
from kagura.journal import JournalWriter, Telemetry
from kagura.model import Span
from kagura.otel.decoding import OtlpLog
from kagura.otel.incoming_said import Conversations
from kagura.store import SpanContents, Store
from tests.collector.exports import TRACE, chat, export, logs, own_id, span
from tests.collector.recorded import T

CALL = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Kyoto"}'}}
EVENTS: list[tuple[str, Any]] = [
    ("gen_ai.system.message", {"content": "Be short."}),
    ("gen_ai.user.message", {"content": "What is the weather?"}),
    ("gen_ai.assistant.message", {"tool_calls": [CALL]}),
    ("gen_ai.tool.message", {"id": "call_1", "content": "sunny"}),
    ("gen_ai.choice", {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Sunny."}}),
]
SPAN = export(span("chat gpt-4o", 3, None, (0, 900), chat()))


def value(given: Any) -> dict[str, Any]:
    if isinstance(given, dict):
        return {"kvlistValue": {"values": [{"key": key, "value": value(item)} for key, item in given.items()]}}
    if isinstance(given, list):
        return {"arrayValue": {"values": [value(item) for item in given]}}
    return {"stringValue": given} if isinstance(given, str) else {"intValue": str(given)}


def record(name: str, body: Any, at: int) -> dict[str, Any]:
    """A log record in the span, as the library's events are exported: without a time of their own."""
    where = {"traceId": TRACE, "spanId": f"{3:016x}", "observedTimeUnixNano": str((T + at) * 1000)}
    return where | {"eventName": name, "body": value(body)}


def told(*events: tuple[str, Any]) -> list[dict[str, Any]]:
    return [record(name, body, at) for at, (name, body) in enumerate(events)]


def kept(home: Path, *batches: list[Telemetry]) -> tuple[Span, SpanContents | None]:
    """The call of the span after these batches, read by one collector, and what is kept of what was said."""
    settings = Settings(home=home)
    with Store.open(settings.db_url) as store:
        collector = Collector(settings, store, Interpreter.from_settings(settings))
        for batch in batches:
            writer = JournalWriter(settings.journal_dir)
            for one in batch:
                writer.append(one)
            writer.close()
            while collector.step():
                pass
        (found,) = store.spans_by_id([own_id(3)]).values()
        return found, store.span_contents(found.id)


@pytest.mark.parametrize("together", [True, False], ids=["at once", "one by one"])
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_a_call_has_its_messages_whoever_comes_first(order: tuple[int, ...], together: bool, tmp_path: Path) -> None:
    records = told(*EVENTS)
    exports = [SPAN, logs(*records[:3]), logs(*records[3:], records[0])]
    batches = [[exports[at]] for at in order]
    call, contents = kept(tmp_path, *([[one for some in batches for one in some]] if together else batches))
    assert contents is not None
    asked = [json.loads(said) for said in contents.inputs]
    assert [said["role"] for said in asked] == ["system", "user", "assistant", "tool"]
    assert asked[2]["tool_calls"] == [CALL]
    assert (asked[3]["tool_call_id"], asked[3]["content"]) == ("call_1", "sunny")
    assert [json.loads(said)["content"] for said in contents.outputs] == ["Sunny."]
    assert (call.input_preview, call.output_preview) == ("What is the weather?", "Sunny.")


def test_the_tools_that_an_answer_asks_for_are_known(tmp_path: Path) -> None:
    choice = ("gen_ai.choice", {"index": 0, "finish_reason": "tool_calls", "message": {"tool_calls": [CALL]}})
    call, _ = kept(tmp_path, [logs(*told(EVENTS[1], choice)), SPAN])
    assert [(tool.name, tool.id, tool.arguments) for tool in call.tool_calls] == [
        ("get_weather", "call_1", {"city": "Kyoto"})
    ]


def test_messages_without_content_add_nothing(tmp_path: Path) -> None:
    silent = [("gen_ai.user.message", {}), ("gen_ai.choice", {"index": 0, "message": {"role": "assistant"}})]
    call, contents = kept(tmp_path, [SPAN, logs(*told(*silent))])
    assert (call.input_preview, call.output_preview) == (None, None)
    assert contents is None or not (contents.inputs or contents.outputs)


def test_an_event_of_the_whole_call_says_all(tmp_path: Path) -> None:
    said = {
        "gen_ai.system_instructions": json.dumps([{"type": "text", "content": "Be short."}]),
        "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": "Weather?"}]}]),
        "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": "Sunny."}]}]),
    }
    whole = record("gen_ai.client.inference.operation.details", {}, 5)
    whole["attributes"] = [{"key": key, "value": {"stringValue": text}} for key, text in said.items()]
    call, contents = kept(tmp_path, [logs(whole)], [SPAN], [logs(whole)])
    assert contents is not None
    assert [json.loads(one)["content"] for one in contents.inputs] == ["Be short.", "Weather?"]
    assert call.output_preview == "Sunny."


def test_what_is_kept_in_mind_has_a_limit() -> None:
    known = Conversations(spans=5, most_bytes=5000)
    for number in range(200):
        body = {"content": "x" * (number * 10)}
        known.log(OtlpLog(TRACE, f"{number:016x}", "gen_ai.user.message", number, body, {}, {}, "lib"))
        held = sum(one.size for one in known._held.values())
        assert (len(known._held) <= 5, held <= 5000, held) == (True, True, known._size)
