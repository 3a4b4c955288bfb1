"""Ollama's own `/api/chat` and `/api/generate`: one JSON object, or one a line."""

from kagura.model import Call, JsonObject, ToolCall, Usage
from kagura.providers.values import count, obj, objects, text
from kagura.providers.wire import Wire, message, messages, without

_PIECES = ("content", "thinking")


def read_request(request: JsonObject, call: Call) -> None:
    """Messages, or the prompt of `generate` as a user's message."""
    call.input_messages = messages(request.get("messages", request.get("prompt")))
    call.parameters = without(request, "messages", "prompt")


def read_answer(wire: Wire, call: Call) -> None:
    """The message put together from its lines; counts stand in the last one."""
    pieces: dict[str, list[str]] = {name: [] for name in _PIECES}
    tools: list[JsonObject] = []
    call.complete = False
    for _, data in wire.events:
        line = obj(data)
        call.response_model = call.response_model or text(line.get("model"))
        said = obj(line.get("message")) or {"content": line.get("response"), "thinking": line.get("thinking")}
        tools += objects(said.get("tool_calls"))
        for name in _PIECES:
            pieces[name].append(text(said.get(name)) or "")
        if line.get("done") is True:
            call.complete = True
            call.finish_reason = text(line.get("done_reason"))
            call.usage = ollama_usage(line)
    content: JsonObject = {"role": "assistant"} | {name: "".join(parts) for name, parts in pieces.items()}
    if not content["thinking"]:
        del content["thinking"]
    if tools:
        content["tool_calls"] = tools
    if content["content"] or len(content) > 2:
        call.output_messages = [message(content, "assistant")]
    call.tool_calls = [_tool_call(tool) for tool in tools]


def ollama_usage(line: JsonObject) -> Usage | None:
    """Read the counts of a last line; a prompt that was cached whole has no `prompt_eval_count`."""
    raw = {name: value for name, value in line.items() if name.endswith(("_count", "_duration"))}
    if not raw:
        return None
    return Usage(input=count(raw.get("prompt_eval_count")), output=count(raw.get("eval_count")), raw=raw)


def _tool_call(tool: JsonObject) -> ToolCall:
    function = obj(tool.get("function"))
    return ToolCall(name=text(function.get("name")) or "", id=text(tool.get("id")), arguments=function.get("arguments"))
