"""Calls of tools and their results that a client sends back in words: smolagents, and agents that reason in text."""

import ast
import re
from collections.abc import Iterator, Sequence
from typing import Any

from kagura.collector.atoms import ASSISTANT, Asked, Atom, Brought, Said
from kagura.model import JsonObject
from kagura.providers.values import obj, objects, parsed, text

_CALLS = "Calling tools:\n["
_RESULT = re.compile(r"(?:Call id: \S+\n)?(Observation|Error):\s?(.*)", re.DOTALL)
_STOPS = ("</code>", "<end_code>")
"""Stop sequences that the client puts back behind the code that the model wrote."""
_OBSERVATION = "\nObservation:"
"""Where the client cuts an answer, and goes on with what the tool gave."""
_INPUT = "\nAction Input:"
_ACTION = re.compile(r"Action:[ \t]*([^\n]+?)[ \t]*\n+Action Input:[ \t]*(.*)", re.DOTALL)
_THOUGHT = "<think>", "</think>"
_LONGEST = 200_000
"""Characters of a list of calls that is read."""
_COUNTED = re.compile(r"call_\d{1,6}")
"""Ids that the client made up, for code that it found in the answer's text."""


def may_tell(said: Said, before: Sequence[Atom]) -> bool:
    """Whether a text is worth a closer look; most are not."""
    if said.role == ASSISTANT:
        words = said.text
        return _CALLS in words or _INPUT in words or words.endswith(_STOPS) or words.startswith(_THOUGHT[0])
    return bool(before) and isinstance(before[-1], Asked)


def spoken(said: Said, before: Sequence[Atom]) -> Iterator[Atom]:
    """A text, with the calls in it as calls; a text that follows calls and tells their results as results."""
    if said.role == ASSISTANT:
        yield from _answer(said._replace(text=_thoughtless(said.text)))
    elif said.role == "user" and (told := _RESULT.match(said.text)):
        yield from _results(told, before)
    else:
        yield said


def _answer(said: Said) -> Iterator[Atom]:
    if _CALLS in said.text:
        yield from _calls(said)
    elif action := _ACTION.search(said.text):
        if words := said.text[: action.start()].strip():
            yield Said(said.role, words)
        given, observed, result = action[2].partition(_OBSERVATION)
        given = given.strip("`\n ")
        yield Asked(None, action[1], _literal(given) or parsed(given), by_client=True)
        if observed:
            yield Brought(None, action[1], result.strip(), failed=False)
    elif words := _stopped(said.text):
        yield Said(said.role, words)


def _thoughtless(words: str) -> str:
    begin, end = _THOUGHT
    return words.partition(end)[2].strip() if words.startswith(begin) and end in words else words


def _stopped(words: str) -> str:
    return next((words.removesuffix(stop).rstrip() for stop in _STOPS if words.endswith(stop)), words)


def _calls(said: Said) -> Iterator[Atom]:
    words, _, rest = said.text.rpartition(_CALLS)
    calls = [call for item in objects(_literal(f"[{rest}")) if (call := _call(item))]
    if not calls:
        yield said
        return
    if words := _stopped(words.strip()):
        yield Said(said.role, words)
    yield from calls


def _call(item: JsonObject) -> Asked | None:
    function, id = obj(item.get("function")), text(item.get("id"))
    name = text(function.get("name"))
    return Asked(id, name, parsed(function.get("arguments")), bool(_COUNTED.fullmatch(id or ""))) if name else None


def _results(told: re.Match[str], before: Sequence[Atom]) -> Iterator[Brought]:
    """One text for all calls before it: a line each where there are as many lines, else the whole for each."""
    asked: list[Asked] = []
    for atom in reversed(before):
        if not isinstance(atom, Asked):
            break
        asked.insert(0, atom)
    content = told[2].strip()
    lines = content.split("\n")
    for at, call in enumerate(asked):
        own = lines[at] if len(lines) == len(asked) else content
        yield Brought(call.id, call.name, own, failed=told[1] == "Error")


def _literal(source: str) -> Any:
    """A value in Python's notation; None where it is none."""
    if len(source) > _LONGEST:
        return None
    try:
        return ast.literal_eval(source.strip())
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
