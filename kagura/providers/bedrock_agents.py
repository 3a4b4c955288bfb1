"""Amazon Bedrock's agents and knowledge bases: what they answer, and what their models spent on the way.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_agent-runtime_InvokeAgent.html
"""

import msgspec

from kagura.model import Call, JsonObject, ToolCall, Usage
from kagura.providers.values import count, obj, objects, text, total
from kagura.providers.wire import Wire, message, messages, without

_TOOLS = ("functionInvocationInput", "apiInvocationInput")


def read_request(request: JsonObject, call: Call) -> None:
    """The text that the agent or the knowledge base is asked."""
    call.input_messages = messages(request.get("inputText", obj(request.get("input")).get("text")))
    call.parameters = without(request, "inputText", "input")


def read_answer(wire: Wire, call: Call) -> None:
    """The text and, where the request asked for traces, the tokens of each invocation of a model.

    Without traces nobody says what was spent, and the texts are the smallest part of it.
    """
    said: list[str] = [text(obj(wire.body.get("output")).get("text")) or ""]
    spent: list[JsonObject] = []
    for name, data in wire.events if wire.answer.is_stream else ():
        event = obj(data)
        if name == "chunk":
            said.append(text(event.get("text")) or msgspec.json.encode(data).decode())
        elif name == "output":
            said.append(text(event.get("text")) or "")
        elif name == "returnControl":
            call.response_id = text(event.get("invocationId"))
            call.tool_calls += [_tool_call(asked) for asked in objects(event.get("invocationInputs"))]
        for step in obj(event.get("trace")).values():
            invoked = obj(obj(step).get("modelInvocationInput"))
            call.response_model = text(invoked.get("foundationModel")) or call.response_model
            metadata = obj(obj(obj(step).get("modelInvocationOutput")).get("metadata"))
            spent += objects([metadata.get("usage")])
    answer = "".join(said)
    call.complete = bool(answer or call.tool_calls) or not wire.answer.is_stream
    if answer:
        call.output_messages = [message(answer, "assistant")]
    if spent:
        call.usage = Usage(
            input=total(*(count(usage.get("inputTokens")) for usage in spent)),
            output=total(*(count(usage.get("outputTokens")) for usage in spent)),
            raw={"invocations": spent},
        )
    call.billable = call.usage is not None


def _tool_call(asked: JsonObject) -> ToolCall:
    """A function, or an operation of an API, that the agent leaves to its caller."""
    tool = next((found for name in _TOOLS if (found := obj(asked.get(name)))), {})
    named = text(tool.get("function")) or text(tool.get("apiPath"))
    arguments = {text(item.get("name")) or "": item.get("value") for item in objects(tool.get("parameters"))}
    return ToolCall(name=named or "", arguments=arguments)
