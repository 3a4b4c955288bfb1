import json
import subprocess
import sys
from pathlib import Path

import pytest

from kagura.errors import InputError
from kagura.store import Batch, SpanContents, Store
from tests.clients.installed import environment, in_process, kagura
from tests.store.things import T, llm, span_id, tool

REQUEST = b'{"model": "gpt-4o",\n "messages": [{"role":"user","content":"why\x1b[31m? \xc3\xa9"}] }'
LONG = "word " * 100_000
SAID = SpanContents(
    inputs=[b'{"role":"user","content":"why? \xc3\xa9"}'],
    outputs=[json.dumps({"role": "assistant", "content": f"{LONG}end"}).encode()],
    parameters=b'{"model":"gpt-4o"}',
    raw_request=REQUEST,
    raw_response=b"\x00\xff answer",
)


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    with Store.open(f"sqlite:///{tmp_path / 'telemetry.db'}") as store:
        spans = [tool(7, T - 1), llm(1, T), llm(2, T + 3_000_000, attributes={"headers": {"x-request-id": "r"}})]
        store.write(Batch(spans=spans, contents=[(span_id(2), SAID)]))
    return environment(tmp_path)


def test_all_that_a_call_sent_and_got_however_long(env: dict[str, str]) -> None:
    _, said = in_process("monitor", "--trace", "run", "--span", "2", env=env)
    for text in ("COMPLETED", "Total: $0.0010", "why? é", "answer: assistant", f"{LONG}end", "x-request-id: r"):
        assert text in said


@pytest.mark.parametrize(("part", "data"), [("request", REQUEST), ("answer", SAID.raw_response)])
def test_both_sides_of_a_call_byte_for_byte(env: dict[str, str], part: str, data: bytes) -> None:
    command = ["monitor", "--span", f"{span_id(2)}", "--raw", part]
    done = subprocess.run([sys.executable, "-m", "kagura", *command], env=env, capture_output=True, check=True)
    assert done.stdout == data


def test_a_span_as_json(env: dict[str, str]) -> None:
    found = json.loads(in_process("monitor", "--trace", "--span", "#2", "--json", env=env)[1])
    assert found["id"] == span_id(2)
    assert found["input_messages"][0]["content"] == "why? é"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--span", "9"], "numbers 1 to 2"),
        (["--span", "0000"], "the ids of 3 spans begin"),
        (["--span", "1", "--raw", "request"], "not kept"),
        (["--raw", "request"], "belongs to --span"),
        (["--span", "1", "--cost"], "cannot stand together"),
        (["--span", "1", "--raw", "answer", "--json"], "cannot stand together"),
    ],
)
def test_what_cannot_be_shown_is_told(env: dict[str, str], arguments: list[str], text: str) -> None:
    with pytest.raises(InputError) as wrong:
        in_process("monitor", *arguments, env=env)
    assert text in str(wrong.value)


def test_before_the_first_call_there_is_no_span(tmp_path: Path) -> None:
    done = kagura("monitor", "--span", "1", env=environment(tmp_path))
    assert done.returncode == 2
    assert "no run is recorded yet" in done.stderr
