"""An agent on LiteLLM as a library: Claude plans, a tool asks Gemini, streamed."""

import json
import sys

import litellm
from world import get_time, get_weather, look_up


def agent(model, instructions, prompt, *tools, stream=False):
    """Answer a prompt with the help of tools."""
    known = {tool.__name__: tool for tool in tools}
    offered = [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in known]
    messages = [{"role": "system", "content": instructions}, {"role": "user", "content": prompt}]
    while True:
        answer = litellm.completion(model=model, messages=messages, tools=offered, stream=stream)
        if stream:
            answer = litellm.stream_chunk_builder(list(answer), messages=messages)
        said = answer.choices[0].message
        if not said.tool_calls:
            return said.content
        messages.append(said)
        for call in said.tool_calls:
            result = known[call.function.name](**json.loads(call.function.arguments))
            messages.append({"role": "tool", "tool_call_id": call.id, "content": result})


def ask_translator(text: str) -> str:
    """Have words translated."""
    return agent("gemini/gemini-2.5-flash", "You translate.", text, look_up, stream=True)


tools = get_weather, get_time, ask_translator
print(agent("anthropic/claude-sonnet-4-5", "You plan trips.", f"Plan {sys.argv[1]}.", *tools))
