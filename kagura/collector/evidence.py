"""How much it takes to believe that two calls are of one run, where all that joins them is what was said.

Ids, signatures and sentences of a model hardly ever come twice. A short answer does, data and tool calls without ids
even more so: the same question put to two models ends alike. Such an end is continued only by a caller that looks the
same.
"""

import hashlib
import re
from collections.abc import Callable
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from kagura.collector.atoms import ASSISTANT, Asked, Said
from kagura.collector.canonical import History, Turn, key_of, result_text
from kagura.model import Call, Exchange, Span
from kagura.providers.framing import header
from kagura.store import ChainState

_GIVEN_ID = re.compile(r"(?![A-Za-z_.:-]*\d+$)(?=.*\d)(?=.*[A-Za-z]).{8,}")
"""An id that no counter makes."""
_UNIQUE = 16
"""Characters of an id that never comes twice; a shorter one tells a tool call together with what was asked."""
_TELLING = 45
"""Characters of prose that two models do not answer alike."""
_DATA = ("{", "[", "`", "<")
"""How an answer begins that is data."""


_FRESH_US = 3_600_000_000
"""So long a call that nobody has continued is believed to go on, where another one that ended alike does."""


class Evidence(IntEnum):
    """What a history tells of the run it belongs to: how many bytes of the callers must be equal to believe it."""

    DATA = 8
    """Nothing but data and calls, which come out alike wherever the question is the same."""
    MORE_DATA = 6
    """The same of several turns."""
    WORDS = 4
    """A short text."""
    PROOF = 0
    """An id, or a text, that no other run has."""


def caller_of(span: Span, exchange: Exchange, call: Call) -> bytes:
    """Four bytes of who calls (agent, program), two of whom (provider, model), two of how (endpoint, streaming).

    All of it is in the request: a call looks the same before and after its answer.
    """
    program = header(exchange.request_headers, "user-agent")
    streams = bool(call.parameters.get("stream"))
    whom, how = _digest(2, span.provider, span.request_model), _digest(2, span.endpoint, streams)
    return _digest(4, span.agent, program) + whom + how


@lru_cache(maxsize=1024)
def _digest(size: int, *looks: object) -> bytes:
    return hashlib.blake2b("\0".join(map(str, looks)).encode("utf-8", "replace"), digest_size=size).digest()


def alike(caller: bytes, other: bytes, evidence: Evidence) -> bool:
    """Whether two callers can be of one run: the less was said, the more they must look the same."""
    return not caller or not other or caller[:evidence] == other[:evidence]


class Looks(NamedTuple):
    """What a call shows beside what was said, by which calls that ended alike are told apart."""

    caller: bytes
    system: bytes
    """The hash of its system prompts."""
    started_at: int

    def rank(self, end: ChainState) -> tuple[bool, bool, bool, bool, int]:
        """Of equal ends, the same caller's, one that was over when this call began, and the latest."""
        same_caller = alike(end.caller, self.caller, Evidence.WORDS)
        over, same_system = end.ended_at <= self.started_at, end.system == self.system
        return same_caller, end.caller == self.caller, over, same_system, end.started_at


def likeliest(ends: list[ChainState], looks: Looks) -> list[ChainState]:
    """Those of the calls that ended alike that a call with these looks can continue; what none passes is no test."""
    tests: tuple[Callable[[ChainState], bool], ...] = (
        lambda end: end.ended_at <= looks.started_at,
        lambda end: end.caller == looks.caller,
        lambda end: end.system == looks.system,
        lambda end: end.ended_at > looks.started_at - _FRESH_US,
    )
    for test in tests:
        ends = [end for end in ends if test(end)] or ends
    return ends


def evidence_of(said: History, turn: Turn, bare: bool = False) -> Evidence:
    """What was said up to the end of a turn tells; the ids of a bare turn tell nothing."""
    prose = answers = 0
    for at, atom in enumerate(said.atoms[: turn.end]):
        if isinstance(atom, Asked) and atom.id and not (bare and at >= turn.begin) and _GIVEN_ID.fullmatch(atom.id):
            return Evidence.PROOF
        if isinstance(atom, Said) and atom.role == ASSISTANT:
            answers += 1
            prose += 0 if atom.text.startswith(_DATA) else len(atom.text)
    if prose:
        return Evidence.PROOF if prose >= _TELLING else Evidence.WORDS
    return Evidence.MORE_DATA if answers > 1 else Evidence.DATA


def asked_key(call: Asked) -> bytes | None:
    """The key by which a tool call is known wherever it stands; None where its id is none or a number."""
    if call.id is None or not _GIVEN_ID.fullmatch(call.id):
        return None
    rest = () if len(call.id) >= _UNIQUE else (call.name, result_text(call.arguments))
    return key_of("asked", call.id, *rest)


def signatures_in(joined: bytes) -> frozenset[bytes]:
    """The signatures of a state, which are eight bytes each."""
    return frozenset(joined[at : at + 8] for at in range(0, len(joined), 8))
