"""APIs of a provider's own that are simple enough to be a row: where an answer keeps its text and its counts."""

from typing import NamedTuple

from kagura.model import Call, JsonObject, ToolCall
from kagura.providers.framing import DONE
from kagura.providers.usage import openai_usage
from kagura.providers.values import first_obj, obj, objects, parsed, text
from kagura.providers.wire import Wire, message, messages, without

Path = tuple[str, ...]
"""Field names from the answer down; an array on the way stands for its first element."""


class Shape(NamedTuple):
    """How an API answers, whole or in each event of a stream."""

    marks: frozenset[str]
    """Fields that an answer of this shape has together."""
    said: tuple[Path, ...]
    finish: tuple[Path, ...] = ()
    tools: Path | None = None
    usage: Path = ("usage",)
    """Where the counts stand; `()` for the answer itself."""
    counts: tuple[tuple[str, str], ...] = ()
    """Its own names of counts, and OpenAI's."""
    whole: bool = False
    """Each event repeats all that was said before, unless `parameters.incremental_output` is set."""
    pending: frozenset[str] = frozenset()
    """Values of `status` under which the answer is still to come: it is fetched later, by its id."""
    common: bool = False
    """APIs that are no models' answer so as well: only a path tells."""


SHAPES: tuple[Shape, ...] = (
    Shape(
        frozenset({"output", "request_id"}),
        said=(("output", "text"), ("output", "choices", "message", "content")),
        finish=(("output", "finish_reason"), ("output", "choices", "finish_reason")),
        tools=("output", "choices", "message", "tool_calls"),
        whole=True,
    ),
    Shape(
        frozenset({"result", "success"}),
        said=(("result", "response"),),
        tools=("result", "tool_calls"),
        usage=("result", "usage"),
        common=True,
    ),
    Shape(frozenset({"result", "is_truncated"}), said=(("result",),), finish=(("finish_reason",),)),
    Shape(
        frozenset({"content", "stop", "tokens_predicted"}),
        said=(("content",),),
        finish=(("stop_type",),),
        usage=(),
        counts=(("tokens_evaluated", "prompt_tokens"), ("tokens_predicted", "completion_tokens")),
    ),
    Shape(
        frozenset({"status", "urls"}),
        said=(("output",),),
        common=True,
        pending=frozenset({"queued", "starting", "processing"}),
        usage=("metrics",),
        counts=(("input_token_count", "prompt_tokens"), ("output_token_count", "completion_tokens")),
    ),
    Shape(frozenset({"response"}), said=(("response",),), tools=("tool_calls",), common=True),
)
"""Alibaba's DashScope (https://help.aliyun.com/zh/model-studio/qwen-api-reference), Cloudflare's Workers AI
(https://developers.cloudflare.com/workers-ai/), Baidu's first Qianfan, llama.cpp's `/completion`, Replicate's
predictions (https://replicate.com/docs/reference/http), an event of a stream of Workers AI. The first that fits."""

_PROMPTS = ("messages", "prompt", "text", "input")
_NO_REASON = "null"


def read_request(request: JsonObject, call: Call) -> None:
    """Messages or a prompt, at the top or (DashScope, Replicate) below `input`."""
    for holder in (request, obj(request.get("input"))):
        for field in _PROMPTS:
            if not isinstance(given := holder.get(field), dict):
                call.input_messages += messages(given)
    call.parameters = without(request, *_PROMPTS)


def read_answer(wire: Wire, call: Call) -> None:
    """Text, tools, the end and the counts, wherever the shape keeps them."""
    said, tools = "", list[JsonObject]()
    incremental = obj(wire.request.get("parameters")).get("incremental_output") is True
    call.complete = not wire.answer.is_stream
    for name, data in wire.events:
        event = obj(data)
        call.complete = call.complete or name == DONE or event.get("stop") is True
        shape = next((shape for shape in SHAPES if shape.marks <= event.keys()), None)
        if shape is None:
            continue
        piece = next((part for path in shape.said if (part := _joined(_at(event, path)))), "")
        said = piece or said if shape.whole and not incremental else said + piece
        tools = objects(_at(event, shape.tools)) or tools if shape.tools else tools
        reason = next((found for path in shape.finish if (found := text(_at(event, path)))), _NO_REASON)
        call.finish_reason = call.finish_reason if reason == _NO_REASON else reason
        call.response_id = call.response_id or text(event.get("id")) or text(event.get("request_id"))
        call.response_model = call.response_model or text(event.get("model"))
        _read_counts(shape, event, wire, call)
        if shape.pending:
            call.result_key = call.response_id
            call.billable = event.get("status") not in shape.pending
    call.complete = call.complete or bool(call.finish_reason)
    if said:
        call.output_messages = [message(said, "assistant")]
    call.tool_calls = [_tool_call(tool) for tool in tools]


def _read_counts(shape: Shape, event: JsonObject, wire: Wire, call: Call) -> None:
    raw = obj(_at(event, shape.usage))
    counted = {name: raw[own] for own, name in shape.counts if own in raw} if shape.counts else raw
    if counted:
        call.usage = openai_usage(counted, wire.provider)


def _at(value: object, path: Path) -> object:
    for name in path:
        value = first_obj(value).get(name)
    return value


def _joined(value: object) -> str:
    """A text, or (Replicate) an array of its pieces."""
    pieces = value if isinstance(value, list) else [value]
    return "".join(piece if isinstance(piece, str) else text(obj(piece).get("text")) or "" for piece in pieces)


def _tool_call(tool: JsonObject) -> ToolCall:
    function = obj(tool.get("function")) or tool
    return ToolCall(
        name=text(function.get("name")) or "", id=text(tool.get("id")), arguments=parsed(function.get("arguments"))
    )
