"""Message chains: which earlier call a request continues, and so whose run it belongs to.

A prompt that calls share joins none of them: a request continues a call only where it repeats what that call was
answered, or names its id. What calls ended with stands in the store, so that chains outlive processes.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from kagura.collector.atoms import Asked, Brought, Said
from kagura.collector.attempts import OWN_EXECUTION
from kagura.collector.canonical import REFERENCE, History, Turn, digests, history, key_of
from kagura.collector.evidence import (
    Evidence,
    Looks,
    alike,
    asked_key,
    caller_of,
    evidence_of,
    likeliest,
    signatures_in,
)
from kagura.collector.side import COMPACTION, side_of
from kagura.model import Call, Exchange, Span, SpanKind, Status
from kagura.providers.values import obj, text
from kagura.store import ChainState, Store

log = logging.getLogger(__name__)

REMEMBERED = 2_000
"""Keys that are kept in mind; others are looked up in the store."""

MOST_TURNS = 64
"""Turns of a history, the latest, at which an earlier call is looked for."""

MOST_EDITED = 8
"""Turns of an edited history that are looked for by themselves."""

MOST_SIGNATURES = 16
"""Signatures of an answer that are kept."""

MOST_SIGNED = 2
"""Signatures by which an answer can be found where its message list was edited."""

MOST_LINES = 60
_RESUMES = ("summar", "continu", "compact", "earlier", "previous", "so far", "handoff", "checkpoint", "resum")
"""What the first message of a session says that takes up an earlier one; others are not looked up."""
_LONG_LINE = 60
_HEAD = 2000


class Rule(NamedTuple):
    """A way to find the call that a request continues."""

    name: str
    confidence: float


CHAIN = Rule("chain", 1.0)
ALIKE = 0.9
"""How sure a rule is at most where what was said is short, and the caller looks the same."""
EARLIER = Rule("chain", 0.8)
"""Turns after the one that was found were never seen here, or were edited."""
RESPONSE_ID = Rule("response-id", 1.0)
CONVERSATION = Rule("conversation", 1.0)
SIGNED = Rule("signature", 0.9)
"""The answer was found by its signature; what stood before it, or its text, is not what was sent then."""
EDITED = Rule("edited", 0.6)
"""The answer was found, but what stood before it is not what was sent then."""
SUMMARISED = Rule("compaction", 0.7)
STRUCTURED = Rule("structured-output", 0.8)
"""The answer was a tool's arguments, and comes back as text."""
_AMBIGUOUS = 0.5
"""How sure a rule is where several calls of one run ended alike and nobody has continued them."""
FORK = "fork"
"""The rule where another call continues the same one already."""


class Candidate(NamedTuple):
    """A key under which the earlier call may be known."""

    key: bytes
    rule: Rule
    turn: Turn | None = None
    bare: bool = False
    """The ids of the turn's tool calls are left out: the client made them up."""


class Reading(msgspec.Struct, frozen=True, eq=False):
    """A call with its messages in neutral form."""

    span: Span
    exchange: Exchange
    call: Call
    history: History
    side: str | None
    caller: bytes = b""
    candidates: Sequence[Candidate] = ()
    """What it may continue, the surest first."""

    @property
    def may_chain(self) -> bool:
        """Whether the call has messages that another one may continue, or that continue another one's."""
        return self.span.kind is SpanKind.LLM or bool(self.history.turns)


class Link(NamedTuple):
    """The call that another one continues, and what says so."""

    state: ChainState
    rule: Rule
    turn: Turn | None
    """The turn of the request that was the earlier call's answer."""
    fork: bool


def read_chain(span: Span, exchange: Exchange, call: Call) -> Reading:
    """The neutral form of a call. Never raises: messages that make no sense continue nothing; embeddings have none."""
    if span.kind is SpanKind.EMBEDDING:
        return Reading(span, exchange, call, history((), ()), None)
    try:
        said = history(call.input_messages, call.output_messages)
    except Exception:
        log.exception("the messages of call %s could not be compared", span.id)
        said = history((), ())
    side, caller = side_of(exchange, call), caller_of(span, exchange, call)
    return Reading(span, exchange, call, said, side, caller, list(_candidates(call, said, side)))


class Chains:
    """The latest ends of calls, by hash and by id, before those of the store."""

    def __init__(self, store: Store, home_of: Callable[[str], str] = str) -> None:
        """`home_of` tells which execution an id stands for by now."""
        self._store, self._home_of = store, home_of
        self._states: OrderedDict[bytes, list[ChainState]] = OrderedDict()
        self._changed: dict[tuple[bytes, str], ChainState] = {}
        self._of_span: OrderedDict[str, list[ChainState]] = OrderedDict()

    def prefetch(self, readings: Iterable[Reading]) -> None:
        """Read from the store what the calls of a batch may continue, all at once."""
        coming: set[bytes] = set()
        wanted: dict[bytes, None] = {}
        for reading in readings:
            best = reading.candidates[0].key if reading.candidates else b""
            if best not in coming and best not in self._states:
                wanted |= {found.key: None for found in reading.candidates if found.key not in self._states}
            coming.update(reading.history.states)
        for state in self._store.chain_states(wanted) if wanted else ():
            self._put(state)

    def link(self, reading: Reading) -> Link | None:
        """Find the call that this one continues, and give it that call's run where it has none of its own."""
        span = reading.span
        found = next(self._links(reading), None)
        span.attributes["step"] = found.state.step + 1 if found else 1
        if found is None:
            return None
        rule = FORK if found.fork else found.rule.name
        if span.execution_source == OWN_EXECUTION:
            span.execution_id, span.execution_source = self._home_of(found.state.execution_id), rule
        span.attributes |= {"follows": found.state.span_id, "link": rule, "confidence": found.rule.confidence}
        return found

    def _links(self, reading: Reading) -> Iterator[Link]:
        for candidate in reading.candidates:
            fitting = [state for state in self._states.get(candidate.key, ()) if self._fits(state, reading)]
            found = _best(fitting, candidate, reading) if fitting else None
            if found:
                yield found

    def _fits(self, state: ChainState, reading: Reading) -> bool:
        span = reading.span
        if state.span_id == span.id or state.started_at >= span.started_at:
            return False
        if span.execution_source != OWN_EXECUTION and self._home_of(state.execution_id) != span.execution_id:
            return False
        return state.user is None or span.user is None or state.user == span.user

    def remember(self, reading: Reading, link: Link | None, branch: str | None) -> None:
        """Keep what the call ended with, for those that continue it."""
        span = reading.span
        if span.status is not Status.COMPLETED:
            return
        if link and span.kind is SpanKind.LLM and reading.side is None:
            self._continue(link.state.span_id, span.id)
        known = self._of_span.get(span.id)
        for key in _endings(reading):
            next_id = next((state.next_id for state in known or () if state.key == key), None)
            state = ChainState(
                key=key,
                span_id=span.id,
                execution_id=span.execution_id,
                step=link.state.step + 1 if link else 1,
                started_at=span.started_at,
                ended_at=span.ended_at or span.started_at,
                user=span.user,
                system=reading.history.system,
                caller=reading.caller,
                signatures=b"".join(sorted(digests(reading.history.answer_signatures))[:MOST_SIGNATURES]),
                branch=branch,
                next_id=next_id,
            )
            self._put(state)
            self._changed[key, span.id] = state

    def changes(self) -> list[ChainState]:
        """The states that were made or continued since the last time."""
        changed, self._changed = list(self._changed.values()), {}
        return changed

    def _continue(self, earlier: str, later: str) -> None:
        for state in self._of_span.get(earlier, ()):
            if state.next_id is None:
                state.next_id = later
                self._changed[state.key, state.span_id] = state

    def _put(self, state: ChainState) -> None:
        states = self._states.setdefault(state.key, [])
        self._states.move_to_end(state.key)
        states[:] = [other for other in states if other.span_id != state.span_id] + [state]
        own = self._of_span.setdefault(state.span_id, [])
        own[:] = [other for other in own if other.key != state.key] + [state]
        if len(states) > MOST_TURNS:
            states.pop(0)
        if len(self._states) > REMEMBERED:
            self._states.popitem(last=False)
        if len(self._of_span) > REMEMBERED:
            self._of_span.popitem(last=False)


def _best(ends: Sequence[ChainState], candidate: Candidate, reading: Reading) -> Link | None:
    """Which of the calls that ended alike is continued; none where each is another caller's, or signed otherwise.

    Where several may be, only a run that is known otherwise has its calls told apart by a guess.
    """
    rule, turn, span = candidate.rule, candidate.turn, reading.span
    signed, evidence, is_known = False, Evidence.PROOF, span.execution_source != OWN_EXECUTION
    if turn and rule.name in _SAID:
        signatures = reading.history.signed(turn)
        own = [end for end in ends if not signatures.isdisjoint(signatures_in(end.signatures))]
        signed, ends = bool(own), own or ends
        evidence = Evidence.PROOF if own else evidence_of(reading.history, turn, candidate.bare)
        if evidence is not Evidence.PROOF:
            unsigned = [end for end in ends if not (signatures and end.signatures)]
            ends = [end for end in unsigned if _may_be(end, reading, evidence, is_known=is_known)]
    free = [end for end in ends if _is_free(end, span)]
    if not ends:
        return None
    if len(free) > 1 and rule is not CONVERSATION and not signed:
        rule, free = rule._replace(confidence=_AMBIGUOUS), likeliest(free, _looks(reading))
        if len(free) > 1 and not is_known:
            return None
    elif evidence is not Evidence.PROOF:
        rule = rule._replace(confidence=min(rule.confidence, ALIKE))
    return Link(max(free or ends, key=_looks(reading).rank), rule, turn, fork=not free)


def _may_be(end: ChainState, reading: Reading, evidence: Evidence, *, is_known: bool) -> bool:
    """Whether the little that was said is enough. It is not for a fork, but within a run that is known otherwise.

    Examples in a prompt look like forks: many runs begin with what one call was once answered.
    """
    if _is_free(end, reading.span):
        return alike(end.caller, reading.caller, evidence)
    return is_known and evidence is Evidence.WORDS and alike(end.caller, reading.caller, Evidence.DATA)


def _looks(reading: Reading) -> Looks:
    return Looks(reading.caller, reading.history.system, reading.span.started_at)


def _is_free(state: ChainState, span: Span) -> bool:
    return state.next_id in (None, span.id)


def _candidates(call: Call, said: History, side: str | None) -> Iterator[Candidate]:
    if call.previous_response_id:
        yield Candidate(key_of("response", call.previous_response_id), RESPONSE_ID)
    turns = said.turns[: -MOST_TURNS - 1 : -1]
    if turns:
        yield Candidate(turns[0].key, CHAIN, turns[0])
        if turns[0].bare and _ids_are_made_up(call, said, turns[0]):
            yield Candidate(turns[0].bare, CHAIN, turns[0], bare=True)
        if turns[0].data:
            yield Candidate(turns[0].data, STRUCTURED, turns[0])
        for item in _items(said, turns[0]):
            yield Candidate(key_of("item", item), RESPONSE_ID, turns[0])
        yield from (Candidate(_signed_key(name), SIGNED, turns[0]) for name in sorted(said.signed(turns[0])))
        yield from _edited(said, turns[:1])
        yield from (Candidate(turn.key, EARLIER, turn) for turn in turns[1:])
        for turn in turns[1:MOST_EDITED]:
            yield from (Candidate(_signed_key(name), SIGNED, turn) for name in sorted(said.signed(turn)))
        yield from _edited(said, turns[1:MOST_EDITED])
    if conversation := _conversation(call):
        yield Candidate(key_of("conversation", conversation), CONVERSATION)
    if side is None:
        spoken = [atom.text for atom in said.atoms if isinstance(atom, Said) and atom.role == "user"][:2]
        for line in _long_lines(spoken) if _resumes(spoken) else ():
            yield Candidate(key_of("summary", line), SUMMARISED)


def _resumes(spoken: Sequence[str]) -> bool:
    begun = [text[:_HEAD].lower() for text in spoken]
    return any(word in text for text in begun for word in _RESUMES)


def _ids_are_made_up(call: Call, said: History, turn: Turn) -> bool:
    asked = (atom for atom in said.atoms[turn.begin : turn.end] if isinstance(atom, Asked))
    return call.dialect in _MAY_LACK_IDS or not any((tool.id or "").startswith(_GIVEN_IDS) for tool in asked)


def _edited(said: History, turns: Sequence[Turn]) -> Iterator[Candidate]:
    for turn in turns:
        for atom in said.atoms[turn.begin : turn.end]:
            if isinstance(atom, Asked) and (key := asked_key(atom)):
                yield Candidate(key, EDITED, turn)


def _items(said: History, turn: Turn) -> Iterator[str]:
    """The last item that a turn names in place of sending it, or whose id it gives to a call."""
    for atom in reversed(said.atoms[turn.begin : turn.end]):
        if isinstance(atom, Said) and atom.text.startswith(REFERENCE):
            yield atom.text.removeprefix(REFERENCE)
            return
        if isinstance(atom, Asked) and (atom.id or "").startswith(_ITEM_ID):
            yield atom.id or ""
            return


def _signed_key(signature: bytes) -> bytes:
    return key_of("signed", signature.hex())


def _endings(reading: Reading) -> Iterator[bytes]:
    """The keys under which a call is known to later ones."""
    call, said = reading.call, reading.history
    yield from said.states
    if said.data and _is_forced(call):
        yield said.data
    if call.response_id and (reading.span.endpoint in _DELTAS or "thread" in call.parameters):
        yield key_of("response", call.response_id)
    if (
        call.dialect == _ITEMS
        and call.output_messages
        and (item := text(obj(call.output_messages[-1].content).get("id")))
    ):
        yield key_of("item", item)
    yield from (_signed_key(name) for name in sorted(digests(said.answer_signatures))[:MOST_SIGNED])
    asked = (asked_key(atom) for atom in said.answer if isinstance(atom, Asked))
    if key := next((key for key in asked if key), None):
        yield key
    if conversation := _conversation(call):
        yield key_of("conversation", conversation)
    if reading.side == COMPACTION:
        spoken = [atom.text for atom in said.answer if isinstance(atom, Said)]
        yield from (key_of("summary", line) for line in list(_long_lines(spoken))[:3])


_MAY_LACK_IDS = frozenset({"gemini", "ollama"})
"""Dialects whose tool calls come without ids, so that clients make some up."""
_GIVEN_IDS = ("call_", "fc_", "toolu_", "tooluse_", "chatcmpl-tool-")
"""How ids begin that providers gave."""
_ITEMS = "openai_responses"
_ITEM_ID = "fc_"
_SAID = frozenset({CHAIN.name, STRUCTURED.name})
"""Rules by which what was said, and nothing else, joins two calls."""
_FORCED = frozenset({"required", "any", "tool", "function", "ANY"})
_DELTAS = frozenset({"responses", "interactions", "realtime"})
"""Endpoints whose requests may send only what is new and name the answer before."""


def _is_forced(call: Call) -> bool:
    """Whether the model had to call a tool, as clients that want structured output have it do."""
    choice = call.parameters.get("tool_choice")
    mode = obj(obj(call.parameters.get("toolConfig")).get("functionCallingConfig")).get("mode")
    return not _FORCED.isdisjoint(found for found in (choice, obj(choice).get("type"), mode) if isinstance(found, str))


def _conversation(call: Call) -> str | None:
    given = call.parameters.get("conversation")
    return text(given) or text(obj(given).get("id"))


def _long_lines(texts: Iterable[str]) -> Iterator[str]:
    lines = (line.strip() for said in texts for line in said.splitlines())
    for count, line in enumerate(line for line in lines if len(line) >= _LONG_LINE):
        if count == MOST_LINES:
            return
        yield line


def results_of(said: History, turn: Turn | None) -> list[Brought]:
    """The results of tools that a request brings after a turn; of one without turns, all of them."""
    after = said.atoms[turn.end :] if turn else said.atoms if not said.turns else []
    return [atom for atom in after if isinstance(atom, Brought)]
