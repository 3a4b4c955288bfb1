"""What must be recorded of a run: its turns in order, its tools, its sub-agents; and nothing of another run."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.agents.agent import Agent
from tests.agents.conversation import Conversation
from tests.agents.plans import SECONDS
from tests.agents.scripts import Role, marked

TOLERANCE = 0.03
LONGEST = 60.0
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TOOL_KINDS = ("tool", "memory", "retrieval")

Span = dict[str, Any]


class Recorded(NamedTuple):
    """A run as `kagura monitor --trace ID --json` gives it."""

    trip: str
    trace: dict[str, Any]
    summary: dict[str, Any]
    """What `kagura run --json` wrote at its end."""

    @property
    def spans(self) -> list[Span]:
        found: list[Span] = self.trace["spans"]
        return found

    @property
    def turns(self) -> list[Span]:
        """Calls of the agents' work: title makers and other side calls are not counted."""
        return [span for span in self.spans if span["kind"] == "llm" and not span["attributes"].get("side")]

    @property
    def tools(self) -> list[Span]:
        return [span for span in self.spans if span["kind"] in TOOL_KINDS]

    @property
    def branches(self) -> list[Span]:
        return [span for span in self.spans if span["kind"] == "agent"]


def complaints(agent: Agent, run: Recorded) -> Iterator[str]:
    """Everything that is not as it must be."""
    if run.trace["execution"]["status"] != "completed":
        yield f"the execution is {run.trace['execution']['status']}"
    told = {name: run.summary.get(name) for name in ("id", "agent", "exit_code")}
    if told != {"id": run.trip, "agent": agent.name, "exit_code": 0}:
        yield f"the summary at the end says {told}"
    counted = sum(row["calls"] for row in run.summary.get("tools") or ())
    if counted != len(run.tools):
        yield f"the summary at the end tells of {counted} tool calls, not {len(run.tools)}"
    yield from _tools(agent, run)
    yield from _turns(agent, run)
    yield from _branches(agent, run)


def complaints_of_told(agent: Agent, run: Recorded) -> Iterator[str]:
    """The same for an agent that told of its tools itself: none of them may be left to what calls show."""
    alone = agent.tells or ()
    yield from (fault for fault in complaints(agent, run) if not any(name in fault for name in alone))
    yield from (f"{span['name']} is inferred" for span in run.tools if span["inferred"])
    yield from (f"{span['name']} was not told" for span in run.turns if not span["attributes"].get("reported_by"))


def _tools(agent: Agent, run: Recorded) -> Iterator[str]:
    found = Counter((span["name"], _UUID.sub("none", _arguments(span))) for span in run.tools)
    wanted = Counter((name, _text(arguments)) for role in agent.roles for name, arguments in asked(role, run.trip))
    for (name, arguments), count in (wanted - found).items():
        yield f"{count} × {name}({arguments}) is missing"
    for (name, arguments), count in (found - wanted).items():
        yield f"{count} × {name}({arguments}) is too much"
    for span in run.tools:
        seconds = (span["duration_ms"] or 0) / 1000
        least = next((s for words, s in SECONDS.items() if words in f"{span['name']} {_arguments(span)}"), 0)
        if not max(0, least - TOLERANCE) <= seconds < LONGEST:
            yield f"{span['name']} took {seconds:.3f} s, of at least {least}"
        if span["status"] != "completed" or not span["output_preview"]:
            yield f"{span['name']} is {span['status']} with the result {span['output_preview']!r}"


def asked(role: Role, trip: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The tools whose results a role hears of: what it asks for last ends it."""
    said = Conversation(trip, "", "", {})
    handed_over = role.started_by is None and role.steps[-1].asks and role.steps[-1].asks[0].tool.startswith("transfer")
    for step in role.steps if handed_over else role.steps[:-1]:
        for call in step.asks:
            yield call.tool, marked(call.arguments, said)


def _turns(agent: Agent, run: Recorded) -> Iterator[str]:
    """Every call but the first of its branch follows the one before it in that branch."""
    wanted = sorted(_chain_lengths(agent))
    chains: dict[str | None, list[Span]] = {}
    for span in sorted(run.turns, key=lambda span: str(span["started_at"])):
        chains.setdefault(span["parent_id"], []).append(span)
    found = sorted(map(len, chains.values()))
    if found != wanted:
        yield f"turns by branch are {found}, not {wanted}"
    for chain in chains.values():
        if agent.rebuilds:
            continue
        steps = [span["attributes"].get("step") for span in chain]
        follows = [span["attributes"].get("follows") for span in chain[1:]]
        if steps != list(range(1, len(chain) + 1)) or follows != [span["id"] for span in chain[:-1]]:
            yield f"turns are out of order: steps {steps}"


def _chain_lengths(agent: Agent) -> Iterator[int]:
    yield sum(len(role.steps) for role in agent.roles if role.started_by is None)
    yield from (len(role.steps) for role in agent.roles if role.started_by)


def _branches(agent: Agent, run: Recorded) -> Iterator[str]:
    wanted = Counter(role.started_by for role in agent.roles if role.started_by)
    names = {span["id"]: span["name"] for span in run.tools}
    found = Counter(names.get(span["parent_id"], "nothing") for span in run.branches)
    if found != wanted:
        yield f"sub-agents hang below {dict(found)}, not {dict(wanted)}"
    for span in run.branches:
        if span["name"] in ("/root", ""):
            yield f"a sub-agent is named {span['name']!r}"


def strangers(run: Recorded, others: list[str]) -> Iterator[str]:
    """What stands in a run that belongs to another one."""
    for span in run.spans:
        text = f"{span['input_preview']} {span['output_preview']}"
        yield from (f"{span['name']} of {other} is in the run of {run.trip}" for other in others if other in text)
    if not any(run.trip in f"{span['input_preview']}" for span in run.spans):
        yield f"nothing in the run speaks of {run.trip}"


def _arguments(span: Span) -> str:
    return str(span["input_preview"]).replace(" ", "")


def _text(arguments: dict[str, Any]) -> str:
    return json.dumps(arguments, ensure_ascii=False, separators=(",", ":"), sort_keys=True).replace(" ", "")
