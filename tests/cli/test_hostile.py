"""Hostile text in every field of the store, in every view that prints once."""

import json
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.cells import cell_len

from kagura.model import Execution, Message, Span, SpanKind, ToolCall, now_us
from kagura.store import Batch, SpanContents, Store
from tests.cli.seeded import Run, run
from tests.dashboard.samples import HOSTILE, assert_harmless, failing_spans, my_run, my_spans, poisoned

__all__ = ["run"]

EVIL = HOSTILE.replace("\ud800", "").replace("\x00", "")
"""What a store can hold of it: databases refuse broken surrogates and null bytes, and get them replaced."""
HUGE = "A\x1b[31m\u202e" * 1_000_000
"""An answer of ten megabytes."""

VIEWS = {
    "monitor": ["monitor"],
    "agent": ["monitor", "--agent", EVIL[:150]],
    "trace": ["monitor", "--trace", "run-a"],
    "latest trace": ["monitor", "--trace"],
    "log": ["monitor", "--agent", EVIL[:150], "--trace"],
    "cost": ["monitor", "--cost", "--last", "9d"],
    **{
        f"cost by {key}": ["monitor", "--cost", "--last", "9d", "--by", key]
        for key in ("model", "user", "session", "tag:t")
    },
    "top": ["top"],
    "tail": ["tail", "--no-follow", "--all"],
    "diff": ["diff", "run-a", "run-b"],
    "diff of prompts": ["diff", "run-a", "run-b", "--prompts"],
    "statusline": ["statusline", "--session", EVIL[:150]],
    "replay": ["replay", "run-a", "--dry-run"],
    "an unknown agent": ["monitor", "--agent", EVIL[:100]],
    "an unknown run": ["monitor", "--trace", EVIL[:100]],
}

REFUSED = {"an unknown agent", "an unknown run", "replay"}
"""Views that have nothing to show: their messages name what was asked for."""


def evil(value: Any) -> Any:
    """The value with hostile text in every string but those that the store itself gives a meaning."""
    return value.replace("\ud800", "") if isinstance(value, str) else value


def write(home: Path) -> None:
    home.mkdir()
    now = now_us()
    batch = Batch()
    for name, spans in (("run-a", my_spans()), ("run-b", failing_spans())):
        shift = now - 60_000_000 - spans[0].started_at
        agent = EVIL[:150]
        for span in spans:
            strange: Span = poisoned(span)
            batch.spans.append(
                msgspec.structs.replace(
                    _cleaned(strange),
                    id=f"{name}-{span.id}",
                    execution_id=name,
                    parent_id=None,
                    first_attempt_id=None,
                    agent=agent,
                    session_id=EVIL[:150],
                    user=EVIL,
                    endpoint=EVIL,
                    outcome=EVIL,
                    finish_reason=EVIL,
                    started_at=span.started_at + shift,
                    ended_at=None if span.ended_at is None else span.ended_at + shift,
                    output_preview=HUGE if span.id == "a4" else EVIL,
                    error=EVIL if span.error else None,
                    tool_calls=[ToolCall(name=EVIL, id=EVIL, arguments={EVIL: EVIL})],
                    tags={"t": EVIL, EVIL[:50]: EVIL},
                    attributes={"target": f"/v1/{EVIL}", "gen_ai.memory.record.count": EVIL},
                )
            )
            if span.kind is SpanKind.LLM:
                message = Message(
                    role=EVIL,
                    content={"role": EVIL, EVIL: (HUGE if span.id in {"a2", "b1"} else EVIL) + name},
                    text=EVIL,
                )
                batch.contents.append(
                    (f"{name}-{span.id}", SpanContents(inputs=[msgspec.json.encode(message.content)]))
                )
        run = my_run()
        batch.executions.append(
            Execution(
                id=name,
                agent=agent,
                status=run.status,
                error=EVIL,
                user=EVIL,
                session_id=EVIL[:150],
                started_at=spans[0].started_at + shift,
                ended_at=now,
                declared=True,
                tags={EVIL[:50]: EVIL},
            )
        )
    with Store.open(f"sqlite:///{home}/telemetry.db") as store:
        store.write(batch)


def _cleaned(value: Any) -> Any:
    """Without broken surrogates, which no database holds."""
    if isinstance(value, msgspec.Struct):
        return type(value)(**{name: _cleaned(getattr(value, name)) for name in value.__struct_fields__})
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    if isinstance(value, dict):
        return {_cleaned(key): _cleaned(inner) for key, inner in value.items()}
    return evil(value) if type(value) is str else value


@pytest.fixture(scope="module")
def poison(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose store is hostile."""
    home = tmp_path_factory.mktemp("hostile") / "home"
    write(home)
    return home


@pytest.mark.parametrize("width", [60, 200])
@pytest.mark.parametrize("name", VIEWS)
def test_hostile_text_is_shown_and_never_obeyed(
    run: Run, poison: Path, monkeypatch: pytest.MonkeyPatch, name: str, width: int
) -> None:
    monkeypatch.setenv("KAGURA_HOME", str(poison))
    monkeypatch.setenv("COLUMNS", str(width))
    began = time.process_time()
    ran = run(*VIEWS[name])
    assert time.process_time() - began < 20
    assert "this should not have happened" not in ran.err
    assert ran.code == (2 if name in REFUSED else 0)
    assert ran.out or ran.code == 2
    assert_harmless(ran.out, width)
    assert_harmless(ran.err, 10_000)
    if ran.code == 0 and name not in {"statusline", "replay"}:
        assert max(map(cell_len, ran.out.splitlines())) <= width


@pytest.mark.parametrize("name", [name for name in VIEWS if name not in {"statusline", "diff of prompts"}])
def test_json_is_escaped_and_whole(run: Run, poison: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("KAGURA_HOME", str(poison))
    ran = run(*VIEWS[name], "--json")
    assert ran.code == (2 if name in REFUSED else 0)
    used = set(ran.out) - {"\n"}
    assert not [char for char in used if ord(char) < 32 or 0x7F <= ord(char) < 0xA0]
    assert not used & set("\u202e\u2066")
    for line in ran.out.splitlines() if name == "tail" else [ran.out] * bool(ran.out):
        json.loads(line)


def test_csv_in_a_pipe_is_the_data_as_it_is(run: Run, poison: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAGURA_HOME", str(poison))
    ran = run("monitor", "--cost", "--last", "9d", "--csv")
    assert ran.code == 0
    assert ran.out.splitlines()[1].startswith('"\x1b[2J')
