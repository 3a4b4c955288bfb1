"""Sub-agents: chains of calls within one run that another chain waits for, or that a client names.

Each becomes a span of kind `agent` above its calls. Its id follows from the run and from what tells the sub-agent from
others, so that reading again makes no second one.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from kagura.collector.atoms import Asked, Said
from kagura.collector.attempts import OWN_EXECUTION
from kagura.collector.chains import Link, Reading
from kagura.collector.tools import tool_span_id
from kagura.model import JsonObject, Span, SpanKind, Status
from kagura.store import Store

REMEMBERED = 1000
"""Runs and sub-agents that are kept in mind."""

_LEAST_PROMPT = 12
"""A shorter text of a tool's arguments does not tell whose prompt it is."""


class AgentHeader(NamedTuple):
    """Headers by which a client names the sub-agent that makes a call."""

    agent: str
    """Holds the sub-agent's id."""
    parent: str
    """Holds the id of what started it."""
    needs_parent: bool
    """Only a call with a parent is a sub-agent's: the header `agent` is on every call."""
    name: str = ""
    """May hold the sub-agent's name."""
    details: str = ""
    """Holds a JSON object that may have the name."""


AGENT_HEADERS = (
    AgentHeader("x-claude-code-agent-id", "x-claude-code-parent-agent-id", False, name="x-claude-code-agent-type"),
    AgentHeader("thread-id", "x-codex-parent-thread-id", True, details="x-codex-turn-metadata"),
    AgentHeader("x-session-id", "x-parent-session-id", True),
)
"""claude-code, codex, opencode."""

_NAMES = (
    *("agent_name", "agent_type", "subagent_type", "agent_role", "agent_nickname", "nickname", "agent", "role"),
    "coworker",
)
"""Fields of a client's metadata, and arguments of the tools that start sub-agents, that name one."""


_AGENT_ID_HEADERS = frozenset(row.agent for row in AGENT_HEADERS)


class Tip(msgspec.Struct):
    """How far a chain has come."""

    span_id: str
    branch: str | None
    started_at: int
    ended_at: int | None
    asked: tuple[Asked, ...]
    """Tools that it waits for."""

    def is_busy(self, at: int) -> bool:
        """Whether the chain runs at an instant, or waits for a tool."""
        return self.started_at <= at and (self.ended_at is None or self.ended_at > at or bool(self.asked))


_Start = tuple[Tip, int]
"""The chain that started a sub-agent, and which of the tools that it waits for did."""


class Tips(dict[str, Tip]):
    """The ends of a run's chains, by the call that each has come to. Small: thousands of runs are kept in mind."""

    __slots__ = ("past",)

    def __init__(self) -> None:
        super().__init__()
        self.past: tuple[Tip, ...] = ()
        """Calls that asked for tools and were continued: an agent may be started and not waited for."""

    def move(self, span: Span, follows: str | None, branch: str | None, asked: Iterable[Asked]) -> None:
        """A call was made; one that failed leaves its chain where it was."""
        before = self.pop(follows, None) if follows else None
        if before is not None and span.status in (Status.FAILED, Status.INTERRUPTED):
            self[before.span_id] = before
            return
        if before is not None and before.asked:
            self.past = (*self.past, before)[-_MOST_PAST:]
        self[span.id] = Tip(span.id, branch, span.started_at, span.ended_at, tuple(asked))
        if len(self) > _MOST_TIPS:
            self.pop(next(iter(self)))


class SubAgents:
    """The chains of the latest runs."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tips: OrderedDict[str, Tips] = OrderedDict()
        self._agents: OrderedDict[str, Span] = OrderedDict()

    def prefetch(self, readings: Iterable[Reading]) -> None:
        """Ask the store which runs of these calls are new, all at once."""
        chained = (reading.span for reading in readings if reading.side is None and reading.span.kind is SpanKind.LLM)
        runs = {span.execution_id for span in chained if span.execution_source != OWN_EXECUTION}
        unknown = runs - self._tips.keys()
        for run in self._store.without_spans(unknown) if unknown else ():
            self._keep(run, Tips())

    def place(self, reading: Reading, link: Link | None) -> tuple[str | None, Span | None]:
        """Put a call below its sub-agent's span; returns that span's id, and the span where it is new or has grown."""
        span = reading.span
        if span.status is Status.RUNNING and not reading.call.input_messages:
            # The messages of a large request come with the end of its call.
            return None, None
        agent = None if reading.side else self._find(reading, link)
        if agent is not None:
            if span.parent_id is None:
                span.parent_id = agent.id
            agent.started_at = min(agent.started_at, span.started_at)
            agent.ended_at = max(agent.ended_at or 0, span.ended_at or span.started_at)
        if reading.side is None and span.kind is SpanKind.LLM:
            self._move_tip(reading, link, agent.id if agent else None)
        return (agent.id, agent) if agent else (None, None)

    def _find(self, reading: Reading, link: Link | None) -> Span | None:
        named = _named(reading)
        if named:
            return self._known(_id(reading.span, named.id)) or self._named(reading, named)
        if link is not None:
            return self._known(link.state.branch) if link.state.branch else None
        return self._concurrent(reading)

    def _named(self, reading: Reading, named: "_Named") -> Span:
        """A sub-agent that the client names, below the tool that holds its prompt, else below what it says."""
        tips = self._tips_of(reading.span, is_new=False)
        started = _first(_prompted_by(tip, reading) for tip in (*tips.values(), *tips.past))
        parent = self._known(_id(reading.span, named.parent)) if named.parent else None
        parent_id, name = parent.id if parent else None, named.name
        if started:
            parent_id, called = _place_below(*started)
            name = name or called
        return self._agent(reading, named.id, name, parent_id)

    def _concurrent(self, reading: Reading) -> Span | None:
        """A chain that begins while another one of its run works or waits for a tool: a sub-agent with tools.

        One that begins later is a sub-agent where a tool was given its very prompt: it works in the background.
        """
        span = reading.span
        began = span.execution_source != OWN_EXECUTION and span.parent_id is None
        if not began or span.kind is not SpanKind.LLM or not reading.call.parameters.get("tools"):
            return None
        if known := self._known(_id(span, span.id)):
            return known
        tips = self._tips_of(span, is_new=False)
        others = [tip for tip in tips.values() if tip.span_id != span.id]
        busy = [tip for tip in others if tip.is_busy(span.started_at)]
        started = _first(_prompted_by(tip, reading, whole=True) for tip in (*busy, *others, *tips.past))
        started = started or _first(_started_by(tip, reading) for tip in busy)
        if started:
            parent_id, name = _place_below(*started)
            return self._agent(reading, span.id, name, parent_id)
        return self._agent(reading, span.id, None, max(busy, key=lambda tip: tip.started_at).branch) if busy else None

    def _agent(self, reading: Reading, id: str, name: str | None, parent_id: str | None) -> Span:
        span = reading.span
        key = _id(span, id)
        known = self._known(key)
        if known is None:
            known = Span(
                id=key,
                execution_id=span.execution_id,
                execution_source=span.execution_source,
                kind=SpanKind.AGENT,
                name=name or "sub-agent",
                agent=span.agent,
                status=Status.COMPLETED,
                started_at=span.started_at,
                parent_id=parent_id,
                session_id=span.session_id,
                user=span.user,
                inferred=True,
                attributes={"agent_id": id},
            )
            self._agents[key] = known
            if len(self._agents) > REMEMBERED:
                self._agents.popitem(last=False)
        return known

    def _known(self, id: str | None) -> Span | None:
        if id is None:
            return None
        if id not in self._agents and (found := self._store.known_spans([id]).get(id)):
            self._agents[id] = found
        return self._agents.get(id)

    def _move_tip(self, reading: Reading, link: Link | None, branch: str | None) -> None:
        span = reading.span
        tips = self._tips_of(span, is_new=link is None and span.execution_source == OWN_EXECUTION)
        asked = [atom for atom in reading.history.answer if isinstance(atom, Asked)]
        tips.move(span, link.state.span_id if link else None, branch, asked)

    def _tips_of(self, span: Span, *, is_new: bool) -> Tips:
        """The chains of a span's run; those of a run that an earlier collector saw are read from the store."""
        tips = self._tips.get(span.execution_id)
        if tips is None:
            tips = Tips() if is_new else self._stored(span)
            self._keep(span.execution_id, tips)
        self._tips.move_to_end(span.execution_id)
        return tips

    def _keep(self, execution_id: str, tips: Tips) -> None:
        self._tips[execution_id] = tips
        if len(self._tips) > REMEMBERED:
            self._tips.popitem(last=False)

    def _stored(self, beside: Span) -> Tips:
        tips = Tips()
        spans = self._store.spans_of_kinds(beside.execution_id, (SpanKind.LLM, SpanKind.AGENT))
        branches = {span.id for span in spans if span.kind is SpanKind.AGENT and span.inferred}
        for span in spans:
            # What a running call is may not be known yet: it is placed with its end.
            known = span.status is not Status.RUNNING and "side" not in span.attributes
            if span.kind is SpanKind.LLM and span.id != beside.id and known:
                asked = [Asked(call.id, call.name, call.arguments) for call in span.tool_calls]
                branch = span.parent_id if span.parent_id in branches else None
                tips.move(span, span.attributes.get("follows"), branch, asked)
        return tips


_MOST_TIPS = 200
_MOST_PAST = 20


class _Named(NamedTuple):
    id: str
    parent: str | None
    name: str | None


def _named(reading: Reading) -> _Named | None:
    """The sub-agent that the client names in its headers."""
    headers = dict(reading.exchange.request_headers)
    if headers.keys().isdisjoint(_AGENT_ID_HEADERS):
        return None
    for row in AGENT_HEADERS:
        id, parent = headers.get(row.agent), headers.get(row.parent)
        if id and (parent or not row.needs_parent) and id != parent:
            return _Named(id, parent, headers.get(row.name) or _name_in(_json(headers.get(row.details))))
    return None


def _started_by(tip: Tip, reading: Reading) -> _Start | None:
    """The tool that a chain waits for: the one whose arguments hold the prompt of this one, else the only one."""
    return _prompted_by(tip, reading) or ((tip, 0) if len(tip.asked) == 1 else None)


def _first(found: Iterable[_Start | None]) -> _Start | None:
    return next(filter(None, found), None)


def _prompted_by(tip: Tip, reading: Reading, *, whole: bool = False) -> _Start | None:
    """The tool whose arguments hold the prompt of this chain; as a `whole`, nothing stands behind it."""
    said = [atom.text for atom in reading.history.atoms if isinstance(atom, Said) and atom.role == "user"]
    for index, call in enumerate(tip.asked):
        texts = call.arguments.values() if isinstance(call.arguments, dict) else [call.arguments]
        prompts = [text for text in texts if isinstance(text, str) and len(text) >= _LEAST_PROMPT]
        if any(_holds(text, prompt.strip(), whole=whole) for prompt in prompts for text in said):
            return tip, index
    return None


def _holds(text: str, prompt: str, *, whole: bool) -> bool:
    """Whether a user's text has a prompt in it; as a `whole` it stands behind nothing but what the client put first."""
    return prompt in text if not whole else text == prompt or text.endswith(f"\n{prompt}")


def _place_below(tip: Tip, index: int) -> tuple[str, str | None]:
    """The span of the tool that started a sub-agent, and what that calls it."""
    call = tip.asked[index]
    return tool_span_id(tip.span_id, index), _name_in(call.arguments) or call.name


def _name_in(found: Any) -> str | None:
    values = (found.get(name) for name in _NAMES) if isinstance(found, dict) else ()
    return next((value[:80] for value in values if isinstance(value, str) and value[:1].isalnum()), None)


def _json(text: str | None) -> JsonObject:
    try:
        found = msgspec.json.decode(text) if text else None
    except msgspec.DecodeError:
        found = None
    return found if isinstance(found, dict) else {}


def _id(span: Span, agent: str) -> str:
    return hashlib.blake2b(f"{span.execution_id}\0agent\0{agent}".encode(), digest_size=8).hexdigest()
