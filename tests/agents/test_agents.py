"""The run over real agents in small: an agent on an SDK, twice at the same time, and checks that find faults."""

import copy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.agents.__main__ import Bench
from tests.agents.agent import Agent
from tests.agents.checks import Recorded, complaints, strangers
from tests.agents.rows import AGENTS
from tests.clients.installed import exported
from tests.clients.upstream import running_upstream

ROLES = next(agent.roles for agent in AGENTS if agent.name == "pydantic-ai")
AGENT = Agent("planner", ("openai==0",), (sys.executable, "PROGRAMS/openai_sdk.py", "TRIP"), ROLES)
TRIPS = ["trip-one", "trip-two"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Recorded]:
    """Two runs of the agent at the same time."""
    home = tmp_path_factory.mktemp("agents")
    with running_upstream() as upstream:
        runs, faults = Bench(home, upstream).run(AGENT, TRIPS)
    assert faults == []
    assert len(exported(home / "kagura", "--executions")) == 2
    return runs


def test_each_run_is_one_tree(runs: list[Recorded]) -> None:
    assert [list(complaints(AGENT, run)) for run in runs] == [[], []]
    assert [list(strangers(run, [trip for trip in TRIPS if trip != run.trip])) for run in runs] == [[], []]


def _tool(spans: list[Any]) -> Any:
    return next(span for span in spans if span["name"] == "get_weather")


def _branch(spans: list[Any]) -> Any:
    return next(span for span in spans if span["kind"] == "agent")


def _last_turn(spans: list[Any]) -> Any:
    return [span for span in spans if span["kind"] == "llm"][-1]


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda spans: spans.remove(_tool(spans)), 'get_weather({"city":"trip-one"}) is missing'),
        (lambda spans: _tool(spans).update(duration_ms=1.0), "get_weather took 0.001 s"),
        (lambda spans: _tool(spans).update(output_preview=None), "get_weather is completed with the result None"),
        (lambda spans: _branch(spans).update(parent_id=None), "sub-agents hang below {'nothing': 1}"),
        (lambda spans: _last_turn(spans).update(parent_id=None, attributes={}), "turns"),
        (lambda spans: spans.remove(_last_turn(spans)), "turns by branch are [2, 2]"),
    ],
    ids=["tool", "duration", "result", "branch", "chain", "turn"],
)
def test_a_damaged_tree_is_noticed(runs: list[Recorded], damage: Callable[[list[Any]], None], complaint: str) -> None:
    run = runs[0]._replace(trace=copy.deepcopy(runs[0].trace))
    damage(run.spans)
    assert any(complaint in found for found in complaints(AGENT, run))


def test_a_run_that_holds_another_ones_words_is_noticed(runs: list[Recorded]) -> None:
    assert list(strangers(runs[0], ["sunny"]))


def test_programs_are_there_for_each_agent() -> None:
    folder = Path(__file__).parent / "programs"
    named = [word.partition("/")[2] for agent in AGENTS for word in agent.command if word.startswith("PROGRAMS/")]
    assert all((folder / name).is_file() for name in named)


def test_the_documentation_tells_which_versions_were_run() -> None:
    text = (Path(__file__).parents[2] / "docs" / "clients.md").read_text()
    assert [agent.name for agent in AGENTS if f"| {agent.name} | {agent.version} |" not in text] == []
