import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from kagura.cli.monitor import DIMENSIONS
from kagura.model import Usage
from kagura.store import DIMENSIONS as STORE_DIMENSIONS
from kagura.store import Batch, SpanContents, Store
from tests.cli.seeded import Run, run, seeded
from tests.dashboard.samples import my_spans
from tests.store.things import SECOND, T, llm

__all__ = ["run", "seeded"]

SCREENS = Path(__file__).parents[1] / "dashboard" / "screens"


def test_output_that_is_no_terminal_prints_once_and_ends(seeded: Run) -> None:
    ran = seeded("monitor")
    assert ran.code == 0
    assert "\x1b" not in ran.out
    assert "┌─ Kagura Agent Monitor ─" in ran.out
    assert re.search(r"10-10 17:45 +my_agent +COMPLETED +7\.2s +\$0\.0069 ", ran.out)


def test_the_whole_screen_as_json(seeded: Run) -> None:
    shown = seeded("monitor", "--json").json
    assert shown["total"]["llm_calls"] == 6
    assert shown["total"]["cost"] == {"billed_usd": "0.009112", "estimated_usd": "0.0004", "unknown_calls": 1}
    assert shown["today"]["llm_calls"] == 0
    first = next(run for run in shown["executions"] if run["id"] == "exec_abc123")
    assert first["started_at"] == "2025-10-10T08:45:23.000000Z"
    assert first["duration_ms"] == 7200
    assert first["cost"]["billed_usd"] == "0.006912"


def test_the_trace_of_an_abbreviated_id(seeded: Run) -> None:
    ran = seeded("monitor", "--trace", "exec_a")
    assert ran.out == (SCREENS / "trace_80.txt").read_text(encoding="utf-8")


def test_a_bare_trace_is_the_latest_run(seeded: Run) -> None:
    assert seeded("monitor", "--trace").out.startswith("Execution Trace: ")
    assert seeded("monitor", "--trace", "--agent", "code_review", "--json").json["execution"]["id"] == "exec_def456"


def test_an_agents_trace_is_a_log(seeded: Run) -> None:
    ran = seeded("monitor", "--agent", "my_agent", "--trace")
    assert ran.out == (SCREENS / "log_80.txt").read_text(encoding="utf-8")


def test_the_trace_as_json(seeded: Run) -> None:
    shown = seeded("monitor", "--trace=exec_abc123", "--json").json
    assert shown["cost"]["billed_usd"] == "0.006912"
    call = next(span for span in shown["spans"] if span["id"] == "a2")
    assert (call["duration_ms"], call["usage"]["input"], call["cost"]["total_usd"]) == (2100, 512, "0.002304")


def test_unknown_runs_are_refused_with_near_ids(seeded: Run) -> None:
    ran = seeded("monitor", "--trace", "exec_abc124")
    assert (ran.code, ran.out) == (2, "")
    assert "Near ids: exec_abc123" in ran.err


def test_one_agent(seeded: Run) -> None:
    ran = seeded("monitor", "--agent", "my_agent")
    assert "│ Calls Today: 0 (1 in all) " in ran.out
    assert "│ Avg Tokens: 768 prompt, 192 completion " in ran.out
    assert "│ search_tool .................. 1 call (100%) " in ran.out
    assert "[my_agent] Execution Timeline:\n├─ Memory: lookup ............ 50ms\n" in ran.out
    shown = seeded("monitor", "--agent", "my_agent", "--json").json
    assert shown["models"][0]["average_input_tokens"] == 768
    assert shown["latest"]["id"] == "exec_abc123"


@pytest.mark.parametrize("more", [[], ["--json"], ["--trace"]])
def test_an_agent_that_never_ran_is_refused_with_near_names(seeded: Run, more: list[str]) -> None:
    ran = seeded("monitor", "--agent", "My_Agnet", *more)
    assert (ran.code, ran.out) == (2, "")
    assert "no run of an agent 'My_Agnet' is recorded\n  Near names: my_agent." in ran.err
    assert "There are: code_review, my_agent." in seeded("monitor", "--agent", "zzz", *more).err


def test_the_cost_of_a_day(seeded: Run) -> None:
    ran = seeded("monitor", "--cost", "--date", "2025-10-10")
    assert ran.out == (
        "Daily Cost Summary (2025-10-10):\n"
        "├─ my_agent .................. $0.0069 (2 calls, 1 run)\n"
        "└─ code_review ............... $0.0022 + ~$0.00040 + 1 unknown (4 calls, 1 run)\n"
        "\n"
        "Total: $0.0091\n"
        "Estimated: ~$0.00040 (not in the total)\n"
        "Unknown: 1 call without a price (not in the total)\n"
        "Projected monthly: ~$0.2734\n"
    )


def test_the_cost_as_json_is_exact(seeded: Run) -> None:
    shown = seeded(
        "monitor", "--cost", "--since", "2025-10-01", "--until", "2025-10-10", "--by", "model", "--json"
    ).json
    assert (shown["since"], shown["until"]) == ("2025-09-30T15:00:00.000000Z", "2025-10-10T15:00:00.000000Z")
    assert {row["key"]: row["cost"]["billed_usd"] for row in shown["rows"]} == {"gpt-4o": "0.009112", "my-own": "0"}
    assert shown["total"] == {"billed_usd": "0.009112", "estimated_usd": "0.0004", "unknown_calls": 1}
    assert shown["projected_monthly_usd"] == "0.273360"


def test_the_cost_as_csv(seeded: Run) -> None:
    ran = seeded("monitor", "--cost", "--date", "2025-10-10", "--by", "agent", "--csv")
    head, first, second = ran.out.splitlines()
    assert head == (
        "agent,runs,calls,input_tokens,output_tokens,cache_read_tokens,cache_write_tokens,reasoning_tokens,"
        "billed_usd,estimated_usd,unknown_calls"
    )
    assert first == "my_agent,1,2,1536,384,0,0,0,0.006912,0,0"
    assert second.startswith("code_review,1,4,") and second.endswith(",0.0022,0.0004,1")


def test_the_stretch_before_is_compared(seeded: Run) -> None:
    shown = seeded("monitor", "--cost", "--date", "2025-10-11", "--json").json
    assert shown["before"] == {
        "since": "2025-10-09T15:00:00.000000Z",
        "until": "2025-10-10T15:00:00.000000Z",
        "billed_usd": "0.009112",
        "estimated_usd": "0.0004",
        "unknown_calls": 1,
    }


def test_days_are_local(seeded: Run) -> None:
    assert "2025-10-10 ." in seeded("monitor", "--cost", "--since", "2025-10-10", "--by", "day").out
    assert "2025-10-10 17:00 ." in seeded("monitor", "--cost", "--since", "2025-10-10T17:00", "--by", "hour").out
    assert seeded("monitor", "--cost", "--until", "2025-10-10T17:45:23", "--json").json["rows"] == []


def test_today_is_what_is_asked_for_without_a_time(seeded: Run) -> None:
    shown = seeded("monitor", "--cost").out
    assert re.match(r"Daily Cost Summary \(\d{4}-\d\d-\d\d\):\nNothing was called\.\n", shown)
    assert "kagura monitor --cost --date 2025-10-10" in shown


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["--cost", "--date", "10/10/2025"], "--date '10/10/2025' is not a day"),
        (["--cost", "--since", "whenever"], "--since 'whenever'"),
        (["--cost", "--last", "7"], "--last '7'"),
        (["--cost", "--date", "today", "--last", "7d"], "--date and --last cannot stand together"),
        (["--cost", "--since", "2025-10-10", "--until", "2025-10-01"], "is not before"),
        (["--cost", "--by", "colour"], "--by 'colour' is not known\n  Accepted: agent, "),
        (["--cost", "--by", "modle"], "Did you mean model? Accepted: agent, "),
        (["--cost", "--trace"], "--cost and --trace"),
        (["--last", "7d"], "belong to --cost"),
        (["--csv"], "belong to --cost"),
        (["--cost", "--csv", "--json"], "--json and --csv"),
        (["--cost", "--agent", "my_agnet"], "no run of an agent 'my_agnet'"),
    ],
)
def test_flags_that_cannot_be_used_are_refused(seeded: Run, args: list[str], complaint: str) -> None:
    ran = seeded("monitor", *args)
    assert (ran.code, ran.out) == (2, "")
    assert complaint in ran.err
    assert "\n  " in ran.err


def test_a_tag_without_its_mark_is_understood(seeded: Run, tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path}/home/telemetry.db") as store:
        store.write(Batch(spans=[msgspec.structs.replace(my_spans()[1], id="tagged", tags={"team": "x"})]))
    said = seeded("monitor", "--cost", "--by", "team").err
    assert "Did you mean tag:team? Accepted: agent, " in said
    assert said.endswith("session, tag:team.\n")


@pytest.mark.parametrize("args", [[], ["--trace"], ["--cost"], ["--agent", "x"], ["--agent", "x", "--trace"]])
def test_without_a_store_the_beginning_is_told(run: Run, args: list[str], tmp_path: Path) -> None:
    ran = run("monitor", *args)
    assert (ran.code, ran.err) == (0, "")
    assert "kagura proxy" in ran.out
    assert run("monitor", *args, "--json").code == 0
    assert not (tmp_path / "home").exists()


def test_columns_are_respected(seeded: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert {len(row) for row in seeded("monitor").out.splitlines()} == {60}


@pytest.mark.parametrize(
    "args", [["--trace", "exec_d"], ["--agent", "code_review", "--trace"], ["--cost", "--last", "9999d"]]
)
def test_rows_are_cut_and_never_wrapped(seeded: Run, args: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = seeded("monitor", *args).out.splitlines()
    monkeypatch.setenv("COLUMNS", "50")
    narrow = seeded("monitor", *args).out.splitlines()
    assert len(narrow) == len(whole)
    assert max(map(len, narrow)) == 50


def test_the_keys_of_cost_are_those_of_the_store() -> None:
    assert (*DIMENSIONS, "tag:KEY") == STORE_DIMENSIONS


def test_help_loads_no_database() -> None:
    code = (
        "import sys, kagura.cli\n"
        "try: kagura.cli.main(['monitor', '--help'])\n"
        "finally: print(*sorted({'sqlalchemy', 'kagura.store', 'aiohttp'} & set(sys.modules)), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "--trace" in ran.stdout
    assert ran.stderr.strip() == ""


def test_hints_look_at_what_was_sent(run: Run, tmp_path: Path) -> None:
    """A conversation whose whole beginning is sent again with each turn, and read from no cache."""
    (tmp_path / "home").mkdir()
    said = [f'{{"role": "user", "content": "{number}"}}'.encode() for number in range(4)]
    calls = [
        llm(number, T + number * 20 * SECOND, usage=Usage(input=3000 * number, output=9, cache_read=0), cost=None)
        for number in range(1, 5)
    ]
    contents = [(call.id, SpanContents(inputs=said[: number + 1])) for number, call in enumerate(calls)]
    with Store.open(f"sqlite:///{tmp_path}/home/telemetry.db") as store:
        store.write(Batch(spans=calls, contents=contents))
    shown = run("monitor", "--trace", "--json").json["hints"]
    assert [hint["rule"] for hint in shown] == ["cache_never_hit"]
    assert "60% of 30,000 prompt tokens had been sent before" in shown[0]["finding"]
    assert run("monitor", "--agent", "my_agent", "--json").json["hints"] == shown
    assert "60% of 30,000" in " ".join(run("monitor", "--trace").out.split())
    (tmp_path / "home" / "prices.jsonl").write_text("no price list")
    assert run("monitor", "--trace", "--json").json["hints"] == shown
