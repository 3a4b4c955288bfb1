"""An agent on Anthropic's SDK alone, streamed: a loop of calls and tools, in which one tool is another such loop."""

import inspect
import sys
from concurrent.futures import ThreadPoolExecutor

from anthropic import Anthropic
from world import get_time, get_weather, look_up

client = Anthropic()


def offered(tool):
    """A tool as the model hears of it."""
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in inspect.signature(tool).parameters}}
    return {"name": tool.__name__, "description": tool.__doc__ or "A tool.", "input_schema": schema}


def agent(instructions, prompt, *tools):
    """Answer a prompt with the help of tools."""
    known = {tool.__name__: tool for tool in tools}
    messages = [{"role": "user", "content": prompt}]
    while True:
        with client.messages.stream(
            model="claude-sonnet-4-5",
            max_tokens=1000,
            system=instructions,
            messages=messages,
            tools=[offered(tool) for tool in tools],
        ) as stream:
            answer = stream.get_final_message()
        calls = [block for block in answer.content if block.type == "tool_use"]
        if not calls:
            return answer.content[0].text
        with ThreadPoolExecutor() as pool:
            results = pool.map(lambda call: known[call.name](**call.input), calls)
        pairs = zip(calls, results, strict=True)
        brought = [{"type": "tool_result", "tool_use_id": call.id, "content": result} for call, result in pairs]
        messages += [{"role": "assistant", "content": answer.content}, {"role": "user", "content": brought}]


def ask_translator(text):
    """Have words translated."""
    return agent("You translate.", text, look_up)


print(agent("You plan trips.", f"Plan {sys.argv[1]}.", get_weather, get_time, ask_translator))
