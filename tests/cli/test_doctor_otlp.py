"""What `kagura doctor` says about spans that are to be sent to an OTLP receiver."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from kagura.model import now_us
from kagura.store import Batch, Store
from tests.cli.seeded import Run, run
from tests.store.things import tool

__all__ = ["run"]

ENDPOINT = "https://otlp.example/v1/traces"


@pytest.fixture
def store(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A store with two lines in its outbox, and settings that name a receiver."""
    monkeypatch.setenv("KAGURA_OTLP_ENDPOINT", "https://otlp.example")
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    with Store.open(f"sqlite:///{home}/telemetry.db") as opened:
        opened.queues_exports = True
        opened.write(Batch(spans=[tool(1)]))
        yield opened


def said(run: Run) -> list[tuple[str, str]]:
    findings = json.loads(run("doctor", "--json").out)
    return [(found["level"], found["text"]) for found in findings if found["subject"] == "otlp"]


def test_nothing_was_sent_yet(run: Run, store: Store) -> None:
    assert said(run) == [("note", f"2 spans wait for {ENDPOINT}; none was sent yet")]


def test_all_is_well(run: Run, store: Store) -> None:
    store.sent(store.claim(1 << 60, 10, 0))
    store.note("failed", now_us() - 10, "timed out")
    store.note("sent", now_us())
    ((level, text),) = said(run)
    assert level == "ok"
    assert text.startswith(f"spans are sent to {ENDPOINT}, the last ones at ")
    assert text.endswith("; 0 spans wait")


def test_the_receiver_is_away(run: Run, store: Store) -> None:
    store.note("sent", now_us() - 10)
    store.note("failed", now_us(), "Connection refused")
    ((level, text),) = said(run)
    assert level == "problem"
    assert text.startswith(f"2 spans wait for {ENDPOINT}; the last try failed at ")
    assert text.endswith(": Connection refused")


def test_the_receiver_refused_spans(run: Run, store: Store) -> None:
    store.note("sent", now_us())
    store.note("refused", now_us(), "1 span (aa): HTTP status 400")
    assert [level for level, _ in said(run)] == ["ok", "note"]
    assert said(run)[1][1].endswith(": 1 span (aa): HTTP status 400")


def test_without_a_receiver_there_is_nothing_to_say(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAGURA_OTLP_ENDPOINT", raising=False)
    assert said(run) == []
    monkeypatch.setenv("KAGURA_OTLP_ENDPOINT", "https://otlp.example")
    assert said(run) == []
