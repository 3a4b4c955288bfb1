"""What no honest program exports: clocks that are wrong, circles, ids that come again, more than anybody reads."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from kagura.dashboard.tree import nodes
from kagura.journal import Telemetry
from tests.collector.exports import TRACE, chat, export, own_id, span, stored, tree
from tests.collector.recorded import T

DAY = 86_400_000
FIELDS = ("startTimeUnixNano", "endTimeUnixNano")


@pytest.mark.parametrize(
    ("began", "ended", "duration"),
    [
        (0, 0, 0),
        (0, T * 1000, 0),
        (5_000_000_000, 6_000_000_000, 0),
        ((T + 400 * DAY * 1000) * 1000, (T + 400 * DAY * 1000 + 250) * 1000, 250),
        (2**64 - 1, 2**64 - 1, 0),
        (2**64 - 1, 5, 0),
    ],
    ids=["none", "no begin", "1970", "next year", "the end of time", "backwards"],
)
def test_clocks_that_cannot_be_right(began: int, ended: int, duration: int, tmp_path: Path) -> None:
    told = span("chat", 1, None, (0, 0), chat()) | {"startTimeUnixNano": str(began), "endTimeUnixNano": str(ended)}
    (found,) = stored(tmp_path, [export(told)])
    assert (found.started_at, found.ended_at) == (T - duration, T)


def test_old_spans_keep_their_time(tmp_path: Path) -> None:
    (found,) = stored(tmp_path, [export(span("step", 1, None, (-400 * DAY, -400 * DAY + 5)))])
    assert (found.started_at, found.duration) == (T - 400 * DAY * 1000, 5000)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_circles_of_parents_end(size: int, tmp_path: Path) -> None:
    circle = [span("step", at + 1, (at + 1) % size + 1, (at, 100), chat() if at else {}) for at in range(size)]
    outside = span("root", 9, None, (0, 200))
    spans = stored(tmp_path, [export(*circle, outside)], [export(*circle)])
    shown = [node.span.id for node in nodes(spans)]
    assert sorted(shown) == sorted(own_id(number) for number in (*range(1, size + 1), 9))


def test_one_id_in_many_traces_is_many_spans(tmp_path: Path) -> None:
    traces = [f"{number + 1:032x}" for number in range(50)]
    spans = stored(tmp_path, [export(*(span("step", 1, None, (0, 5), trace=trace) for trace in traces))])
    assert len({found.id for found in spans}) == len({found.execution_id for found in spans}) == 50


def test_thousands_of_links_events_and_attributes_are_cut(tmp_path: Path) -> None:
    links = [{"traceId": TRACE, "spanId": f"{number + 1:016x}"} for number in range(10_000)]
    events = [{"name": f"event {number}", "timeUnixNano": "1"} for number in range(10_000)]
    many = {f"name {number}": "x" * 100 for number in range(10_000)} | {"y" * 100_000: "z" * 1_000_000}
    told = span("n" * 1_000_000, 1, None, (0, 5), many, links=links, events=events)
    (found,) = stored(tmp_path, [export(told)])
    assert len(found.name) <= 200
    assert len(json.dumps(found.attributes)) < 300_000


def test_a_chain_of_thousands_of_spans_is_stored_in_seconds(tmp_path: Path) -> None:
    count = 3000
    began = time.process_time()
    chain = [span("step", at + 1, at or None, (0, 5)) for at in range(count)]
    spans = stored(tmp_path, [export(*chain)])
    assert len(spans) == count
    assert time.process_time() - began < 20


def test_garbage_beside_good_spans(tmp_path: Path) -> None:
    good = export(span("step", 1, None, (0, 5)))
    odd: list[Any] = [
        {"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": TRACE}]}]}]},
        {"resourceSpans": [{}]},
        {"resourceSpans": [{"scopeSpans": [{"spans": [span("x", 2, None, (0, 5)) | {"attributes": [{}]}]}]}]},
    ]
    broken = [Telemetry(signal="traces", encoding="json", received_at=T, body=json.dumps(one).encode()) for one in odd]
    junk = Telemetry(signal="traces", encoding="protobuf", received_at=T, body=b"\xff" * 100)
    spans = stored(tmp_path, [junk, *broken, good])
    assert sorted(tree(spans)) == ["span step", "span x"]
