"""Numbers and tags that programs report, and what is open when they die."""

from pathlib import Path
from typing import Any

import pytest

from kagura.collector import drain
from kagura.collector.events import execution_from, metric_from
from kagura.collector.following import LEASE_SECONDS, Follower
from kagura.collector.redaction import Redaction
from kagura.config import CaptureSettings, Settings
from kagura.journal import JournalWriter, Reported
from kagura.model import Event, Status
from kagura.store import Metric, Store

T = 1_790_000_000_000_000


def event(type: str, at: int = T, execution_id: str = "run", **data: Any) -> Event:
    return Event(type=type, at=at, execution_id=execution_id, data=data)


def stored(home: Path, *events: Event) -> Store:
    """Journal the events as one process that is gone by now, and drain them."""
    settings = Settings(home=home)
    writer = JournalWriter(settings.journal_dir)
    for one in events:
        writer.append(Reported(event=one))
    writer.close()
    assert drain(settings)
    return Store.open(settings.db_url)


def test_numbers_and_tags_join_their_execution(tmp_path: Path) -> None:
    with stored(
        tmp_path,
        event("execution.start", agent="planner", tags={"a": "1"}),
        event("tag", T + 1, name="b", value="2"),
        event("metric", T + 2, name="items", value=42, span_id="00000000000000aa"),
        event("execution.end", T + 3, agent="planner", status="completed", started_at=T),
        event("tag", T + 4, name="late", value="3"),
    ) as store:
        (run,) = store.find_execution("run")
        assert (run.tags, run.status, run.agent) == ({"a": "1", "b": "2", "late": "3"}, Status.COMPLETED, "planner")
        assert (run.started_at, run.ended_at) == (T, T + 3)
        assert store.metrics("run") == [
            Metric(execution_id="run", name="items", value=42.0, at=T + 2, span_id="00000000000000aa")
        ]


@pytest.mark.parametrize(
    "odd",
    [
        {"name": "items", "value": "many"},
        {"name": "items", "value": True},
        {"name": "", "value": 1},
        {"value": 1},
        {"name": 5, "value": 1},
    ],
)
def test_what_is_no_number_is_left_out(odd: dict[str, Any]) -> None:
    assert metric_from(event("metric", **odd)) is None
    assert metric_from(event("metric", execution_id="", name="items", value=1)) is None


def test_a_tag_without_name_or_execution_is_left_out() -> None:
    assert execution_from(event("tag", value="1"), Redaction(CaptureSettings())) is None
    assert execution_from(event("tag", execution_id="", name="a", value="1"), Redaction(CaptureSettings())) is None


def test_a_run_elsewhere_is_lost_when_it_says_no_more_that_it_lives(tmp_path: Path) -> None:
    now = [0.0]
    follower = Follower(tmp_path, {}, lambda: now[0])
    proxys = JournalWriter(tmp_path)
    span = event("span", id="00000000000000aa", kind="tool", name="search", started_at=T)
    for one in (event("execution.start"), span, event("execution.alive"), event("execution.alive", execution_id="x")):
        proxys.append(Reported(event=one))
    list(follower.news())
    now[0] = LEASE_SECONDS
    proxys.append(Reported(event=event("execution.alive")))
    # The proxy may go and come back meanwhile.
    proxys.close()
    list(follower.news())
    now[0] = LEASE_SECONDS * 2
    assert (follower.orphaned_runs(), follower.orphaned_spans()) == ([], [])
    now[0] += 1
    assert (follower.orphaned_runs(), follower.orphaned_spans()) == (["run"], ["00000000000000aa"])


def test_a_span_that_was_open_when_its_process_went_is_interrupted(tmp_path: Path) -> None:
    span: dict[str, Any] = {"kind": "tool", "name": "search", "started_at": T}
    with stored(
        tmp_path,
        event("span", id="00000000000000aa", **span),
        event("span", id="00000000000000bb", **span),
        event("span", id="00000000000000bb", ended_at=T + 5, **span),
    ) as store:
        trace = store.trace("run")
        assert trace is not None
        assert {found.id: found.status for found in trace.spans} == {
            "00000000000000aa": Status.INTERRUPTED,
            "00000000000000bb": Status.COMPLETED,
        }
    assert list((tmp_path / "journal").glob("*.kj")) == []
