"""Prompts and answers, each part stored once under its hash.

An agent sends its whole history with each turn; a call keeps the list of hashes. `used_on` is the day on which a part
was last part of a call, by which retention knows that no younger call needs it.
"""

import hashlib
import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice

from sqlalchemy import Connection, bindparam, select, update

from kagura.store.batch import SpanContents
from kagura.store.recipes import Keep, RecentRequests, keys_of, made, recipe_of
from kagura.store.schema import DAY, contents, span_contents
from kagura.store.statements import execute_rows, groups, rows_of, upsert
from kagura.store.values import to_key

HASH = 16
"""Bytes of a hash."""

REMEMBERED = 5_000
"""Parts that are known to be stored without a question."""

_COMPRESSED = "zlib"
_PLAIN = "identity"
_WORTH_COMPRESSING = 128


_TOUCH = update(contents).where(contents.c.hash == bindparam("key")).values(used_on=bindparam("day"))


class RecentParts:
    """Parts that are known to be stored, and as used on which day: an agent sends its history again with each turn.

    A part that retention has removed meanwhile was used on days that retention removes, and only for such days is it
    not stored again.
    """

    def __init__(self) -> None:
        self._days: dict[bytes, int] = {}
        self.requests = RecentRequests()

    def has(self, key: bytes, day: int) -> bool:
        """Whether a part is stored as used on this day or a later one."""
        return self._days.get(key, -1) >= day

    def note(self, days: Mapping[bytes, int]) -> None:
        """Parts were stored, and the transaction is over."""
        for key in self._days.keys() & days.keys():
            del self._days[key]
        self._days |= days
        if len(self._days) > REMEMBERED:
            self._days = dict(islice(self._days.items(), len(self._days) - REMEMBERED, None))


def write_contents(
    connection: Connection, given: Sequence[tuple[str, SpanContents]], starts: Mapping[str, int], recent: RecentParts
) -> dict[bytes, int]:
    """Store what calls sent and got; `starts` gives each span's start.

    Returns the parts that were looked at, each with the day on which it was used, for `recent` once they are committed.
    """
    parts: dict[bytes, tuple[bytes, int]] = {}

    def keep(data: bytes, key: bytes | None = None, *, day: int) -> bytes:
        key = key or hashlib.blake2b(data, digest_size=HASH).digest()
        if not recent.has(key, day):
            parts[key] = (data, max(day, parts[key][1] if key in parts else day))
        return key

    rows = {}
    for span_id, content in given:
        at = starts[span_id]
        day = at // DAY
        rows[to_key(span_id)] = {
            "span_id": to_key(span_id),
            "at": at,
            "inputs": (said := b"".join(keep(data, day=day) for data in content.inputs)),
            "parameters": None if content.parameters is None else keep(content.parameters, day=day),
            "outputs": b"".join(keep(data, day=day) for data in content.outputs),
            "raw_response": None if content.raw_response is None else keep(content.raw_response, day=day),
            "raw_request": _recipe(content, partial(keep, day=day), recent.requests, said[: 2 * HASH]),
        }
    _write_parts(connection, parts)
    if rows:
        columns = ("at", "inputs", "parameters", "outputs", "raw_response", "raw_request")
        execute_rows(connection, upsert(connection, span_contents, put=columns), [rows[key] for key in sorted(rows)])
    return {key: day for key, (_, day) in parts.items()}


def _recipe(content: SpanContents, keep: Keep, recent: RecentRequests, label: bytes) -> bytes | None:
    raw = content.raw_request
    return None if raw is None else recipe_of(raw, content.inputs, content.parameters, keep, recent, label)


def _write_parts(connection: Connection, parts: Mapping[bytes, tuple[bytes, int]]) -> None:
    found = rows_of(connection, contents, sorted(parts), ("hash", "used_on"))
    known = {bytes(row["hash"]): row["used_on"] for row in found}
    fresh = [_part(key, *parts[key]) for key in sorted(parts.keys() - known.keys())]
    execute_rows(connection, upsert(connection, contents), fresh)
    aged = [{"key": key, "day": parts[key][1]} for key, day in sorted(known.items()) if day < parts[key][1]]
    execute_rows(connection, _TOUCH, aged)


def _part(key: bytes, data: bytes, day: int) -> dict[str, object]:
    compressed = _compressed(data) if len(data) >= _WORTH_COMPRESSING else data
    smaller = len(compressed) < len(data)
    return {
        "hash": key,
        "size": len(data),
        "encoding": _COMPRESSED if smaller else _PLAIN,
        "data": compressed if smaller else data,
        "used_on": day,
    }


def _compressed(data: bytes) -> bytes:
    """zlib with a window that fits: of the quarter megabyte that it takes by default a message needs little."""
    window = min(max(len(data).bit_length(), 10), zlib.MAX_WBITS)
    packer = zlib.compressobj(3, zlib.DEFLATED, window, min(window - 7, zlib.DEF_MEM_LEVEL))
    return packer.compress(data) + packer.flush()


def read_contents(connection: Connection, span_id: str) -> SpanContents | None:
    """What a call sent and got; `None` where nothing is kept. Parts that are damaged or gone are left out."""
    row = connection.execute(select(span_contents).where(span_contents.c.span_id == span_id)).mappings().first()
    if row is None:
        return None
    inputs, outputs = list(_hashes(row["inputs"])), list(_hashes(row["outputs"]))
    single = [bytes(row[name]) for name in ("parameters", "raw_response") if row[name] is not None]
    recipe = None if row["raw_request"] is None else bytes(row["raw_request"])
    parts = _read_parts(connection, {*inputs, *outputs, *single, *(keys_of(recipe) if recipe else ())})
    parameters = None if row["parameters"] is None else parts.get(bytes(row["parameters"]))
    return SpanContents(
        inputs=[parts[key] for key in inputs if key in parts],
        parameters=parameters,
        outputs=[parts[key] for key in outputs if key in parts],
        raw_response=None if row["raw_response"] is None else parts.get(bytes(row["raw_response"])),
        raw_request=made(recipe, [parts.get(key) for key in inputs], parameters, parts) if recipe else None,
    )


def _hashes(joined: bytes) -> Iterator[bytes]:
    joined = bytes(joined)
    return (joined[start : start + HASH] for start in range(0, len(joined), HASH))


def _read_parts(connection: Connection, keys: set[bytes]) -> dict[bytes, bytes]:
    parts = {}
    for group in groups(sorted(keys)):
        statement = select(contents.c.hash, contents.c.encoding, contents.c.data).where(contents.c.hash.in_(group))
        for key, encoding, data in connection.execute(statement):
            try:
                parts[bytes(key)] = zlib.decompress(data) if encoding == _COMPRESSED else bytes(data)
            except zlib.error:
                continue
    return parts
