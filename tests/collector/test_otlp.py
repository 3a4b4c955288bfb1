"""What programs report by OpenTelemetry beside what the relay saw, in every order and in every grouping."""

import itertools
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kagura.collector.merging import Merger
from kagura.config import Settings
from kagura.journal import Record, Telemetry
from kagura.model import Span, SpanKind, Status
from kagura.store import Store
from tests.collector.exports import AGENT, TRACE, chat, export, own_id, span, stored, tree
from tests.collector.recorded import Recorder, T
from tests.collector.turns import KYOTO, QUESTION, asks, brings, says

ASK = asks((KYOTO, "weather", '{"city": "Kyoto"}'))
BRING = brings(KYOTO, "21 degrees")
USAGE = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
HTTP = {"http.request.method": "POST", "url.full": "http://127.0.0.1:4100/v1/chat/completions"}
WHOLE = ["span request", "  agent planner", "    llm chat gpt-4o", "    tool weather", "    llm chat gpt-4o"]
TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "weather", "gen_ai.tool.call.id": KYOTO}


def call(recorder: Recorder, number: int, at: int, messages: list[Any], answer: Any, **fields: Any) -> list[Record]:
    """A call of half a second through the relay, `at` milliseconds after T."""
    body = {"id": f"chatcmpl-{number}", "model": "gpt-4o", "usage": USAGE, "choices": [{"index": 0, "message": answer}]}
    started = recorder.ask({"model": "gpt-4o", "messages": messages}, at=T + at * 1000, **fields)
    return [started, recorder.answer(started, body, after=500_000)]


def parent(number: int) -> tuple[tuple[str, str], ...]:
    """The header of a call that was made below a span."""
    return (("traceparent", f"00-{TRACE}-{number:016x}-01"), ("user-agent", "OpenAI/Python 2.0"))


def run(recorder: Recorder, *, how: str) -> list[list[Record]]:
    """A run of an agent with a tool: the records of its two calls, and of its exports, as they may come."""
    said = {
        "answer": ({}, {}),
        "http": ({"headers": parent(11)}, {"headers": parent(12)}),
        "report": ({"headers": parent(3)}, {"headers": parent(5)}),
    }[how]
    ids = [{"gen_ai.response.id": f"chatcmpl-{number}"} if how == "answer" else {} for number in (1, 2)]
    first, second = chat() | ids[0], chat() | ids[1]
    https = [span("POST", 11, 3, (101, 605), HTTP), span("POST", 12, 5, (901, 1405), HTTP)] if how == "http" else []
    service = {"service.name": "weather-service"}
    return [
        call(recorder, 1, 102, [QUESTION], ASK, **said[0]),
        call(recorder, 2, 902, [QUESTION, ASK, BRING], says("It is warm."), **said[1]),
        [export(*https[:1], span("chat gpt-4o", 3, 2, (100, 610), first), resource=service)],
        [export(span("execute_tool weather", 4, 2, (620, 880), TOOL), resource=service)],
        [export(*https[1:], span("chat gpt-4o", 5, 2, (900, 1410), second), resource=service)],
        [export(span("agent", 2, 1, (50, 1420), AGENT), span("request", 1, None, (0, 1430)), resource=service)],
    ]


def looks(spans: list[Span]) -> list[tuple[Any, ...]]:
    """What must not depend on who came first."""
    return [(s.id, s.kind, s.name, s.agent, s.parent_id, s.execution_id, s.usage and s.usage.input) for s in spans]


@pytest.mark.parametrize("how", ["answer", "http", "report"])
def test_a_run_is_one_tree_with_one_span_a_call(how: str, tmp_path: Path) -> None:
    records = run(Recorder(tmp_path), how=how)
    spans = stored(tmp_path, [record for some in records for record in some])
    assert tree(spans) == WHOLE
    assert {span.execution_id for span in spans} == {f"trace_{TRACE}"}
    calls = [span for span in spans if span.kind is SpanKind.LLM]
    assert [(one.id, one.usage and one.usage.input, one.agent) for one in calls] == [
        ("0000000000000001", 100, "planner"),
        ("0000000000000002", 100, "planner"),
    ]
    assert all(one.http_status == 200 and one.trace_id == TRACE for one in calls)
    with Store.open(Settings(home=tmp_path).db_url, read_only=True) as store:
        (row,) = store.executions()
        assert (row.agent, row.llm_calls, row.tool_calls, row.tokens.input) == ("weather-service", 2, 1, 200)


@pytest.mark.parametrize("how", ["answer", "http", "report"])
def test_nothing_depends_on_who_comes_first(how: str, tmp_path: Path) -> None:
    expected: list[tuple[Any, ...]] = []
    orders = random.Random(how).sample(list(itertools.permutations(range(6))), 12)
    for number, order in enumerate([tuple(range(6)), (4, 5, 0, 2, 3, 1), *orders]):
        home = tmp_path / str(number)
        records = run(Recorder(home), how=how)
        shuffled = [records[index] for index in order]
        if number % 2:
            spans = stored(home, *shuffled)
        else:
            spans = stored(home, [record for some in shuffled for record in some])
        assert tree(spans) == WHOLE, order
        expected = expected or looks(spans)
        assert looks(spans) == expected, order


def test_what_is_sent_again_changes_nothing(tmp_path: Path) -> None:
    records = run(Recorder(tmp_path), how="answer")
    once = stored(tmp_path, *records)
    again = stored(tmp_path, *records[2:], [one for some in records[2:] for one in some])
    assert looks(again) == looks(once)
    with Store.open(Settings(home=tmp_path).db_url, read_only=True) as store:
        (row,) = store.executions()
        assert (row.llm_calls, row.spans, row.tokens.input) == (2, 5, 200)


@pytest.mark.parametrize("first", ["call", "spans"])
def test_a_run_named_by_the_call_takes_the_trace_in(first: str, tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    seen = call(recorder, 1, 102, [QUESTION], says("Hello."), execution_id="mine", headers=parent(3))
    told: list[Record] = [
        export(span("step", 9, None, (0, 900), {"session.id": "chat-1"}), span("chat", 3, 9, (100, 700), chat()))
    ]
    spans = stored(tmp_path, *([seen, told] if first == "call" else [told, seen]))
    assert tree(spans) == ["span step", "  llm chat gpt-4o"]
    assert {span.execution_id for span in spans} == {"mine"}


@pytest.mark.parametrize("how", ["resource", "span"])
def test_a_program_names_run_and_agent_for_kagura(how: str, tmp_path: Path) -> None:
    named = {"kagura.execution_id": "mine", "kagura.agent": "me", "kagura.tag.team": "blue"}
    own = named if how == "span" else {}
    record = export(
        span("step", 1, None, (0, 900)),
        span("other", 2, 1, (100, 700), own),
        resource=named if how == "resource" else {},
    )
    spans = stored(tmp_path, [record])
    assert {span.execution_id for span in spans} == {"mine"}
    assert spans[1].agent == "me"
    assert spans[1].tags == {"team": "blue"}


def test_traces_of_one_conversation_are_one_run(tmp_path: Path) -> None:
    said = {"gen_ai.conversation.id": "chat-1"}
    other = "facade00" * 4
    spans = stored(
        tmp_path,
        [export(span("a", 1, None, (0, 10)))],
        [export(span("b", 2, 1, (1, 9), said))],
        [export(span("c", 1, None, (20, 30), said, trace=other))],
    )
    assert [(span.name, span.execution_id, span.session_id) for span in spans] == [
        ("a", "chat-1", None),
        ("b", "chat-1", "chat-1"),
        ("c", "chat-1", "chat-1"),
    ]
    assert len({span.id for span in spans}) == 3


def test_chats_that_trace_each_turn_alone_stay_runs_of_their_own(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    other = "facade00" * 4
    spans = stored(
        tmp_path,
        call(recorder, 1, 100, [QUESTION], says("Warm.")),
        call(recorder, 2, 2100, [QUESTION, says("Warm."), QUESTION], says("Still warm.")),
        [
            export(
                span("turn", 1, None, (0, 700)), span("chat", 2, 1, (50, 650), chat(gen_ai__response__id="chatcmpl-1"))
            )
        ],
        [
            export(
                span("turn", 1, None, (2000, 2700), trace=other),
                span("chat", 2, 1, (2050, 2650), chat(gen_ai__response__id="chatcmpl-2"), trace=other),
            )
        ],
    )
    assert [(span.kind, span.execution_id) for span in spans] == [
        (SpanKind.SPAN, f"trace_{TRACE}"),
        (SpanKind.LLM, f"trace_{TRACE}"),
        (SpanKind.SPAN, f"trace_{other}"),
        (SpanKind.LLM, f"trace_{other}"),
    ]


def test_attempts_of_a_call_stand_side_by_side(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    request = {"model": "gpt-4o", "messages": [QUESTION]}
    failed = recorder.ask(request, at=T + 102_000, headers=parent(11))
    error = {"error": {"message": "busy", "type": "overloaded"}}
    records: list[list[Record]] = [
        [failed, recorder.answer(failed, error, status=503, after=50_000)],
        call(recorder, 2, 302, [QUESTION], says("Warm."), headers=parent(12)),
        [
            export(
                span("POST", 11, 3, (101, 160), HTTP),
                span("POST", 12, 3, (301, 805), HTTP),
                span("chat gpt-4o", 3, 2, (100, 810), chat()),
                span("agent", 2, None, (0, 900), AGENT),
            )
        ],
    ]
    for number, order in enumerate(itertools.permutations(range(3))):
        home = tmp_path / str(number)
        spans = stored(home, *(records[index] for index in order))
        assert tree(spans) == ["agent planner", "  llm chat gpt-4o", "  llm chat gpt-4o"], order
        if order.index(0) < order.index(1):
            assert [span.attempt for span in spans] == [1, 1, 2], order


def test_a_call_that_the_relay_did_not_see_is_priced(tmp_path: Path) -> None:
    said = chat() | {
        "gen_ai.usage.input_tokens": 1_000_000,
        "gen_ai.usage.output_tokens": 100_000,
        "gen_ai.usage.cost": 9.99,
    }
    (one,) = stored(tmp_path, [export(span("chat", 1, None, (0, 900), said))])
    assert (one.kind, one.name, one.provider, one.status) == (SpanKind.LLM, "chat gpt-4o", "openai", Status.COMPLETED)
    assert one.cost is not None
    assert one.cost.total == Decimal("3.5")
    assert one.attributes["gen_ai.usage.cost"] == 9.99


def test_equal_calls_at_the_same_time_are_told_apart(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    spans = stored(
        tmp_path,
        call(recorder, 1, 100, [QUESTION], says("Warm."), execution_id="mine"),
        call(recorder, 2, 110, [QUESTION], says("Hot."), execution_id="mine"),
        [
            export(
                span("chat", 1, None, (99, 605), chat()),
                span("chat", 2, None, (109, 615), chat()),
                resource={"kagura.execution_id": "mine"},
            )
        ],
    )
    assert {span.id: span.attributes["reported_as"] for span in spans} == {
        "0000000000000001": [own_id(1)],
        "0000000000000002": [own_id(2)],
    }


def test_calls_of_others_stay_others(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    spans = stored(
        tmp_path,
        call(recorder, 1, 100, [QUESTION], says("Warm."), execution_id="mine"),
        [
            export(
                span("chat", 1, None, (100, 600), chat(gen_ai__response__id="chatcmpl-other")),
                span("chat", 2, None, (5000, 5600), chat()),
                span("chat", 3, None, (100, 600), chat() | {"gen_ai.request.model": "gpt-4o-mini"}),
                resource={"kagura.execution_id": "mine"},
            )
        ],
    )
    assert [span.kind for span in spans] == [SpanKind.LLM] * 4


def test_a_traceparent_without_its_spans_is_one_run_and_changes_no_tree(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    spans = stored(
        tmp_path,
        call(recorder, 1, 100, [QUESTION], says("Warm."), headers=parent(3)),
        call(recorder, 2, 900, [{"role": "user", "content": "Another one?"}], says("Yes."), headers=parent(5)),
    )
    assert [(span.execution_id, span.execution_source, span.parent_id) for span in spans] == [
        (f"trace_{TRACE}", "traceparent", None)
    ] * 2


def test_a_hostile_traceparent_is_no_trace(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    for number, header in enumerate(["", "x", f"00-{'0' * 32}-{1:016x}-01", f"00-{TRACE}-{'0' * 16}-01", "é" * 40]):
        (one,) = stored(
            tmp_path / str(number), call(recorder, 1, 1, [QUESTION], says("x"), headers=(("traceparent", header),))
        )
        assert one.execution_source == "call"


def test_kaguras_own_spans_that_come_back_are_not_doubled(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    returned = {"kagura.span_id": "0000000000000001", "kagura.execution_id": "exec_0000000000000001"}
    spans = stored(
        tmp_path,
        call(recorder, 1, 100, [QUESTION], says("Warm.")),
        [export(span("chat gpt-4o", 1, None, (100, 600), chat() | returned))],
    )
    assert [span.id for span in spans] == ["0000000000000001"]


def test_guessed_sub_agents_go_where_the_program_tells_who_made_the_calls(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    tools = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]

    def concurrent(number: int, at: int, question: str) -> list[Record]:
        said = {"model": "gpt-4o", "messages": [{"role": "user", "content": question}], "tools": tools}
        started = recorder.ask(said, at=T + at * 1000, headers=parent(10 + number))
        body = {"id": f"chatcmpl-{number}", "choices": [{"index": 0, "message": says("Warm.")}], "usage": USAGE}
        return [started, recorder.answer(started, body, after=500_000)]

    calls = [*concurrent(1, 100, "Kyoto?"), *concurrent(2, 110, "Nara?")]
    before = stored(tmp_path, calls)
    assert [span.kind for span in before].count(SpanKind.AGENT) == 1
    agents = [span(f"agent {n}", n, None, (80 + n, 700), AGENT | {"gen_ai.agent.name": f"a{n}"}) for n in (2, 3)]
    reports = [span("chat", 11, 2, (99, 605), chat()), span("chat", 12, 3, (109, 615), chat())]
    spans = stored(tmp_path, [export(*agents, *reports)])
    assert tree(spans) == ["agent a2", "  llm chat gpt-4o", "agent a3", "  llm chat gpt-4o"]


def test_libraries_that_report_one_call_twice_are_billed_once(tmp_path: Path) -> None:
    used = {"gen_ai.usage.input_tokens": 1_000_000, "gen_ai.usage.output_tokens": 0}
    outer = export(span("ChatOpenAI", 2, 1, (100, 700), chat() | used), span("chain", 1, None, (0, 900)))
    inner = export(span("chat", 3, 2, (110, 690), chat() | used))
    body = inner.body.replace(b'"tests"', b'"another library"')
    inner = Telemetry(signal="traces", encoding="json", received_at=T, body=body)
    for number, order in enumerate(([outer, inner], [inner, outer])):
        spans = stored(tmp_path / str(number), *([record] for record in order))
        assert tree(spans) == ["span chain", "  llm chat gpt-4o"]
        assert spans[1].cost is not None
        assert spans[1].cost.total == Decimal("2.5")


def test_what_cannot_be_joined_is_stored_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> list[str]:
        raise ZeroDivisionError

    monkeypatch.setattr(Merger, "merge", broken)
    recorder = Recorder(tmp_path)
    spans = stored(
        tmp_path, [*call(recorder, 1, 100, [QUESTION], says("Warm.")), export(span("step", 1, None, (0, 9)))]
    )
    assert sorted(span.kind for span in spans) == [SpanKind.LLM, SpanKind.SPAN]
