import json
import stat
import sys
from pathlib import Path

import pytest

from kagura.model import SpanKind
from kagura.store import Batch, Store
from tests.cli.seeded import Run, run, seeded
from tests.dashboard.samples import HOSTILE, span

__all__ = ["run", "seeded"]

FIELDS = """id execution_id parent_id kind name agent status error inferred started_at ended_at duration_ms ttft_ms
provider endpoint request_model response_model stream http_status input_tokens cache_read_tokens cache_write_tokens
output_tokens reasoning_tokens usage_source finish_reason tool_calls cost_usd cost_source price_version attempt tags
attributes"""


def test_every_call_is_one_line(seeded: Run) -> None:
    ran = seeded("export")
    rows = [json.loads(line) for line in ran.out.splitlines()]
    assert len(rows) == 13
    assert set(FIELDS.split()) <= set(rows[0])
    call = next(row for row in rows if row["id"] == "a2")
    assert (call["input_tokens"], call["cost_usd"], call["started_at"]) == (
        512,
        "0.002304",
        "2025-10-10T08:45:24.200000Z",
    )
    assert ran.err == ""


def test_a_file_is_private_and_whole(seeded: Run, tmp_path: Path) -> None:
    target = tmp_path / "calls.json"
    target.write_text("old")
    assert seeded("export", "--format", "json", "-o", str(target)) == (0, "", "")
    assert len(json.loads(target.read_text())) == 13
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == ["calls.json"]


def test_what_fails_half_way_leaves_the_old_file(seeded: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "calls.jsonl"
    target.write_text("old")

    def broken(self: Store, *chosen: object, **how: object) -> object:
        yield {"id": "a", "attributes": {}}
        raise RuntimeError("no more")

    monkeypatch.setattr(Store, "export_spans", broken)
    ran = seeded("export", "-o", str(target))
    assert (ran.code, ran.out) == (1, "")
    assert "RuntimeError: no more" in ran.err
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == ["calls.jsonl"]


def test_a_folder_that_is_not_there_is_an_input_error(seeded: Run, tmp_path: Path) -> None:
    ran = seeded("export", "-o", str(tmp_path / "no" / "where.jsonl"))
    assert ran.code == 2
    assert "cannot be written" in ran.err


def test_runs_with_their_sums(seeded: Run) -> None:
    rows = [json.loads(line) for line in seeded("export", "--executions").out.splitlines()]
    sums = {row["id"]: (row["llm_calls"], row["cost_usd"], row["estimated_cost_usd"]) for row in rows}
    assert sums == {"exec_abc123": (2, "0.006912", "0"), "exec_def456": (4, "0.0022", "0.0004")}


def test_rows_are_chosen_by_agent_run_and_time(seeded: Run) -> None:
    def number(*args: str) -> int:
        return len(seeded("export", *args).out.splitlines())

    assert number("--agent", "my_agent") == 5
    assert number("--execution", "exec_d") == 8
    assert number("--since", "2025-10-10T17:45:29") == 1
    assert number("--until", "2025-10-10T17:45:24") == 3
    assert number("--until", "2025-10-10") == 13
    assert number("--until", "2025-10-09") == 0
    assert seeded("export", "--execution", "nope").code == 2
    assert number("--executions", "--execution", "exec_d") == 1
    assert number("--kind", "tool") + number("--kind", "llm") == 10
    assert (number("--status", "failed"), number("--model", "nothing")) == (2, 0)
    assert seeded("export", "--executions", "--kind", "llm").code == 2
    assert seeded("export", "--last", "7d", "--since", "2025-10-10").code == 2
    assert seeded("export", "--tag", "=x").code == 2
    assert seeded("export", "--since", "soon").code == 2


def test_csv_has_a_head(seeded: Run) -> None:
    rows = seeded("export", "--format", "csv", "--agent", "my_agent").out.splitlines()
    assert rows[0].startswith("id,execution_id,")
    assert len(rows) == 6


def test_a_files_name_says_its_format(seeded: Run, tmp_path: Path) -> None:
    def written(name: str, *args: str) -> bytes:
        assert seeded("export", "-o", str(tmp_path / name), *args) == (0, "", "")
        return (tmp_path / name).read_bytes()

    assert written("a.csv").startswith(b"id,execution_id")
    assert written("a.parquet")[:4] == written("b.pq")[:4] == b"PAR1"
    assert json.loads(written("a.json"))[0]["id"]
    assert b'"resourceSpans"' in written("a.otlp.jsonl")
    assert written("a.ndjson") == written("a.txt") == written("a.csv", "--format", "jsonl")


def test_what_the_contract_promises_stays_without_content_and_grows_with_it(seeded: Run) -> None:
    plain = seeded("export").out
    rows = [json.loads(line) for line in seeded("export", "--content").out.splitlines()]
    assert "input_messages" not in plain
    assert {"input_messages", "parameters", "output_messages", "input_preview"} <= set(rows[0])
    assert any(row["input_preview"] for row in rows)
    given = [{name: value for name, value in row.items() if name in json.loads(plain.split("\n")[0])} for row in rows]
    assert given == [json.loads(line) for line in plain.splitlines()]


def test_what_an_agent_was_called_with_is_content(run: Run, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    given = {"kwargs": {"question": "secret"}, "command": "agent secret", "team": "red"}
    with Store.open(f"sqlite:///{home}/telemetry.db") as store:
        store.write(Batch(spans=[span("a", SpanKind.AGENT, "agent", 0, 1, attributes=given)]))
    assert run("export").json["attributes"] == {"team": "red"}
    assert run("export", "--content").json["attributes"] == given


def test_an_empty_table_has_a_head(run: Run) -> None:
    assert run("export", "--format", "csv").out.startswith("id,execution_id,")
    assert len(run("export", "--format", "csv").out.splitlines()) == 1
    assert run("export", "--format", "otlp") == (0, "", "")


def test_a_bar_is_shown_only_to_somebody_who_waits(
    seeded: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = str(tmp_path / "calls.jsonl")
    monkeypatch.setattr("kagura.cli.export_progress.AFTER", 0)
    monkeypatch.setattr("kagura.cli.export_progress.EVERY", 0)
    assert seeded("export", "-o", target).err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    shown = seeded("export", "-o", target).err
    assert "spans" in shown
    assert "13/13" in shown
    monkeypatch.setattr("kagura.cli.export_progress.AFTER", 100)
    assert seeded("export", "-o", target).err == ""


def test_without_a_store_there_are_no_rows(run: Run) -> None:
    assert run("export") == (0, "", "")
    assert run("export", "--format", "json").json == []


def test_hostile_text_stays_json(run: Run, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    hostile = HOSTILE.replace("\ud800", "").replace("\x00", "")
    with Store.open(f"sqlite:///{home}/telemetry.db") as store:
        store.write(Batch(spans=[span("a", SpanKind.TOOL, hostile, 0, 1, error=hostile)]))
    out = run("export").out
    assert json.loads(out)["error"] == hostile
    assert "\x1b" not in out
    assert out.count("\n") == 1
