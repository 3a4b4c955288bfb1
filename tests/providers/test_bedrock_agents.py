import base64
import json

from kagura.model import JsonObject, ToolCall
from tests.providers.amazon import message
from tests.providers.dialogue import call

PATH = "/agents/AB12/agentAliases/CD34/sessions/s-1/text"
ASK = {"inputText": "When to travel?", "enableTrace": True}
CLAUDE = "anthropic.claude-3-5-sonnet-20240620-v1:0"


def chunk(said: str) -> bytes:
    return message("chunk", json.dumps({"bytes": base64.b64encode(said.encode()).decode()}).encode())


def trace(**step: JsonObject) -> bytes:
    return message("trace", json.dumps({"agentId": "AB12", "trace": {"orchestrationTrace": step}}).encode())


def spent(input_tokens: int, output_tokens: int) -> bytes:
    usage = {"inputTokens": input_tokens, "outputTokens": output_tokens}
    return trace(modelInvocationOutput={"metadata": {"usage": usage}})


def test_traces_tell_what_each_invocation_of_a_model_spent() -> None:
    thought = trace(modelInvocationInput={"foundationModel": CLAUDE, "text": "..."})
    found = call(PATH, thought + spent(400, 30) + spent(700, 50) + chunk("In autumn."), ASK, provider="bedrock")
    assert (found.endpoint, found.stream, found.complete, found.billable) == ("invoke-agent", True, True, True)
    assert found.usage and (found.usage.input, found.usage.output) == (1100, 80)
    assert (found.response_model, found.output_messages[0].text) == (CLAUDE, "In autumn.")
    assert [sent.text for sent in found.input_messages] == ["When to travel?"]
    assert found.notes == []


def test_without_traces_nobody_says_what_was_spent() -> None:
    found = call(PATH, chunk("42"), ASK, provider="bedrock")
    assert (found.usage, found.billable, found.complete, found.output_messages[0].text) == (None, False, True, "42")
    answer = {"output": {"text": "Telos is a language."}, "sessionId": "s-1", "citations": []}
    found = call("/retrieveAndGenerate", answer, {"input": {"text": "What is Telos?"}}, provider="bedrock")
    assert (found.usage, found.billable, found.output_messages[0].text) == (None, False, "Telos is a language.")


def test_an_agent_leaves_a_function_to_its_caller() -> None:
    parameters = [{"name": "city", "type": "string", "value": "Agra"}]
    asked = {"functionInvocationInput": {"actionGroup": "trips", "function": "weather", "parameters": parameters}}
    control = {"invocationId": "i-1", "invocationInputs": [asked]}
    found = call(PATH, message("returnControl", json.dumps(control).encode()), ASK, provider="bedrock")
    assert (found.complete, found.tool_calls) == (True, [ToolCall(name="weather", arguments={"city": "Agra"})])
