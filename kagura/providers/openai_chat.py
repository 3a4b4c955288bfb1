"""OpenAI chat completions, legacy completions and fill-in-the-middle, as OpenAI and its many imitators speak them."""

from typing import Any

from kagura.model import Call, JsonObject, Message, ToolCall
from kagura.providers.framing import DONE
from kagura.providers.usage import llama_usage, openai_usage
from kagura.providers.values import obj, objects, parsed, text
from kagura.providers.wire import Wire, message, messages, without

_ON_SOME_CHUNKS = frozenset({"service_tier", "timings", "usage", "x_groq"})
_REASONING_FIELDS = ("reasoning_content", "reasoning", "refusal")


def read_request(request: JsonObject, call: Call) -> None:
    """Messages, or the prompt of a completion as a user's message."""
    if "messages" in request:
        call.input_messages = messages(request["messages"])
    else:
        call.input_messages = messages(request.get("prompt"))
    call.parameters = without(request, "messages", "prompt")


def read_answer(wire: Wire, call: Call) -> None:
    """Choices, usage and ids of an answer or of the chunks of a stream."""
    choices: dict[Any, _Choice] = {}
    usage: JsonObject = {}
    timings: JsonObject = {}
    tier: str | None = None
    done = False
    for name, data in wire.events:
        if name == DONE:
            done = True
            continue
        chunk = obj(data)
        if call.response_id is None or call.response_model is None:
            call.response_id = call.response_id or text(chunk.get("id"))
            call.response_model = call.response_model or text(chunk.get("model"))
        if not chunk.keys().isdisjoint(_ON_SOME_CHUNKS):
            tier = text(chunk.get("service_tier")) or tier
            timings = obj(chunk.get("timings")) or timings
            usage = obj(chunk.get("usage")) or obj(obj(chunk.get("x_groq")).get("usage")) or usage
        for at, part in enumerate(objects(chunk.get("choices"))):
            index = part.get("index")
            index = index if isinstance(index, int) else at
            choice = choices.get(index)
            if choice is None:
                choice = choices[index] = _Choice()
            choice.add(part)
            if "usage" in part:
                usage = obj(part["usage"]) or usage
    if usage:
        call.usage = openai_usage(usage, wire.provider)
        call.usage.service_tier = tier or call.usage.service_tier
    elif "predicted_n" in timings:
        call.usage = llama_usage(timings)
    finished = [choice for choice in choices.values() if choice.finish_reason]
    call.finish_reason = finished[0].finish_reason if finished else None
    call.complete = done or bool(finished) or not wire.answer.is_stream
    call.output_messages = [choice.message() for choice in choices.values() if not choice.is_empty]
    call.tool_calls = [tool for choice in choices.values() for tool in choice.tool_calls()]


class _Choice:
    """One choice, put together from its message or its deltas."""

    def __init__(self) -> None:
        self.finish_reason: str | None = None
        self._whole: JsonObject | None = None
        self._role = "assistant"
        self._text: list[str] = []
        self._parts: list[Any] = []
        self._fields: dict[str, list[str]] = {}
        self._details: list[Any] = []
        self._calls: list[_Tool] = []
        self._open: dict[int, _Tool] = {}
        self._function: _Tool | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no content of any sort came: some providers send a choice with usage only."""
        return not (self._whole or self._text or self._parts or self._fields or self._calls or self._function)

    def add(self, part: JsonObject) -> None:
        """Take a choice of an answer or of one chunk."""
        if self.finish_reason is None and (part.get("finish_reason") or "finish_details" in part):
            self.finish_reason = text(part.get("finish_reason")) or text(obj(part.get("finish_details")).get("type"))
        if "delta" in part:
            self._add_delta(obj(part["delta"]))
        elif whole := obj(part.get("message")):
            self._whole = whole
        elif isinstance(completion := part.get("text"), str):
            self._text.append(completion)

    def _add_delta(self, delta: JsonObject) -> None:
        content = delta.get("content")
        if type(content) is str:
            self._text.append(content)
        elif content:
            self._parts.extend(content if isinstance(content, list) else [content])
        if content is not None and len(delta) == 1:
            return
        self._role = text(delta.get("role")) or self._role
        for name in _REASONING_FIELDS:
            if piece := text(delta.get(name)):
                self._fields.setdefault(name, []).append(piece)
        self._details.extend(objects(delta.get("reasoning_details")))
        for tool in objects(delta.get("tool_calls")):
            self._add_tool(tool)
        if function := obj(delta.get("function_call")):
            self._function = self._function or _Tool("function")
            self._function.extend(function)

    def _add_tool(self, piece: JsonObject) -> None:
        """Add a piece of a tool call; a new id under a known index opens a further call, as some providers do."""
        id_ = text(piece.get("id"))
        kind = "custom" if piece.get("custom") and not piece.get("function") else "function"
        function = obj(piece.get(kind))
        index = piece.get("index")
        tool = self._open.get(index) if isinstance(index, int) else self._without_index(id_, function)
        if tool is None or (id_ and tool.id and id_ != tool.id and function.get("name")):
            tool = _Tool(kind)
            self._calls.append(tool)
        if isinstance(index, int):
            self._open[index] = tool
        tool.id = tool.id or id_
        tool.extend(function)

    def _without_index(self, id_: str | None, function: JsonObject) -> "_Tool | None":
        """The call that a piece without an index belongs to: that of its id, or the last one where it has no name."""
        if id_:
            return next((tool for tool in self._calls if tool.id == id_), None)
        return self._calls[-1] if self._calls and not function.get("name") else None

    def message(self) -> Message:
        """The assistant's message as a client sends it back with the next turn."""
        if self._whole is not None:
            return message(self._whole, "assistant")
        said: str | list[Any] | None = "".join(self._text)
        if self._parts:
            said = [*self._parts, {"type": "text", "text": said}] if said else self._parts
        content: JsonObject = {"role": self._role, "content": said or None}
        for name, pieces in self._fields.items():
            content[name] = "".join(pieces)
        if self._details:
            content["reasoning_details"] = self._details
        if self._calls:
            content["tool_calls"] = [tool.json() for tool in self._calls]
        if self._function:
            content["function_call"] = self._function.function()
        return message(content, "assistant")

    def tool_calls(self) -> list[ToolCall]:
        """The tools that the choice asks for."""
        whole = self._whole or {}
        calls = [
            _tool_call(tool) for tool in [*objects(whole.get("tool_calls")), *(tool.json() for tool in self._calls)]
        ]
        function = obj(whole.get("function_call")) or (self._function.function() if self._function else None)
        if function:
            calls.append(_tool_call({"function": function}))
        return calls


class _Tool:
    """One tool call, put together from its deltas."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.id: str | None = None
        self._name: str | None = None
        self._pieces: list[str] = []
        self._value: Any = None

    def extend(self, function: JsonObject) -> None:
        """Take the name, which comes once, and the next piece of the arguments."""
        self._name = self._name or text(function.get("name"))
        piece = function.get("arguments", function.get("input"))
        if isinstance(piece, str):
            self._pieces.append(piece)
        elif piece is not None:
            self._value = piece

    def function(self) -> JsonObject:
        """Name and arguments (a custom tool's: input)."""
        given = "".join(self._pieces) if self._value is None else self._value
        return {"name": self._name or "", "input" if self.kind == "custom" else "arguments": given}

    def json(self) -> JsonObject:
        """The call as it stands in a message."""
        return {"id": self.id, "type": self.kind, self.kind: self.function()}


def _tool_call(tool: JsonObject) -> ToolCall:
    function = obj(tool.get("function")) or obj(tool.get("custom"))
    arguments = function.get("arguments", function.get("input"))
    return ToolCall(name=text(function.get("name")) or "", id=text(tool.get("id")), arguments=parsed(arguments))
