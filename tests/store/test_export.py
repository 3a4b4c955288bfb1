import json
from decimal import Decimal
from typing import Any

from kagura.model import Status, Usage
from kagura.store import Batch, SpanContents, Store
from kagura.store.export import PAGE, Chosen
from tests.store.things import DAY, SECOND, T, asks, cost, declared, llm, running, span_id, tool

PROMISED = """id execution_id parent_id kind name agent status error inferred started_at ended_at duration_ms ttft_ms
provider endpoint request_model response_model stream http_status input_tokens cache_read_tokens cache_write_tokens
output_tokens reasoning_tokens usage_source finish_reason tool_calls cost_usd cost_source price_version attempt tags
attributes"""


def test_a_span_has_every_promised_field(store: Store) -> None:
    span = llm(
        1,
        T + 1,
        ended_at=T + 2_345_679,
        time_to_first_chunk=250_500,
        cost=cost("0.000000000001"),
        usage=Usage(input=10, output=3, cache_write=2, reasoning=1),
        tool_calls=asks("search", "read"),
        tags={"team": "red"},
    )
    store.write(Batch(spans=[span]))
    (exported,) = [json.loads(json.dumps(line)) for line in store.export_spans()]
    assert exported.keys() >= set(PROMISED.split())
    assert exported["started_at"] == "2025-10-10T17:00:00.000001Z"
    assert exported["ended_at"] == "2025-10-10T17:00:02.345679Z"
    assert (exported["duration_ms"], exported["ttft_ms"]) == (2345.678, 250.5)
    assert (exported["cost_usd"], exported["cost_source"]) == ("0.000000000001", "catalog")
    assert exported["tool_calls"] == ["search", "read"]
    assert (exported["input_tokens"], exported["cache_read_tokens"], exported["usage_source"]) == (10, None, "provider")
    assert (exported["kind"], exported["status"], exported["tags"]) == ("llm", "completed", {"team": "red"})


def test_what_is_unknown_is_null(store: Store) -> None:
    store.write(Batch(spans=[running(1), llm(2, T + 1, cost=cost(None)), llm(3, T + 2, cost=cost("1000"))]))
    first, second, third = store.export_spans()
    assert (first["ended_at"], first["duration_ms"], first["input_tokens"], first["cost_usd"]) == (None,) * 4
    assert (second["cost_usd"], third["cost_usd"]) == (None, "1000")


def test_every_span_comes_once_across_pages_and_equal_times(store: Store) -> None:
    total = 2 * PAGE + 10
    store.write(Batch(spans=[llm(number, T + number // 700) for number in range(total)]))
    exported = [line["id"] for line in store.export_spans()]
    assert exported == [span_id(number) for number in range(total)]


def test_an_export_is_streamed(store: Store) -> None:
    store.write(Batch(spans=[llm(number, T + number) for number in range(PAGE + 5)]))
    lines = store.export_spans()
    next(lines)
    store.write(Batch(spans=[llm(PAGE + 5, T + DAY)]))
    assert len(list(lines)) == PAGE + 5


def test_filters(store: Store) -> None:
    store.write(
        Batch(
            spans=[
                llm(1, tags={"team": "red"}),
                llm(2, T + DAY, agent="other", execution_id="run-2", user="ann", session_id="s"),
                tool(3, T + 2 * DAY, status=Status.FAILED),
                llm(4, T + 3 * DAY, execution_id="run-4", request_model="claude", response_model="claude-1"),
            ],
            executions=[declared(id="run-4", at=T + 3 * DAY, tags={"team": "blue"})],
        )
    )

    def spans(**filters: Any) -> str:
        chosen = Chosen(**filters)
        found = "".join(line["id"][-1] for line in store.export_spans(chosen))
        assert store.number_of_spans(chosen) == len(found)
        return found

    assert spans(since=T + 1) == "234"
    assert spans(since=T, until=T + DAY) == "1"
    assert spans(agent="my_agent") == "134"
    assert spans(execution_id="run-2") == spans(user="ann") == spans(session_id="s") == "2"
    assert (spans(status="failed"), spans(kind="tool"), spans(kind="llm", agent="other")) == ("3", "3", "2")
    assert spans(model="gpt-4o") == spans(model="gpt-4o-2024-08-06") == "12"
    assert (spans(model="claude"), spans(model="claude-1"), spans(provider="nobody")) == ("4", "4", "")
    assert spans(tags=(("team", None),)) == "14"
    assert (spans(tags=(("team", "red"),)), spans(tags=(("team", "blue"),))) == ("1", "4")
    assert spans(tags=(("team", "red"), ("team", "blue"))) == ""

    def runs(**filters: Any) -> list[str]:
        chosen = Chosen(**filters)
        found = [line["id"] for line in store.export_executions(chosen)]
        assert store.number_of_executions(chosen) == len(found)
        return found

    assert runs() == ["run-1", "run-2", "run-4"]
    assert runs(execution_id="run-2") == runs(agent="other") == runs(user="ann") == ["run-2"]
    assert runs(status="running") == runs(tags=(("team", "blue"),)) == ["run-4"]
    assert runs(since=T + DAY, until=T + 2 * DAY) == ["run-2"]


def test_what_was_said_comes_only_where_it_is_asked_for(store: Store) -> None:
    kept = SpanContents(inputs=[b'{"role":"user","content":"Hi"}'], outputs=[b"{cut"], parameters=b'{"n":1}')
    calls = [llm(1, input_preview="Hi"), llm(2, T + 1)]
    store.write(Batch(spans=calls, contents=[(span_id(1), kept)]))
    plain = list(store.export_spans())
    whole = list(store.export_spans(content=True))
    assert "Hi" not in json.dumps(plain)
    assert whole[0] == plain[0] | {
        "input_messages": [{"role": "user", "content": "Hi"}],
        "parameters": {"n": 1},
        "output_messages": ["{cut"],
        "input_preview": "Hi",
        "output_preview": None,
    }
    assert (whole[1]["input_messages"], whole[1]["parameters"]) == ([], None)


def test_executions_are_exported_with_their_sums(store: Store) -> None:
    store.write(Batch(executions=[declared(tags={"a": "b"})], spans=[llm(1), llm(2, T + SECOND)]))
    (line,) = store.export_executions()
    assert (line["id"], line["status"], line["llm_calls"], line["duration_ms"]) == ("run-1", "running", 2, None)
    assert Decimal(line["cost_usd"]) == Decimal("0.002")
    assert line["tags"] == {"a": "b"}
