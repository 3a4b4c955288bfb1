"""How much it takes to believe that two calls are of one run, where all that joins them is what was said.

Ids, signatures and sentences of a model hardly ever come twice. A short answer, or a tool call without an id, does: the
same question put to two models ends alike. Such an end is continued only by a caller that looks the same.
"""

import hashlib
import re

from kagura.collector.atoms import ASSISTANT, Asked, Said
from kagura.collector.canonical import History, Turn, key_of, result_text
from kagura.model import Exchange, Span

_GIVEN_ID = re.compile(r"(?![A-Za-z_.:-]*\d+$)(?=.*\d)(?=.*[A-Za-z]).{8,}")
"""An id that no counter makes."""
_UNIQUE = 16
"""Characters of an id that never comes twice; a shorter one tells a tool call together with what was asked."""
_TELLING = 120
"""Characters of prose that two models do not answer alike."""
_DATA = ("{", "[", "`", "<")
"""How an answer begins that is data: of these even long ones are alike."""


def caller_of(span: Span, exchange: Exchange) -> bytes:
    """Eight bytes of what a caller looks like: its program, the model, the way it asks."""
    program = next((value for name, value in exchange.request_headers if name == "user-agent"), "")
    looks = (span.agent, program, span.provider, span.endpoint, span.request_model, str(span.stream))
    return hashlib.blake2b("\0".join(map(str, looks)).encode("utf-8", "replace"), digest_size=8).digest()


def asked_key(call: Asked) -> bytes | None:
    """The key by which a tool call is known wherever it stands; None where its id is none or a number."""
    if call.id is None or not _GIVEN_ID.fullmatch(call.id):
        return None
    rest = () if len(call.id) >= _UNIQUE else (call.name, result_text(call.arguments))
    return key_of("asked", call.id, *rest)


def is_telling(said: History, turn: Turn, bare: bool = False) -> bool:
    """Whether what was said up to the end of a turn tells its run from all others; the ids of a bare turn do not."""
    prose = 0
    for at, atom in enumerate(said.atoms[: turn.end]):
        if isinstance(atom, Asked) and atom.id and not (bare and at >= turn.begin) and _GIVEN_ID.fullmatch(atom.id):
            return True
        if isinstance(atom, Said) and atom.role == ASSISTANT and not atom.text.startswith(_DATA):
            prose += len(atom.text)
    return prose >= _TELLING


def signatures_in(joined: bytes) -> frozenset[bytes]:
    """The signatures of a state, which are eight bytes each."""
    return frozenset(joined[at : at + 8] for at in range(0, len(joined), 8))
