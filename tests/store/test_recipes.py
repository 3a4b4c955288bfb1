import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from kagura.store.recipes import LARGEST_OPAQUE, RecentRequests, keys_of, made, recipe_of

TOOLS = [{"name": f"tool_{n}", "description": "What it does, at some length. " * 8} for n in range(30)]
WORDS = "What the user and the model said to one another. " * 6

Write = Callable[[Any], bytes]


def compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def spaced(value: Any) -> bytes:
    return json.dumps(value).encode()


def history(turns: int) -> list[dict[str, str]]:
    return [{"role": ("user", "assistant")[n % 2], "content": f"{n}: {WORDS} é"} for n in range(turns)]


def chat(messages: list[Any], write: Write) -> tuple[bytes, list[Any], dict[str, Any]]:
    rest = {"model": "gpt-4o", "stream": True, "tools": TOOLS}
    return write({"model": "gpt-4o", "messages": messages, "stream": True, "tools": TOOLS}), messages, rest


def anthropic(messages: list[Any], write: Write) -> tuple[bytes, list[Any], dict[str, Any]]:
    system = [{"type": "text", "text": "You are careful. " * 100}]
    rest = {"model": "claude", "tools": TOOLS, "metadata": {"user_id": "u"}, "max_tokens": 1000}
    return write({"model": "claude", "messages": messages, "system": system, **rest}), [system, *messages], rest


class Kept:
    """Stores parts, as the store does."""

    def __init__(self) -> None:
        self.parts: dict[bytes, bytes] = {}

    def __call__(self, data: bytes, key: bytes | None = None) -> bytes:
        assert key is None or self.parts[key] == data
        key = key or hash(data).to_bytes(16, signed=True)
        self.parts[key] = data
        return key


def encoded(values: list[Any]) -> list[bytes]:
    return [msgspec.json.encode(value) for value in values]


@pytest.mark.parametrize("write", [compact, spaced])
@pytest.mark.parametrize("form", [chat, anthropic])
def test_a_conversation_comes_back_byte_for_byte_and_costs_little_a_turn(form: Any, write: Write) -> None:
    kept, sizes, recent = Kept(), list[int](), RecentRequests()
    for turns in range(1, 80, 2):
        raw, said, rest = form(history(turns), write)
        inputs, parameters = encoded(said), msgspec.json.encode(rest)
        recipe = recipe_of(raw, inputs, parameters, kept, recent)
        assert recipe is not None
        assert made(recipe, list(inputs), parameters, kept.parts) == raw
        sizes.append(len(recipe))
    last, _, _ = form(history(79), write)
    if write is compact:
        assert max(sizes) < 150
        assert kept.parts == {}
    else:
        assert sum(map(len, kept.parts.values())) < 1.1 * len(last)
        assert sizes[-1] < 25 * (79 + len(TOOLS) + 8)


@pytest.mark.parametrize(
    ("raw", "inputs"),
    [
        (b"", []),
        (b"\x00\xff not JSON " * 40, []),
        (b'{"messages": [' + b"x" * 5000, [b'{"role":"user"}']),
        (b'"' + b"a" * 3000 + b'"', [b'"' + b"a" * 3000 + b'"']),
        (b'{"input":["' + b"ab" * 40 + b'","' + b"ab" * 40 + b'"]}', [b'"' + b"ab" * 40 + b'"'] * 2),
        (b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}", []),
        (compact({"messages": history(9), "more": history(9)}), encoded(history(9)[::-1])),
        (spaced({"x": "é" * 900, "y": TOOLS, "z": {"messages": history(5)}}), []),
    ],
)
def test_whatever_was_sent_comes_back(raw: bytes, inputs: list[bytes]) -> None:
    kept = Kept()
    recipe = recipe_of(raw, inputs, b'{"x":1}', kept)
    assert recipe is not None
    assert set(keys_of(recipe)) == set(kept.parts)
    assert made(recipe, list(inputs), b'{"x":1}', kept.parts) == raw


def test_what_changes_between_two_requests_is_all_that_is_new() -> None:
    kept, recent = Kept(), RecentRequests()
    base = history(40)
    for messages in (base, base[:20], base[:10] + history(3), [], base, base[5:], history(41)):
        raw = spaced({"messages": messages, "tools": TOOLS})
        recipe = recipe_of(raw, [], None, kept, recent)
        assert recipe is not None
        assert made(recipe, [], None, kept.parts) == raw
    before = len(kept.parts)
    recipe_of(spaced({"messages": [*history(41), "New. " * 40], "tools": TOOLS}), [], None, kept, recent)
    assert len(kept.parts) == before + 1


def test_a_long_body_that_nothing_is_known_of_is_not_kept() -> None:
    kept = Kept()
    assert recipe_of(b"\xff" * (LARGEST_OPAQUE + 1), [], None, kept) is None
    assert recipe_of(b"\xff" * LARGEST_OPAQUE, [], None, kept) is not None


def test_a_request_of_which_something_is_gone_is_gone() -> None:
    kept = Kept()
    raw, said, rest = chat(history(9), compact)
    inputs, parameters = encoded(said), msgspec.json.encode(rest)
    recipe = recipe_of(raw, inputs, parameters, kept)
    assert recipe is not None
    assert made(recipe, [*inputs[:-1], None], parameters, {}) is None
    assert made(recipe, list(inputs), None, {}) is None
    other = recipe_of(spaced({"tools": TOOLS}), [], None, kept)
    assert other is not None
    assert made(other, [], None, {}) is None
