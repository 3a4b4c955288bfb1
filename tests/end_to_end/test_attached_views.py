"""`--attach` of the commands that print once: what a proxy elsewhere records, in the words of its own machine."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kagura.errors import InputError
from kagura.store import Batch, SpanContents, Store
from tests.clients.installed import Proxy, environment, in_process, kagura
from tests.store.things import DAY, HOUR, T, asks, failed, llm, span_id, tool

KEY = "correct-horse-battery"

RUNS = [
    llm(1, T, tool_calls=asks("search"), session_id="s-1", user="ann", tags={"team": "blue"}),
    tool(2, T + HOUR, parent_id=span_id(1)),
    llm(3, T + DAY, execution_id="run-2", agent="other", provider="anthropic", response_model="claude-sonnet-4-5"),
    failed(4, T + 40 * DAY, execution_id="run-3"),
]
SAID = [
    (span_id(1), SpanContents(inputs=[b'{"role":"user","content":"why?"}'], outputs=[b'{"role":"assistant"}'])),
    (span_id(3), SpanContents(inputs=[b'{"role":"user","content":"how?"}'])),
]


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    home = tmp_path_factory.mktemp("there")
    with Store.open(f"sqlite:///{home / 'telemetry.db'}") as store:
        store.write(Batch(spans=RUNS, contents=SAID))
    proxy = Proxy(home, "")
    yield proxy
    proxy.stop()


@pytest.fixture
def _far_from_greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "America/St_Johns")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def here(tmp_path: Path) -> dict[str, str]:
    """A machine on which nothing was recorded."""
    return environment(tmp_path / "here")


def said(*command: str, env: dict[str, str], folder: Path) -> str:
    if command[0] == "statusline":
        return kagura(*command, env=env).stdout
    if command[0] == "export":
        in_process(*command, "-o", str(folder / "export"), env=env)
        return (folder / "export").read_text()
    # `top` begins with the time of day, which may be another second with the next command.
    return re.sub(r"^(kagura) \d\d:\d\d:\d\d ", r"\1 ", in_process(*command, env=env)[1])


SINCE = ("--since", "2025-10-01", "--until", "2025-12-01")


@pytest.mark.usefixtures("_far_from_greenwich")
@pytest.mark.parametrize(
    "command",
    [
        ["monitor"],
        ["monitor", "--json"],
        ["monitor", "--agent", "my_agent"],
        ["monitor", "--agent", "my_agent", "--json"],
        ["monitor", "--agent", "my_agent", "--trace"],
        ["monitor", "--trace"],
        ["monitor", "--trace", "run-1"],
        ["monitor", "--trace", "run-1", "--json"],
        *(["monitor", "--cost", *SINCE, "--by", by] for by in ("agent", "model", "day", "hour", "user", "tag:team")),
        ["monitor", "--cost", *SINCE, "--csv"],
        ["top", "--json"],
        ["top", "--once"],
        ["tail", "--no-follow"],
        ["tail", "--no-follow", "--json", "--min-cost", "0.0001", "--session", "s-1"],
        ["statusline", "--format", "{today} {month} {calls} {session} {running}", "--session", "s-1"],
        ["diff", "run-1", "run-2", "--prompts"],
        ["export"],
        ["export", "--content", "--format", "json"],
        ["export", "--executions", "--format", "csv", "--tag", "team"],
        ["export", "--execution", "run-2", *SINCE],
    ],
    ids=" ".join,
)
def test_a_proxy_elsewhere_is_shown_as_if_it_were_here(
    proxy: Proxy, here: dict[str, str], command: list[str], tmp_path: Path
) -> None:
    there = said(*command, env=proxy.env, folder=tmp_path)
    assert said(*command, "--attach", proxy.root, env=here, folder=tmp_path) == there
    assert len(there) > 20
    assert not (tmp_path / "here").exists()


@pytest.mark.parametrize("page", [1, 2, 3])
def test_an_export_goes_on_page_by_page(
    proxy: Proxy, here: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    target = tmp_path / "all.jsonl"
    in_process("export", "-o", str(target), env=proxy.env)
    whole = target.read_text()
    monkeypatch.setattr("kagura.store.export.PAGE", page)
    for env, attach in ((proxy.env, []), (here, ["--attach", proxy.root])):
        in_process("export", "-o", str(target), *attach, env=env)
        assert target.read_text() == whole


def test_before_the_first_call_there_is_nothing_to_show(here: dict[str, str], tmp_path: Path) -> None:
    proxy = Proxy(tmp_path / "new", "")
    try:
        for command in (["monitor"], ["monitor", "--trace"], ["statusline"]):
            there = said(*command, "--attach", proxy.root, env=here, folder=tmp_path)
            assert there == said(*command, env=here, folder=tmp_path)
            assert there
    finally:
        proxy.stop()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["monitor", "--attach", "http://x", "--db", "y"], "--attach and --db"),
        (["top", "--attach-key-env", "NAME"], "belongs to --attach"),
        (["tail", "--attach", "http://127.0.0.1:9", "--attach-key-env", "NOTHING"], "holds no key"),
        (["diff", "a", "b", "--attach", "http://127.0.0.1:9"], "does not answer: Connection refused"),
        (["export", "--attach", "http://127.0.0.1:port"], "is no address"),
        (["export", "--format", "otlp", "--attach", "http://127.0.0.1:9"], "needs the store itself"),
        (["monitor", "--cost", "--attach", "ftp://x"], "is no address"),
        (["run", "--attach-key-env", "NAME", "--", "true"], "belongs to --attach"),
    ],
)
def test_what_cannot_be_attached_is_told(here: dict[str, str], arguments: list[str], text: str) -> None:
    with pytest.raises(InputError, match=text) as wrong:
        in_process(*arguments, env=here)
    assert wrong.value.remedy
