"""The exact bytes of a request, made again from its messages and parameters, which are stored once anyway.

An agent sends its whole history with each turn. Most clients write JSON as it is kept here, so that their bytes are
runs of messages, stretches of the parameters and a little between them: some dozens of bytes a call. Where a client
writes it otherwise, each message's own bytes are one part more, stored once like any other.
"""

from bisect import bisect
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple, Protocol

import msgspec

LARGEST_OPAQUE = 1 << 20
"""Bytes of a request that nothing is known of, such as an uploaded file: a longer one is not kept."""

_INLINE = 128
"""Bytes that are no part of their own."""
_LEFT_OVER = 1024
"""Bytes between messages that are no reason to look more closely."""
_TELLING = 32
"""Bytes that are not found by chance."""
_MISSES = 2
"""Messages that are not found until the rest is taken to be written otherwise, too."""
_TRIES = 4
"""Bytes that may stand before a stretch of the parameters: a bracket, a comma."""
_REMEMBERED = 16
_COMMA = ord(",")


class _Said(msgspec.Struct, frozen=True, array_like=True, tag="i"):
    """Messages `start` to `stop`, with commas between them."""

    start: int
    stop: int


class _Asked(msgspec.Struct, frozen=True, array_like=True, tag="p"):
    """Bytes `start` to `stop` of the parameters."""

    start: int
    stop: int


class _Part(msgspec.Struct, frozen=True, array_like=True, tag="c"):
    """A content of its own."""

    key: bytes


_Step = bytes | _Said | _Asked | _Part
_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[list[_Step]] = msgspec.msgpack.Decoder(list[_Step])
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])


class Keep(Protocol):
    """Stores a part."""

    def __call__(self, data: bytes, key: bytes | None = None) -> bytes:
        """The key of the part; whoever knows it says it."""


class _Earlier(NamedTuple):
    """A request that named parts of its own."""

    raw: bytes
    steps: list[_Step]
    ends: list[int]
    """Where the bytes of each step end."""


class RecentRequests:
    """The latest requests that named parts of their own: what one shares with the next of its run is known already."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, _Earlier] = OrderedDict()

    def of(self, label: bytes) -> _Earlier | None:
        """The latest one of that label."""
        return self._known.get(label)

    def note(self, label: bytes, raw: bytes, steps: list[_Step], ends: list[int]) -> None:
        """Remember one for a while."""
        if len(raw) > LARGEST_OPAQUE:
            return
        self._known[label] = _Earlier(raw, steps, ends)
        self._known.move_to_end(label)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)


def recipe_of(
    raw: bytes,
    inputs: Sequence[bytes],
    parameters: bytes | None,
    keep: Keep,
    recent: RecentRequests | None = None,
    label: bytes = b"",
) -> bytes | None:
    """How `raw` is made again; `None` where it is long and nothing of it is known.

    Requests that begin alike have the same `label`.
    """
    earlier = recent.of(label) if recent else None
    if earlier and (steps := _continued(raw, earlier, keep)):
        return _ENCODER.encode(_noted(raw, steps, recent, label))
    if short := _in_one_place(raw, inputs):
        return _ENCODER.encode(short)
    pieces = _by_messages(raw, inputs, parameters or b"")
    by_members = sum(len(piece) for piece in pieces if isinstance(piece, bytes)) > _LEFT_OVER
    if by_members:
        pieces = _by_members(raw) or pieces
    if _joined(pieces, inputs, parameters, {}) != raw:
        pieces = [raw]
    if len(pieces) == 1 and isinstance(pieces[0], bytes) and len(raw) > LARGEST_OPAQUE:
        return None
    steps = [(_step(piece, keep), len(piece) if isinstance(piece, bytes) else 0) for piece in pieces]
    return _ENCODER.encode(_noted(raw, steps, recent if by_members else None, label))


_Sized = list[tuple[_Step, int]]
"""Steps with the numbers of their bytes."""


def _step(piece: _Step, keep: Keep) -> _Step:
    return _Part(keep(piece)) if isinstance(piece, bytes) and len(piece) > _INLINE else piece


def _noted(raw: bytes, sized: _Sized, recent: RecentRequests | None, label: bytes) -> list[_Step]:
    steps = [step for step, _ in sized]
    if recent is not None and all(isinstance(step, bytes | _Part) for step in steps):
        recent.note(label, raw, steps, list(accumulate(size for _, size in sized)))
    return steps


def _continued(raw: bytes, earlier: _Earlier, keep: Keep) -> _Sized:
    """The steps of an earlier request before and behind what is new; empty where most of it is."""
    was, steps, ends = earlier
    starts = [0, *ends]
    number = len(steps)
    before = bisect(range(number), False, key=lambda at: not raw.startswith(was[: ends[at]]))
    head = starts[before]
    behind = bisect(range(number - before), False, key=lambda at: not raw.endswith(was[starts[number - at - 1] :]))
    tail = len(raw) - (len(was) - starts[number - behind])
    if tail < head or tail - head > len(raw) // 2:
        return []
    sized: _Sized = []
    for at, step in [*enumerate(steps[:before]), *((at, steps[at]) for at in range(number - behind, number))]:
        data = was[starts[at] : ends[at]]
        if isinstance(step, _Part):
            keep(data, step.key)
        sized.append((step, len(data)))
    middle = raw[head:tail]
    return [*sized[:before], (_step(middle, keep), len(middle)), *sized[before:]]


def keys_of(recipe: bytes) -> list[bytes]:
    """The keys of the contents that a recipe names."""
    return [step.key for step in _DECODER.decode(recipe) if isinstance(step, _Part)]


def made(
    recipe: bytes, inputs: Sequence[bytes | None], parameters: bytes | None, parts: Mapping[bytes, bytes]
) -> bytes | None:
    """The request; `None` where something of it is gone."""
    return _joined(_DECODER.decode(recipe), inputs, parameters, parts)


def _joined(
    steps: Iterable[_Step], inputs: Sequence[bytes | None], parameters: bytes | None, parts: Mapping[bytes, bytes]
) -> bytes | None:
    pieces: list[bytes] = []
    for step in steps:
        piece: bytes | None
        if isinstance(step, bytes):
            piece = step
        elif isinstance(step, _Said):
            said = [part for part in inputs[step.start : step.stop] if part is not None]
            piece = b",".join(said) if len(said) == step.stop - step.start else None
        elif isinstance(step, _Asked):
            piece = None if parameters is None else parameters[step.start : step.stop]
        else:
            piece = parts.get(step.key)
        if piece is None:
            return None
        pieces.append(piece)
    return b"".join(pieces)


def _in_one_place(raw: bytes, inputs: Sequence[bytes]) -> list[_Step]:
    """The steps of a short request whose messages all stand in one place; empty for any other."""
    said = b",".join(inputs)
    if not said or len(raw) - len(said) > 2 * _INLINE or (at := raw.find(said[:_INLINE])) < 0:
        return []
    before, behind = raw[:at], raw[at + len(said) :]
    if max(len(before), len(behind)) > _INLINE or not raw.startswith(said, at):
        return []
    return [step for step in (before, _Said(0, len(inputs)), behind) if step != b""]


class _Run(NamedTuple):
    """Where messages stand in the request, one after the other."""

    at: int
    end: int
    said: _Said


def _by_messages(raw: bytes, inputs: Sequence[bytes], parameters: bytes) -> list[_Step]:
    edge = _Run(len(raw), len(raw), _Said(0, 0))
    pieces: list[_Step] = []
    for before, run in pairwise([_Run(0, 0, _Said(0, 0)), *_apart(_runs(raw, inputs)), edge]):
        pieces += _by_parameters(raw[before.end : run.at], parameters)
        if run is not edge:
            pieces.append(run.said)
    return pieces


def _runs(raw: bytes, inputs: Sequence[bytes]) -> Iterator[_Run]:
    number = end = misses = 0
    while number < len(inputs) and misses < _MISSES:
        first, start = inputs[number], number
        number += 1
        if len(first) < _TELLING:
            continue
        at = _find(raw, first, end)
        at = _find(raw, first, 0) if at < 0 < end else at
        if at < 0:
            misses += 1
            continue
        end = at + len(first)
        while number < len(inputs) and raw.startswith(inputs[number], end + 1) and raw[end] == _COMMA:
            end += 1 + len(inputs[number])
            number += 1
        yield _Run(at, end, _Said(start, number))


def _find(raw: bytes, wanted: bytes, start: int) -> int:
    """As `raw.find` does, which prepares itself for long texts at length."""
    head = wanted[:_INLINE]
    at = raw.find(head, start)
    for _ in range(_TRIES):
        if at < 0 or raw.startswith(wanted, at):
            return at
        at = raw.find(head, at + 1)
    return -1


def _apart(runs: Iterator[_Run]) -> Iterator[_Run]:
    """The runs in the order in which they stand, without those that lie within another one."""
    end = 0
    for run in sorted(runs):
        if run.at >= end:
            yield run
            end = run.end


def _by_parameters(gap: bytes, parameters: bytes) -> Iterator[_Step]:
    """What stands between messages, as stretches of the parameters and what is none."""
    at = begun = 0
    while at + _INLINE <= len(gap) and at - begun < _TRIES:
        found = parameters.find(gap[at : at + _TELLING])
        if found < 0:
            at += 1
            continue
        if at > begun:
            yield gap[begun:at]
        length = _alike(gap, at, parameters, found)
        yield _Asked(found, found + length)
        at = begun = at + length
    if begun < len(gap):
        yield gap[begun:]


def _alike(one: bytes, at: int, other: bytes, found: int) -> int:
    """How many bytes from there on are the same."""
    low, high = _TELLING, min(len(one) - at, len(other) - found)
    if one.startswith(other[found : found + high], at):
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if one[at + low : at + middle] == other[found + low : found + middle]:
            low = middle
        else:
            high = middle
    return low


def _by_members(raw: bytes) -> list[_Step]:
    """The members of a JSON object, and each item of its arrays; empty for what is none."""
    try:
        values = [bytes(item) for value in _MEMBERS.decode(raw).values() for item in _items(value)]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return []
    pieces: list[_Step] = []
    end = 0
    for value in values:
        at = _find(raw, value, end) if len(value) > _INLINE else -1
        if at >= 0:
            pieces += [raw[end:at], value]
            end = at + len(value)
    return [*pieces, raw[end:]]


def _items(value: msgspec.Raw) -> list[msgspec.Raw]:
    try:
        return _ITEMS.decode(value) or [value]
    except msgspec.ValidationError:
        return [value]
