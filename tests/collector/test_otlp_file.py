"""The store as lines of OTLP/JSON: whole trees, in constant memory."""

import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kagura.collector import otlp_file
from kagura.collector.otlp_file import otlp_lines
from kagura.config import Settings
from kagura.otel.outgoing_ids import root_id_of, trace_id_of
from kagura.store import Batch, SpanContents, Store
from kagura.store.export import EVERYTHING, Chosen
from tests.store.things import T, declared, llm, span_id, tool


def exported(store: Store, chosen: Chosen = EVERYTHING, **how: Any) -> list[dict[str, Any]]:
    """Every span of the lines."""
    asked = {"executions": False, "content": False} | how
    lines = otlp_lines(Settings(home=Path("/nowhere")), store, chosen, counted=lambda _: None, **asked)
    requests = [json.loads(line) for line in lines]
    return [span for request in requests for span in request["resourceSpans"][0]["scopeSpans"][0]["spans"]]


@pytest.fixture
def store() -> Iterator[Store]:
    with Store.open("sqlite://") as store:
        yield store


def test_a_run_is_a_tree_with_its_root(store: Store) -> None:
    store.write(Batch(spans=[llm(1), tool(2, T + 1, parent_id=span_id(1))], executions=[declared()]))
    root, call, used = exported(store)
    assert (root["name"], root["spanId"]) == ("invoke_agent my_agent", root_id_of("run-1"))
    assert (call["parentSpanId"], used["parentSpanId"]) == (root["spanId"], call["spanId"])
    assert {span["traceId"] for span in (root, call, used)} == {trace_id_of("run-1")}


def test_only_what_is_chosen(store: Store) -> None:
    store.write(Batch(spans=[llm(1), tool(2, T + 1), llm(3, T + 2, execution_id="run-2")]))
    assert [span["name"] for span in exported(store, Chosen(kind="tool"))] == ["execute_tool search"]
    assert len(exported(store, Chosen(execution_id="run-2"))) == 2
    assert {span["name"] for span in exported(store, executions=True)} == {"invoke_agent my_agent"}


def test_prompts_come_only_where_they_are_asked_for(store: Store) -> None:
    kept = SpanContents(inputs=[b'{"role":"user","content":"secret"}'])
    store.write(Batch(spans=[llm(1)], contents=[(span_id(1), kept)]))
    assert "secret" not in json.dumps(exported(store))
    assert "secret" in json.dumps(exported(store, content=True))


def test_each_execution_comes_once_across_pages(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kagura.store.export.PAGE", 5)
    store.write(Batch(spans=[llm(number, T + number, execution_id=f"run-{number % 3}") for number in range(1, 30)]))
    ids = [span["spanId"] for span in exported(store)]
    assert len(ids) == len(set(ids)) == 29 + 3


def test_more_spans_need_no_more_memory(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kagura.store.export.PAGE", 50)
    monkeypatch.setattr(otlp_file, "REMEMBERED", 10)
    spans = [llm(number, T + number, execution_id=f"run-{number}") for number in range(1, 600)]
    store.write(Batch(spans=spans))

    def peak(chosen: Chosen) -> int:
        tracemalloc.start()
        try:
            lines = otlp_lines(
                Settings(home=Path("/nowhere")), store, chosen, executions=False, content=False, counted=lambda _: None
            )
            assert sum(map(len, lines)) > 0
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few = Chosen(until=T + 100)
    peak(few)
    assert peak(EVERYTHING) < 1.6 * peak(few)
