"""OpenAI's Responses API, plain and streamed."""

from collections import Counter
from decimal import Decimal

from kagura.model import Call, JsonObject, Message, ToolCall
from kagura.providers.framing import DONE
from kagura.providers.responses_stream import Items
from kagura.providers.usage import openai_usage
from kagura.providers.values import obj, objects, parsed, quantity, text
from kagura.providers.wire import Wire, message, messages, plain_text, without

_ENDS = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})
_NAMED_TOOLS = frozenset({"function_call", "custom_tool_call"})
_CLIENT_TOOLS = frozenset({"local_shell_call", "computer_call", "apply_patch_call"})
_BILLED_TOOLS = {"web_search_call": "web_search", "file_search_call": "file_search"}
_SEARCH = "search"
"""The action of a web search that costs: https://developers.openai.com/api/docs/guides/tools-web-search."""
_ASSISTANT_ITEMS = ("message", "reasoning", "compaction")
_PENDING = frozenset({"queued", "in_progress"})


def read_request(request: JsonObject, call: Call) -> None:
    """Instructions as a system message, then the input's items as they were sent."""
    call.input_messages = []
    if instructions := text(request.get("instructions")):
        call.input_messages.append(Message(role="system", content=instructions, text=instructions))
    given = request.get("input")
    if isinstance(given, list):
        call.input_messages += [_item(item) for item in given]
    else:
        call.input_messages += messages(given)
    call.previous_response_id = text(request.get("previous_response_id"))
    call.parameters = without(request, "input", "instructions")


def read_answer(wire: Wire, call: Call) -> None:
    """The response object; in a stream that of the last event that carries one, with the items that came before.

    A response in the background is answered before it is made: its usage comes with a later fetch.
    """
    response: JsonObject = wire.body
    items = Items()
    ended = not wire.answer.is_stream
    for name, data in wire.events if wire.answer.is_stream else ():
        event = obj(data)
        kind = text(event.get("type")) or name
        if kind == DONE or kind in _ENDS:
            ended = True
        if found := obj(event.get("response")):
            response = found
        elif event.get("object") == "response":
            response = event
        items.add(kind or "", event)
    call.complete = ended
    output = objects(response.get("output")) or items.all()
    call.response_id = text(response.get("id"))
    call.response_model = text(response.get("model"))
    call.previous_response_id = text(response.get("previous_response_id")) or call.previous_response_id
    call.finish_reason = text(obj(response.get("incomplete_details")).get("reason")) or text(response.get("status"))
    call.output_messages = [_item(item, "assistant") for item in output]
    call.tool_calls = [tool for item in output if (tool := _tool_call(item))]
    if usage := obj(response.get("usage")):
        call.usage = openai_usage(usage, wire.provider)
        call.usage.service_tier = text(response.get("service_tier")) or call.usage.service_tier
        call.usage.units = _tools_used(response, output) | call.usage.units
    if response.get("background") is True:
        call.result_key = call.response_id
        call.billable = call.usage is not None
        call.complete = call.complete or (text(response.get("status")) in _PENDING and not wire.answer.is_stream)


def _tools_used(response: JsonObject, output: list[JsonObject]) -> dict[str, Decimal]:
    """The billed calls of OpenAI's own tools: as the response counts them, or as its items show them.

    A web search that opens a page, or looks for a text in one, is not billed.
    """
    counted = Counter(
        unit
        for item in output
        if (unit := _BILLED_TOOLS.get(text(item.get("type")) or ""))
        and (text(obj(item.get("action")).get("type")) or _SEARCH) == _SEARCH
    )
    used = {unit: Decimal(n) for unit, n in counted.items()}
    told = quantity(obj(obj(response.get("tool_usage")).get("web_search")).get("num_requests"))
    if told is not None:
        used["web_search"] = told
    return {unit: n for unit, n in used.items() if n}


def _item(item: object, default_role: str = "user") -> Message:
    """An item as a message: tool calls are the assistant's, their results the tool's."""
    kind = item.get("type") if isinstance(item, dict) else None
    if isinstance(kind, str) and kind not in _ASSISTANT_ITEMS:
        default_role = "tool" if kind.endswith("_output") else "assistant" if kind.endswith("_call") else default_role
    elif kind == "reasoning":
        return Message(role="assistant", content=item, text=plain_text(obj(item).get("summary")))
    return message(item, default_role)


def _tool_call(item: JsonObject) -> ToolCall | None:
    """The call of a tool that the client runs; `None` for any other item."""
    kind = text(item.get("type")) or ""
    id_ = text(item.get("call_id")) or text(item.get("id"))
    if kind in _NAMED_TOOLS:
        arguments = item.get("arguments", item.get("input"))
        return ToolCall(name=text(item.get("name")) or "", id=id_, arguments=parsed(arguments))
    if kind in _CLIENT_TOOLS:
        return ToolCall(name=kind.removesuffix("_call"), id=id_, arguments=item.get("action", item.get("operation")))
    return None
