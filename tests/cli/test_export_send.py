"""History sent to an OTLP receiver, and how to go on where it stopped taking it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from kagura.config import Settings
from kagura.model import SpanKind
from kagura.store import Batch, Store
from tests.cli.seeded import Run, run, seeded
from tests.dashboard.samples import span
from tests.otel.receiver import Answer, Receiver, partial, receiving

__all__ = ["run", "seeded"]

CALLS = 1300


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def history(seeded: Run, tmp_path: Path) -> Run:
    """A store with some thousand calls of one run, a second between two of them, and one that still runs."""
    with Store.open(Settings(home=tmp_path / "home").db_url) as store:
        run = {"execution_id": "long_run"}
        spans = [span(f"{at:016x}", SpanKind.LLM, "chat", at, 0.5, **run) for at in range(1, CALLS + 1)]
        store.write(Batch(spans=[*spans, span("f" * 16, SpanKind.LLM, "chat", 0, None, **run)]))
    return seeded


def ids(receiver: Receiver) -> set[str]:
    return {str(one.attributes["kagura.span_id"]) for one in receiver.taken if "kagura.span_id" in one.attributes}


def test_all_that_has_ended_is_sent(seeded: Run, receiver: Receiver) -> None:
    ran = seeded("export", "--to", receiver.url)
    assert (ran.code, ran.out) == (0, "")
    assert f"{len(receiver.taken)} spans were sent to {receiver.url}/v1/traces" in ran.err
    assert len(ids(receiver)) == 12
    assert "invoke_agent" in " ".join(receiver.names())


def test_it_goes_on_where_the_receiver_stopped(history: Run, receiver: Receiver) -> None:
    receiver.answers = [Answer()]
    receiver.always = Answer(503, (("retry-after", "0"),), b"busy")
    ran = history("export", "--execution", "long_run", "--to", receiver.url)
    assert ran.code == 1
    assert "HTTP status 503: busy; 500 spans were sent" in ran.err
    since = re.search(r"--since (\S+) added", ran.err)
    assert since
    first = ids(receiver)
    receiver.always = Answer()
    ran = history("export", "--execution", "long_run", "--to", receiver.url, "--since", since[1])
    assert ran.code == 0
    assert ids(receiver) == {f"{at:016x}" for at in range(1, CALLS + 1)}
    assert len(receiver.taken) < CALLS + 10
    assert len(first) == 500


def test_what_the_receiver_refuses_is_counted_and_the_rest_goes(seeded: Run, receiver: Receiver) -> None:
    seeded("export", "--to", receiver.url)
    receiver.refuses = {next(name for name in receiver.names() if name.startswith("execute_tool"))}
    ran = seeded("export", "--to", receiver.url)
    assert ran.code == 0
    assert "does not take" in ran.err
    assert "HTTP status 400: a span is malformed" in ran.err
    receiver.refuses.clear()
    receiver.always = partial(2, "too old")
    assert "does not take 2 spans: too old" in seeded("export", "--to", receiver.url).err


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--to", "localhost:4318"], "no address of an OTLP receiver"),
        (["--to", "http://:99999999"], "no address of an OTLP receiver"),
        (["--to", "http://127.0.0.1:1", "-o", "x.jsonl"], "--to sends OTLP"),
        (["--to", "http://127.0.0.1:1", "--format", "csv"], "--to sends OTLP"),
        (["--to", "http://127.0.0.1:1", "--attach", "http://127.0.0.1:2"], "OTLP needs the store itself"),
        (["--to", "http://ann:secret@127.0.0.1:1"], "holds a user or password"),
    ],
)
def test_what_cannot_be_meant(flags: list[str], said: str, seeded: Run) -> None:
    ran = seeded("export", *flags)
    assert ran.code == 2
    assert said in ran.err
    assert "secret" not in ran.err


def test_a_receiver_that_is_away_is_told_at_once(seeded: Run) -> None:
    ran = seeded("export", "--to", "http://127.0.0.1:1")
    assert ran.code == 1
    assert "refused; 0 spans were sent" in ran.err
    assert "try the same command again" in ran.err


def test_credentials_go_to_the_receiver_that_they_are_for(
    seeded: Run, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAGURA_OTLP_HEADERS", '{"authorization": "Bearer key"}')
    monkeypatch.setenv("KAGURA_OTLP_ENDPOINT", "https://otlp.example")
    seeded("export", "--to", receiver.url)
    assert "authorization" not in receiver.headers[-1]
    monkeypatch.setenv("KAGURA_OTLP_ENDPOINT", receiver.url)
    seeded("export", "--to", f"{receiver.url}/v1/traces")
    assert receiver.headers[-1]["authorization"] == "Bearer key"
