"""One neutral form of messages for all dialects, and the hash of a message list at each of its turns.

A client sends its history again with each turn, but seldom in the same bytes: `cache_control` moves, arguments of tools
are spaced anew, text becomes a list of blocks, thoughts are left out, and the next turn may speak another dialect. What
is hashed is what was said: texts, tool calls and results, in order. System prompts at the head are hashed apart: they
carry dates and memories that change within a run. Signatures of thoughts are kept beside the hash: they may not come
back, but a provider never gives the same one twice.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from typing import Any, NamedTuple

import msgspec

from kagura.collector.atoms import ASSISTANT, Asked, Atom, Brought, Said, Signed
from kagura.collector.spoken import may_tell, spoken
from kagura.model import JsonObject, Message
from kagura.providers.values import obj, objects, parsed, text

REFERENCE = "\0item "
"""Before the id of an item of the Responses API that a request names in place of the item."""
_ROLES = {
    "model": ASSISTANT,
    "ai": ASSISTANT,
    "tool-call": ASSISTANT,
    "human": "user",
    "tool-response": "user",
    "developer": "system",
    "function": "tool",
}
_TEXTS = frozenset({"text", "input_text", "output_text", "refusal", "summary_text"})
_THOUGHTS = frozenset({"thinking", "redacted_thinking", "reasoning", "compaction", "thought"})
_SIGNATURES = ("signature", "encrypted_content", "data", "thoughtSignature", "thought_signature")
"""Fields of thoughts that hold what only the provider can make."""
_SIGNATURE = 60
"""A shorter signature is a placeholder: clients send such words for thoughts that another model had."""
_LEFT_OUT = frozenset({"server_tool_use", "mcp_tool_use", "additional_tools"})
"""What the provider's own tools did, and items that hand over settings."""
_CLIENT_ITEMS = frozenset({"local_shell_call", "shell_call", "computer_call", "apply_patch_call"})
_NAMED_ITEMS = frozenset({"function_call", "custom_tool_call"})
_FAILED = frozenset({"failed", "incomplete", "error"})
_UNTYPED = frozenset({"toolUse", "toolResult", "reasoningContent", "cachePoint"})
_KEY = 16
_encode = msgspec.json.Encoder(order="sorted", enc_hook=str).encode


class Turn(NamedTuple):
    """The end of an assistant's turn within a message list."""

    begin: int
    """Where the turn begins among the atoms."""
    end: int
    key: bytes
    """The hash of everything up to here."""
    bare: bytes | None = None
    """The same where the provider gave its tool calls no ids and the client made some up; only on the last turn."""
    data: bytes | None = None
    """The same where its text, which is JSON, may have been the arguments of a tool; only on the last turn."""


class History(NamedTuple):
    """A request's messages and the answer, in neutral form."""

    atoms: list[Atom]
    turns: list[Turn]
    """In order."""
    system: bytes
    """The hash of the system prompts at the head."""
    states: list[bytes]
    """The hash of request and answer, one for each choice; empty where nothing was answered."""
    data: bytes | None
    """The same where the answer is one tool call and nothing else, for a client that sends its arguments as text."""
    answer: list[Atom]
    signatures: list[tuple[int, str]]
    """What the request's turns are signed with, each before the atom of that number."""
    answer_signatures: list[str]
    """What the answer is signed with."""

    def signed(self, turn: Turn) -> frozenset[bytes]:
        """The signatures of a turn, each as eight bytes."""
        return digests(text for at, text in self.signatures if turn.begin <= at <= turn.end)


def history(inputs: Sequence[Message], outputs: Sequence[Message]) -> History:
    """The neutral form of a call, and its hash after each turn of the assistant."""
    atoms, signatures = _heard(inputs)
    head = next((at for at, atom in enumerate(atoms) if not _is_system(atom)), len(atoms))
    system = Rolling()
    for atom in atoms[:head]:
        system.add(atom)
    rolling, before = Rolling(), Rolling()
    turns, begin = list[Turn](), None
    for at in range(head, len(atoms)):
        if _is_assistant(atoms[at]):
            if begin is None:
                begin, before = at, rolling.after(())
        elif begin is not None:
            turns.append(Turn(begin, at, rolling.key()))
            begin = None
        rolling.add(atoms[at])
    if begin is not None:
        turns.append(Turn(begin, len(atoms), rolling.key()))
    if turns:
        last = atoms[turns[-1].begin : turns[-1].end]
        turns[-1] = turns[-1]._replace(bare=_bare(before, last), data=_data(before, _json_of(last)))
    heard = [_heard(said) for said in _choices(outputs)]
    states = [rolling.after(_own(choice)).key() for choice, _ in heard if choice]
    signed = [text for _, found in heard for _, text in found]
    answer = heard[0][0] if heard else []
    data = _data(rolling, answer[0].arguments) if len(answer) == 1 and isinstance(answer[0], Asked) else None
    return History(atoms, turns, system.key(), states, data, answer, signatures, signed)


def _own(answer: list[Atom]) -> Iterator[Atom]:
    """The answer without what its client cuts off: calls in words, and results that the model only imagined."""
    return takewhile(lambda atom: not (isinstance(atom, Asked) and atom.by_client), answer)


def _heard(messages: Iterable[Message]) -> tuple[list[Atom], list[tuple[int, str]]]:
    """What messages say, and the signatures with the number of the atom that each stands before."""
    atoms, signatures = list[Atom](), list[tuple[int, str]]()
    for message in messages:
        said = _text_alone(message)
        for atom in atoms_of(message) if said is None else (said,):
            if isinstance(atom, Signed):
                signatures.append((len(atoms), atom.text))
            elif isinstance(atom, Said) and may_tell(atom, atoms):
                atoms.extend(spoken(atom, atoms))
            else:
                atoms.append(atom)
    return atoms, signatures


def _text_alone(message: Message) -> Said | None:
    """A message that is a role and a text, as most are; the general way would find the same, and take five times as
    long."""
    content, role = message.content, _ROLES.get(message.role, message.role)
    if type(content) is not dict or len(content) != 2 or role == "tool":
        return None
    words = content.get("content")
    if type(words) is not str or "role" not in content or not (words := words.strip()):
        return None
    return Said(role, words)


def _bare(before: "Rolling", turn: list[Atom]) -> bytes | None:
    if not any(isinstance(atom, Asked) and atom.id for atom in turn):
        return None
    return before.after(atom._replace(id=None) if isinstance(atom, Asked) else atom for atom in turn).key()


def _json_of(turn: list[Atom]) -> Any:
    """The value that a turn's only text is, as JSON."""
    said = turn[0] if len(turn) == 1 else None
    return parsed(said.text) if isinstance(said, Said) and said.text.startswith("{") else None


def _data(before: "Rolling", value: Any) -> bytes | None:
    """The hash of what was said and an object, whatever it was the arguments or the text of."""
    return before.after([Asked(None, "", _plain(value))]).key() if isinstance(value, dict) else None


def _plain(value: Any) -> Any:
    """The value with whole numbers written in one way: typed models write `21.0` for `21`."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Rolling:
    """A hash that grows with each atom and can be read at any of them."""

    def __init__(self) -> None:
        self._hash = hashlib.blake2b(digest_size=_KEY)
        self._speaker: str | None = None

    def add(self, atom: Atom) -> None:
        """Hash one more atom; texts of one speaker run on, however they are cut into blocks."""
        if isinstance(atom, Said):
            if self._speaker != atom.role:
                self._hash.update(b"\0t" + _bytes(atom.role) + b"\0")
            self._speaker = atom.role
            # Clients cut a model's text into blocks, and write its data, with other spaces than it did.
            spaced = atom.role != ASSISTANT
            self._hash.update(_bytes(atom.text if spaced else "".join(atom.text.split())))
            return
        self._speaker = None
        if isinstance(atom, Asked):
            self._hash.update(b"\0c" + _encode([atom.id, atom.name, _clean(atom.arguments) or None]))
        else:
            self._hash.update(b"\0r" + _encode([atom.id, result_text(atom.content)]))

    def after(self, atoms: Iterable[Atom]) -> "Rolling":
        """A copy with further atoms; this one stays as it is."""
        copy = Rolling()
        copy._hash, copy._speaker = self._hash.copy(), self._speaker
        for atom in atoms:
            copy.add(atom)
        return copy

    def key(self) -> bytes:
        """The hash so far."""
        return self._hash.digest()


def key_of(name: str, *values: str) -> bytes:
    """A key of another sort than message lists have."""
    return hashlib.blake2b("\0".join((name, *values)).encode("utf-8", "surrogatepass"), digest_size=_KEY).digest()


def digests(signatures: Iterable[str]) -> frozenset[bytes]:
    """Eight bytes of each signature, whichever of the two alphabets of base64 it is sent in."""
    plain = (text.translate(_BASE64).rstrip("=") for text in signatures)
    return frozenset(hashlib.blake2b(_bytes(text), digest_size=8).digest() for text in plain)


_BASE64 = str.maketrans("-_", "+/")


def result_text(content: Any) -> str:
    """A tool's result as text: text itself, the texts of its blocks, or JSON."""
    if isinstance(content, str):
        return content.strip()
    if isinstance(content, list) and all(isinstance(item, str) or _is_text(item) for item in content):
        return "".join(item if isinstance(item, str) else item["text"] for item in content).strip()
    return "" if content is None else _encode(_clean(content)).decode("utf-8", "replace")


def atoms_of(message: Message) -> Iterator[Atom | Signed]:
    """What a message says, in whatever dialect it was sent."""
    content, role = message.content, _ROLES.get(message.role, message.role)
    if not isinstance(content, dict):
        yield from _blocks(content, role)
        return
    kind = text(content.get("type"))
    if kind and kind != "message":
        yield from _item(content, kind, role)
    elif "parts" in content:
        yield from _parts(content["parts"], role)
    elif role == "tool" and "content" in content:
        name = text(content.get("name")) or text(content.get("tool_name"))
        yield Brought(text(content.get("tool_call_id")), name, content["content"], failed=False)
    else:
        yield from _blocks(content.get("content"), role)
        if "reasoning_details" in content:
            for thought in objects(content["reasoning_details"]):
                yield from _signed(thought)
        for call in objects(content.get("tool_calls")):
            if "extra_content" in call:
                yield from _signed(obj(obj(call["extra_content"]).get("google")))
            yield _asked(obj(call.get("function")) or obj(call.get("custom")), text(call.get("id")))
        if function := obj(content.get("function_call")):
            yield _asked(function, None)


def _signed(thought: JsonObject) -> Iterator[Signed]:
    for name in _SIGNATURES:
        if isinstance(signature := thought.get(name), str) and len(signature) >= _SIGNATURE:
            yield Signed(signature)


def _asked(function: JsonObject, id: str | None) -> Asked:
    given = next((function[name] for name in ("arguments", "input", "args") if function.get(name) is not None), None)
    return Asked(id, text(function.get("name")) or "", parsed(given))


def _blocks(content: Any, role: str) -> Iterator[Atom | Signed]:
    """A text, or a list of content blocks."""
    for block in content if isinstance(content, list) else [content]:
        if isinstance(block, str):
            if said := block.strip():
                yield Said(role, said)
        elif isinstance(block, dict):
            kind = text(block.get("type"))
            if kind is None and "parts" in block:
                yield from _parts(block["parts"], role)
            elif kind is None and not block.keys().isdisjoint(_UNTYPED):
                yield from _untyped(block)
            else:
                yield from _item(block, kind or "text", role)


def _untyped(block: JsonObject) -> Iterator[Atom | Signed]:
    """A block of Bedrock's Converse, which is told by its one field."""
    if call := obj(block.get("toolUse")):
        yield _asked(call, text(call.get("toolUseId")))
    elif result := obj(block.get("toolResult")):
        content = [part.get("text", part) for part in objects(result.get("content"))]
        yield Brought(text(result.get("toolUseId")), None, content, failed=result.get("status") in _FAILED)
    elif thought := obj(obj(block.get("reasoningContent")).get("reasoningText")):
        yield from _signed(thought)


def _item(item: JsonObject, kind: str, role: str) -> Iterator[Atom | Signed]:
    """A content block, or an item of the Responses API; what the provider's own tools did is left out."""
    if kind in _TEXTS:
        said = next((item[name] for name in ("text", "refusal") if isinstance(item.get(name), str)), "").strip()
        if said:
            yield Said(role, said)
    elif kind == "tool_use" or kind in _NAMED_ITEMS:
        yield _asked(item, text(item.get("call_id")) or text(item.get("id")))
    elif kind in _CLIENT_ITEMS:
        yield Asked(text(item.get("call_id")), kind.removesuffix("_call"), item.get("action", item.get("operation")))
    elif kind in ("tool_result", "function_result"):
        id = text(item.get("tool_use_id")) or text(item.get("call_id"))
        content = item.get("content", item.get("result"))
        yield Brought(id, text(item.get("name")), content, failed=item.get("is_error") is True)
    elif kind == "item_reference":
        yield Said(ASSISTANT, f"{REFERENCE}{item.get('id')}")
    elif kind.endswith("_output"):
        if "output" not in item:
            return
        yield Brought(text(item.get("call_id")), None, item["output"], failed=item.get("status") in _FAILED)
    elif kind in _THOUGHTS:
        yield from _signed(item)
    elif kind not in _LEFT_OUT and not kind.endswith(("_call", "_tool_result")):
        yield Said(role, _encode(_clean(item)).decode("utf-8", "replace"))


def _parts(parts: Any, role: str) -> Iterator[Atom | Signed]:
    """Gemini's parts, in either spelling; a function's response may stand under the user's role."""
    for part in objects(parts if isinstance(parts, list) else [parts]):
        yield from _signed(part)
        if part.get("thought"):
            continue
        if call := obj(part.get("functionCall") or part.get("function_call")):
            yield _asked(call, text(call.get("id")))
        elif answered := obj(part.get("functionResponse") or part.get("function_response")):
            response = answered.get("response")
            failed = isinstance(response, dict) and bool(response.get("error"))
            yield Brought(text(answered.get("id")), text(answered.get("name")), _unwrapped(response), failed)
        elif isinstance(said := part.get("text"), str):
            if said := said.strip():
                yield Said(role, said)
        elif rest := {name: value for name, value in part.items() if name not in _SIGNATURES[3:]}:
            yield Said(role, _encode(_clean(rest)).decode("utf-8", "replace"))


def _unwrapped(response: Any) -> Any:
    """A function's response without the one field that clients put it into, as Gemini takes nothing but objects."""
    if isinstance(response, dict) and len(response) == 1:
        return next((response[name] for name in _WRAPS if name in response), response)
    return response


_WRAPS = ("result", "output", "return_value", "content")


def _choices(outputs: Sequence[Message]) -> list[Sequence[Message]]:
    """The answers to choose from: items of one answer have a type, choices have none."""
    if len(outputs) > 1 and not any(isinstance(said.content, dict) and "type" in said.content for said in outputs):
        return [[said] for said in outputs]
    return [outputs] if outputs else []


def _clean(value: Any) -> Any:
    """The value without `cache_control` and without fields that say nothing."""
    if isinstance(value, dict):
        return {k: _clean(v) for k, v in value.items() if v is not None and k != "cache_control"}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    return value


def _is_text(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") in _TEXTS and isinstance(block.get("text"), str)


def _is_system(atom: Atom) -> bool:
    return isinstance(atom, Said) and atom.role == "system"


def _is_assistant(atom: Atom) -> bool:
    return (isinstance(atom, Asked) and not atom.by_client) or (isinstance(atom, Said) and atom.role == ASSISTANT)


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")
