"""Tools that the provider itself ran while it answered: searches, code, MCP servers."""

from collections.abc import Iterator, Sequence

from kagura.collector.atoms import Asked, Brought
from kagura.model import JsonObject, Message
from kagura.providers.values import obj, objects, parsed, text

_BLOCKS = frozenset({"server_tool_use", "mcp_tool_use"})
"""Anthropic's blocks that ask; `…_tool_result` blocks answer."""

_ITEMS = frozenset(
    {"web_search_call", "file_search_call", "code_interpreter_call", "mcp_call", "image_generation_call"}
)
"""Items of the Responses API that ask and answer in one."""

_ARGUMENTS = ("arguments", "action", "queries", "code", "revised_prompt")
_RESULTS = ("output", "results", "outputs")


def served_tools(outputs: Sequence[Message]) -> Iterator[tuple[Asked, Brought]]:
    """Each tool with what it gave, in the order of the answer."""
    for message in outputs:
        content = message.content
        if not isinstance(content, dict):
            continue
        if text(content.get("type")) in _ITEMS:
            yield _item(content)
        elif "parts" in content:
            yield from _parts(objects(content["parts"]))
        else:
            yield from _blocks(objects(content.get("content")))


def _item(item: JsonObject) -> tuple[Asked, Brought]:
    id = text(item.get("id"))
    name = text(item.get("name")) or str(item["type"]).removesuffix("_call")
    given = next((item[field] for field in _ARGUMENTS if item.get(field) is not None), None)
    error = item.get("error")
    content = error or next((item[field] for field in _RESULTS if item.get(field) is not None), None)
    return Asked(id, name, parsed(given)), Brought(id, name, content, bool(error) or item.get("status") == "failed")


def _blocks(blocks: list[JsonObject]) -> Iterator[tuple[Asked, Brought]]:
    results = {block.get("tool_use_id"): block for block in blocks if str(block.get("type")).endswith("_tool_result")}
    for block in blocks:
        if block.get("type") in _BLOCKS:
            id, name = text(block.get("id")), text(block.get("name")) or "tool"
            result = results.get(id, {})
            content = result.get("content")
            failed = result.get("is_error") is True or str(obj(content).get("type")).endswith("_error")
            yield Asked(id, name, block.get("input")), Brought(id, name, content, failed)


def _parts(parts: list[JsonObject]) -> Iterator[tuple[Asked, Brought]]:
    """Gemini's code execution: the code, and the result that follows it."""
    for at, part in enumerate(parts):
        if code := obj(part.get("executableCode")):
            result = obj(parts[at + 1].get("codeExecutionResult")) if at + 1 < len(parts) else {}
            failed = text(result.get("outcome")) not in (None, "OUTCOME_OK")
            name = "code_execution"
            yield Asked(None, name, code.get("code")), Brought(None, name, result.get("output"), failed)
